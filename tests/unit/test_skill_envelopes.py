"""Arbitrary request envelopes: an answer, an apology or a refusal, and never a stack trace."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagebuild.voice.access import Access
from skill import builds
from skill.app import handler
from skill.conversation import SpokenError
from skill.intents import CONFIRMABLE, INTENTS, REQUESTS
from skill.speech import Sentence
from tests.alexa import SKILL_ID, check_response, load_request

DOORS = [name for name in vars(builds) if name.split("_")[0] in {"start", "stop", "describe", "list", "estimate"}]
DOORS += ["compare_builds", "read_parameter", "propose_change", "apply_change", "count_listeners", "check_pin"]
DOORS += ["plan_rollback", "roll_back", "find_waiting", "answer_approval"]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
confirmations = st.fixed_dictionaries(
    {
        "intent": st.sampled_from(sorted(CONFIRMABLE)) | anything,
        "values": st.dictionaries(st.sampled_from(["number", "note", "name", "old", "new", "live"]), anything)
        | anything,
        "awaits_pin": st.booleans() | anything,
    }
)
said = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["status.failed", "and.more", "ago.days"]) | anything,
        "values": st.dictionaries(st.sampled_from(["since", "reason", "said", "count"]), anything) | anything,
    }
)
attributes = st.fixed_dictionaries(
    {}, optional={"confirmation": confirmations | anything, "said": said | anything, "launched": anything}
)
slots = st.dictionaries(
    st.sampled_from(["number", "count", "outcome", "other", "parameter", "instance", "pin", "note"]),
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
    def fail(*_given: Any, **_named: Any) -> None:
        raise SpokenError(Sentence("error.unavailable"))

    monkeypatch.setenv("SKILL_ID", SKILL_ID)
    monkeypatch.setattr(builds, "read_access", lambda: Access(pin="4711"))
    for name in DOORS:
        monkeypatch.setattr(builds, name, fail)


hold = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@hold
@given(envelope=anything)
def test_what_is_no_envelope_is_refused(envelope: Any) -> None:
    check_response(handler(envelope, None))


@hold
@given(
    intent=st.sampled_from(sorted(INTENTS)),
    attributes=attributes | anything,
    slots=slots | anything,
    locale=st.sampled_from(["en-US", "ja-JP", "de-DE"]),
)
def test_any_intent_with_any_slots_and_any_memory_is_answered(
    intent: str, attributes: Any, slots: Any, locale: str
) -> None:
    envelope = load_request("start_build")
    envelope["session"]["attributes"] = attributes
    envelope["request"] |= {"locale": locale, "intent": {"name": intent, "slots": slots, "confirmationStatus": "NONE"}}
    check_response(handler(envelope, None))


@hold
@given(
    kind=st.sampled_from([*REQUESTS, "IntentRequest", "Connections.Response", "Alexa.Presentation.APL.UserEvent"]),
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
