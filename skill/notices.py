"""Takes what Alexa reports and does not wait for an answer to: the end of a session, errors and skill events.

Alexa plays nothing in response to them, and logs an error for any speech:
https://developer.amazon.com/docs/custom-skills/request-types-reference.html
"""

import logging
from typing import Any

_EVENTS = "AlexaSkillEvent."  # the skill was enabled, disabled, or given a permission
_NOTICES = frozenset({"SessionEndedRequest", "System.ExceptionEncountered"})

logger = logging.getLogger("sagebuild")


def is_notice(envelope: Any) -> bool:
    """Return True for a request that gets an empty response, and log the error that it reports."""
    request = envelope.get("request") if isinstance(envelope, dict) else None
    kind = request.get("type") if isinstance(request, dict) else None
    if not isinstance(kind, str) or not (kind in _NOTICES or kind.startswith(_EVENTS)):
        return False
    error = request.get("error") if isinstance(request, dict) else None
    if isinstance(error, dict):
        logger.error("%s: %s: %s", kind, error.get("type"), error.get("message"))
    else:
        logger.info("%s", kind)
    return True
