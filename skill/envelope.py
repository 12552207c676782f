"""Reads a turn from Alexa's request envelope, any part of which may be missing."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ask_sdk_model import RequestEnvelope

from skill.conversation import PIPELINE, Api, Turn

_MATCHED = "ER_SUCCESS_MATCH"
_NOT_MATCHED = "ER_SUCCESS_NO_MATCH"
_UNHEARD = "?"  # Alexa sends it for a number that she heard but did not understand.
# https://developer.amazon.com/docs/custom-skills/add-personalization-to-your-skill.html
_RECOGNIZED = 300
# The authority of values that a skill sent, as in amzn1.er-authority.echo-sdk.dynamic.amzn1.ask.skill.X.Pipeline:
# https://developer.amazon.com/docs/custom-skills/use-dynamic-entities-for-customized-interactions.html
_DYNAMIC = ".dynamic."


def read_turn(envelope: RequestEnvelope, now: datetime) -> Turn:
    """Read what the person said, and what the session keeps of the last turn."""
    request, session = envelope.request, envelope.session
    turn = Turn(
        request.request_id,
        now,
        slots=dict(_read_slots(request)),
        heard=tuple(_read_heard(request)),
        identities=frozenset(_read_identities(envelope)),
        unclear=dict(_read_unclear(request)),
        api=_read_api(envelope),
        pressed=tuple(getattr(request, "arguments", None) or ()),
    )
    return turn.remember(session and session.attributes)


def _read_slots(request: Any) -> Iterator[tuple[str, str]]:
    for name, slot in _list_filled(request):
        # The stack's own names decide which pipeline was meant, not the examples in the interaction model.
        resolved = None if name in PIPELINE else next((found for _, found in _resolve(slot)), None)
        yield name, resolved or slot.value


def _read_heard(request: Any) -> Iterator[str]:
    """Yield a pipeline that Alexa knows from the skill, then the spoken words, then an example of the model."""
    for name, slot in _list_filled(request):
        if name in PIPELINE:
            found = list(_resolve(slot))
            yield from (one for authority, one in found if _DYNAMIC in authority)
            yield slot.value
            yield from (one for authority, one in found if _DYNAMIC not in authority)


def _list_filled(request: Any) -> Iterator[tuple[str, Any]]:
    intent = getattr(request, "intent", None)
    for name, slot in ((intent and intent.slots) or {}).items():
        if slot and isinstance(slot.value, str) and slot.value.strip() not in ("", _UNHEARD):
            yield name, slot


def _read_unclear(request: Any) -> Iterator[tuple[str, str]]:
    """Yield the slots that were heard and not understood; a pipeline's name is looked up later."""
    intent = getattr(request, "intent", None)
    for name, slot in ((intent and intent.slots) or {}).items():
        if not slot or not isinstance(slot.value, str) or not slot.value.strip() or name in PIPELINE:
            continue
        found = (slot.resolutions and slot.resolutions.resolutions_per_authority) or ()
        codes = [one.status.code.value for one in found if one.status and one.status.code]
        if slot.value == _UNHEARD or (_NOT_MATCHED in codes and _MATCHED not in codes):
            yield name, slot.value


def read_confidence(event: Any) -> int:
    """Return how sure Alexa is of the person: 300 if she recognized the voice, 400 with the profile PIN.

    The SDK's classes do not know the field. Without it, Alexa sends a person only if she recognized the voice.
    """
    value = event
    for name in ("context", "System", "person", "authenticationConfidenceLevel", "level"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int) else _RECOGNIZED


def _resolve(slot: Any) -> Iterator[tuple[str, str]]:
    """Yield each authority that matched the slot, and the id of the best value that it found."""
    for authority in (slot.resolutions and slot.resolutions.resolutions_per_authority) or ():
        if authority.status and authority.status.code and authority.status.code.value == _MATCHED and authority.values:
            value = authority.values[0].value
            if isinstance(value.id, str):
                yield str(authority.authority), value.id


def _read_api(envelope: RequestEnvelope) -> Api | None:
    system = envelope.context and envelope.context.system
    if not system or not system.api_endpoint or not system.api_access_token:
        return None
    return Api(str(system.api_endpoint), str(system.api_access_token), str(envelope.request.locale))


def _read_identities(envelope: RequestEnvelope) -> Iterator[str]:
    system = envelope.context and envelope.context.system
    for speaker, name in ((system and system.user, "user_id"), (system and system.person, "person_id")):
        identity = getattr(speaker, name, None)
        if isinstance(identity, str):
            yield identity
