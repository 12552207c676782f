"""Arbitrary request envelopes: the skill answers, apologizes or refuses, and never raises."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagebuild.errors import AwsUnavailableError
from sagebuild.service import Service
from sagebuild.voice.access import Access
from skill import access
from skill.app import handler
from skill.intents import INTENTS, REQUESTS
from tests.alexa import SKILL_ID, check_response, load_request

KINDS = [request.name for request in REQUESTS]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
confirmations = st.fixed_dictionaries(
    {
        "intent": st.sampled_from(sorted(name for name, intent in INTENTS.items() if intent.on_yes)) | anything,
        "values": st.dictionaries(st.sampled_from(["number", "note", "name", "old", "new", "live"]), anything)
        | anything,
        "awaits_pin": st.booleans() | anything,
    }
)
said = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["status.failed", "follow_up", "ago.days"]) | anything,
        "values": st.dictionaries(st.sampled_from(["since", "reason", "said", "count"]), anything) | anything,
    }
)
attributes = st.fixed_dictionaries(
    {}, optional={"confirmation": confirmations | anything, "said": said | anything, "launched": anything}
)
slots = st.dictionaries(
    st.sampled_from(sorted({slot for intent in INTENTS.values() for slot in intent.slots})),
    st.fixed_dictionaries({}, optional={"name": anything, "value": anything, "resolutions": anything}) | anything,
)
places = st.sampled_from(
    [
        *[("request",), ("request", "type"), ("request", "locale"), ("request", "intent"), ("request", "requestId")],
        *[("request", "timestamp"), ("session",), ("session", "user"), ("context",), ("context", "System")],
        *[("context", "System", "user"), ("context", "System", "person"), ("context", "System", "device")],
        *[("context", "System", "application"), ("context", "Viewports"), ("version",)],
    ]
)


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> None:  # noqa: ARG001
    def fail() -> Service:
        raise AwsUnavailableError("AWS does not answer.")

    monkeypatch.setenv("SKILL_ID", SKILL_ID)
    monkeypatch.setattr(access, "read_access", lambda: Access(pin="4711"))
    monkeypatch.setattr(Service, "from_environment", fail)


hold = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@hold
@given(envelope=anything)
def test_an_event_that_is_no_envelope_is_refused(envelope: Any) -> None:
    check_response(handler(envelope, None))


@hold
@given(
    intent=st.sampled_from(sorted(INTENTS)),
    attributes=attributes | anything,
    slots=slots | anything,
    locale=st.sampled_from(["en-US", "ja-JP", "de-DE"]),
)
def test_any_intent_with_any_slots_and_session_is_answered(
    intent: str, attributes: Any, slots: Any, locale: str
) -> None:
    envelope = load_request("start_build")
    envelope["session"]["attributes"] = attributes
    envelope["request"] |= {"locale": locale, "intent": {"name": intent, "slots": slots, "confirmationStatus": "NONE"}}
    check_response(handler(envelope, None))


@hold
@given(
    kind=st.sampled_from([*KINDS, "IntentRequest", "Connections.Response", "Alexa.Presentation.APL.UserEvent"]),
    place=places,
    value=anything,
)
def test_an_envelope_with_anything_at_any_place_is_answered(kind: str, place: tuple[str, ...], value: Any) -> None:
    envelope = copy.deepcopy(load_request("list_builds"))
    envelope["request"]["type"] = kind
    part = envelope
    for name in place[:-1]:
        part = part.setdefault(name, {})
    part[place[-1]] = value
    check_response(handler(envelope, None))


def test_a_locale_that_nests_deeply_is_answered_in_english() -> None:
    locale: Any = []
    for _ in range(3000):
        locale = [locale]
    envelope = load_request("list_builds")
    envelope["request"] |= {"locale": locale, "type": "Unknown"}
    check_response(handler(envelope, None))
