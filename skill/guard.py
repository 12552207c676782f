"""Which requests are answered at all: those of our own skill, made just now. Everything else is refused."""

import logging
import os
from datetime import UTC, datetime
from typing import Any

from skill.speech import Sentence

# Alexa asks skills to refuse what is older than this, so that a recorded request cannot be replayed.
MAX_AGE_SECONDS = 150

logger = logging.getLogger("sagebuild")


def find_refusal(envelope: Any, now: datetime) -> Sentence | None:
    """Why this request must not be answered, or None if it may be.

    Parameters
    ----------
    envelope
        Whatever arrived; nothing is taken for granted about it.
    now
        The current time, with a time zone.
    """
    skill_id = os.environ.get("SKILL_ID", "")
    if not skill_id:
        logger.error("refused: SKILL_ID is not set, so no request can be known as our skill's own")
        return Sentence("refused.skill")
    if _dig(envelope, "context", "System", "application", "applicationId") != skill_id:
        logger.warning("refused: the request belongs to another skill")
        return Sentence("refused.skill")
    age_seconds = _measure_age(_dig(envelope, "request", "timestamp"), now)
    if age_seconds is None or abs(age_seconds) > MAX_AGE_SECONDS:
        logger.warning("refused: the request is %s s old, allowed are %s s", age_seconds, MAX_AGE_SECONDS)
        return Sentence("refused.age")
    return None


def _dig(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _measure_age(timestamp: Any, now: datetime) -> float | None:
    try:
        moment = datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        return None
    return (now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()
