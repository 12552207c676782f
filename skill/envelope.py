"""Reads from Alexa's request envelope what a turn needs, and trusts none of it to be there."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ask_sdk_model import RequestEnvelope

from skill.conversation import Turn

_MATCHED = "ER_SUCCESS_MATCH"


def read_turn(envelope: RequestEnvelope, now: datetime) -> Turn:
    """What the person said in this turn, and what the session remembers of the last."""
    request, session = envelope.request, envelope.session
    turn = Turn(
        request.request_id, now, slots=dict(_read_slots(request)), identities=frozenset(_read_identities(envelope))
    )
    return turn.remember(session and session.attributes)


def _read_slots(request: Any) -> Iterator[tuple[str, str]]:
    intent = getattr(request, "intent", None)
    for name, slot in ((intent and intent.slots) or {}).items():
        # Alexa hands on what she heard of a number but could not understand as a question mark.
        if slot and isinstance(slot.value, str) and slot.value != "?":
            yield name, _resolve(slot) or slot.value


def _resolve(slot: Any) -> str | None:
    """The id of the value in the slot type's list that was meant."""
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
