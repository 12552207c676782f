"""Reads a turn from Alexa's request envelope, any part of which may be missing."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ask_sdk_model import RequestEnvelope

from skill.conversation import Turn

_MATCHED = "ER_SUCCESS_MATCH"


def read_turn(envelope: RequestEnvelope, now: datetime) -> Turn:
    """Read what the person said, and what the session keeps of the last turn."""
    request, session = envelope.request, envelope.session
    turn = Turn(
        request.request_id, now, slots=dict(_read_slots(request)), identities=frozenset(_read_identities(envelope))
    )
    return turn.remember(session and session.attributes)


def _read_slots(request: Any) -> Iterator[tuple[str, str]]:
    intent = getattr(request, "intent", None)
    for name, slot in ((intent and intent.slots) or {}).items():
        # Alexa sends "?" for a number that she heard but did not understand.
        if slot and isinstance(slot.value, str) and slot.value != "?":
            yield name, _resolve(slot) or slot.value


def _resolve(slot: Any) -> str | None:
    """Return the id of the slot type's value that Alexa matched; None if she matched none."""
    for authority in (slot.resolutions and slot.resolutions.resolutions_per_authority) or ():
        if authority.status and authority.status.code and authority.status.code.value == _MATCHED and authority.values:
            value = authority.values[0].value
            return value.id if isinstance(value.id, str) else None
    return None


def _read_identities(envelope: RequestEnvelope) -> Iterator[str]:
    system = envelope.context and envelope.context.system
    for speaker, name in ((system and system.user, "user_id"), (system and system.person, "person_id")):
        identity = getattr(speaker, name, None)
        if isinstance(identity, str):
            yield identity
