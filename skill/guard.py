"""Refuses requests of other skills, and requests that are too old."""

import logging
import os
from datetime import UTC, datetime
from typing import Any

from sagebuild.settings import Settings
from skill.speech import Sentence

# Alexa requires skills to refuse older requests, so that a recorded request cannot be replayed.
MAX_AGE_SECONDS = 150

logger = logging.getLogger("sagebuild")


def find_refusal(envelope: Any, now: datetime) -> Sentence | None:
    """Return why the skill refuses a request; None if it accepts it.

    Parameters
    ----------
    envelope
        The event that Lambda passed, of any type and content.
    now
        The current time, with a time zone.
    """
    skill_id = Settings(os.environ).skill_id
    if not skill_id:
        logger.error("refused: SKILL_ID is not set; deploy with the parameter alexaSkillId")
        return Sentence("refused.skill")
    if _dig(envelope, "context", "System", "application", "applicationId") != skill_id:
        logger.warning("refused: the request belongs to another skill")
        return Sentence("refused.skill")
    age_seconds = _measure_age(_dig(envelope, "request", "timestamp"), now)
    if age_seconds is None or abs(age_seconds) > MAX_AGE_SECONDS:
        logger.warning("refused: the request is %s s old; at most %s s are allowed", age_seconds, MAX_AGE_SECONDS)
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
