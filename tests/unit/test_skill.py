"""The skill's handler, called as Alexa calls it; fakes stand in for the functions of sagebuild."""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagebuild.builds.lock import PipelineState
from sagebuild.builds.status import BuildStatus
from sagebuild.changes import apply, plan
from sagebuild.changes.apply import Applied
from sagebuild.changes.basis import Live
from sagebuild.changes.plan import Effect, PlannedChange
from sagebuild.changes.start import NextBuild
from sagebuild.changes.stop import Stop
from sagebuild.changes.token import Action
from sagebuild.errors import NoBuildRunningError
from sagebuild.running.stop import Stopped
from sagebuild.service import Service
from sagebuild.voice import pipelines, spoken_parameters
from sagebuild.voice.access import Access
from skill import access, builds
from skill.app import handler
from skill.conversation import SpokenError
from skill.speech import Sentence
from skill.words import say_age
from tests.alexa import REQUESTS, ROOT, SKILL_ID, Conversation, check_response, load_request, read_speech
from tests.unit.skill_domain import COST


def a_build(**changes: Any) -> BuildStatus:
    """Return build 12, which has been training for two minutes, with these changes."""
    running = BuildStatus(
        number=12,
        outcome="running",
        step="Train Model",
        started_at=datetime.now(UTC) - timedelta(seconds=125),
        ended_at=None,
        reason=None,
        console_url="https://console.example/builds/12",
    )
    return replace(running, **changes)


@dataclass
class FakeBuilds:
    """A stack with at most one build, without AWS; `calls` records the calls."""

    latest: BuildStatus | None = None
    waiting: int = 0
    job_status: str | None = "Stopped"
    confirmed: bool = True
    error: SpokenError | None = None
    calls: list[str] = field(default_factory=list)
    _said: dict[str, Any] = field(default_factory=dict)

    def plan_change(self, _service: Service, action: Action, parameters: dict[str, Any] | None = None) -> PlannedChange:
        if action == "start":
            self._record("describe")
        self._said = parameters or {}
        effect = self._describe_stop() if action == "stop" else self._describe_start(self._said)
        return PlannedChange(action, "", effect, None, Live(), f"{action} {getattr(effect, 'number', 0)}")

    def apply_change(self, _service: Service, token: str, detail: str = "", **_more: Any) -> Applied:
        action, _, number = token.partition(" ")
        if action == "stop":
            return self._stop(int(number))
        self._record(f"start {detail} {self._said or ''}".strip())
        if self.running:
            self.waiting += 1
            return Applied("start", "", self.running + 1, running=self.running, waiting=self.waiting)
        self.latest = a_build(number=self.latest.number + 1 if self.latest else 1)
        return Applied("start", "", self.latest.number, started=True)

    @property
    def running(self) -> int | None:
        return self.latest.number if self.latest and self.latest.outcome == "running" else None

    def _describe_start(self, said: dict[str, Any]) -> Effect:
        kind, count = said.get("traininstancetype", "ml.m5.large"), said.get("traininstancecount", 1)
        return NextBuild(13 if self.latest else 1, self.running, True, True, kind, count, 4, 1)

    def _describe_stop(self) -> Effect:
        if self.running is None:
            raise NoBuildRunningError
        return Stop(self.running, "Train Model", None, COST)

    def _stop(self, number: int) -> Applied:
        self._record(f"stop {number}")
        if not self.latest or self.running != number:
            raise NoBuildRunningError
        self.latest = replace(self.latest, outcome="stopped", ended_at=datetime.now(UTC))
        return Applied("stop", "", number, stopped=Stopped(number, self.job_status, self.confirmed))

    def describe_latest_build(self) -> BuildStatus | None:
        self._record("describe")
        return self.latest

    def _record(self, call: str) -> None:
        self.calls.append(call)
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> FakeBuilds:  # noqa: ARG001
    fake = FakeBuilds()
    monkeypatch.setenv("SKILL_ID", SKILL_ID)
    monkeypatch.setattr(access, "read_access", Access)
    monkeypatch.setattr(pipelines, "list_states", lambda _service: [PipelineState()])
    monkeypatch.setattr(builds, "describe_latest_build", fake.describe_latest_build)
    monkeypatch.setattr(builds, "describe_build", lambda _number: None)
    monkeypatch.setattr(spoken_parameters, "find_parameter", lambda *_given: "")
    monkeypatch.setattr(spoken_parameters, "list_hyperparameters", lambda _service: [])
    monkeypatch.setattr(plan, "plan_change", fake.plan_change)
    monkeypatch.setattr(apply, "apply_change", fake.apply_change)
    return fake


@pytest.fixture
def alexa() -> Conversation:
    return Conversation(lambda envelope: handler(envelope, None))


# A conversation without builds


def test_launch_welcomes_and_asks(alexa: Conversation) -> None:
    assert alexa.say("launch").startswith("Sage build is ready")
    assert alexa.is_open


@pytest.mark.parametrize("request_name", ["launch", "help", "fallback", "yes", "repeat"])
def test_intents_without_a_build_ask_what_to_do(alexa: Conversation, domain: FakeBuilds, request_name: str) -> None:
    alexa.say(request_name)
    assert alexa.is_open
    assert domain.calls == []


@pytest.mark.parametrize("request_name", ["stop", "cancel", "no", "navigate_home"])
def test_leaving_ends_the_conversation_and_leaves_builds_alone(
    alexa: Conversation, domain: FakeBuilds, request_name: str
) -> None:
    alexa.say("launch")
    assert "goodbye" in alexa.say(request_name).lower()
    assert not alexa.is_open
    assert domain.calls == []


ERROR = {"type": "INVALID_RESPONSE", "message": "An exception occurred while dispatching the request."}
NOTICES: list[dict[str, Any]] = [
    {"type": "SessionEndedRequest", "reason": "EXCEEDED_MAX_REPROMPTS"},
    {"type": "SessionEndedRequest", "reason": "ERROR", "error": ERROR},
    {"type": "System.ExceptionEncountered", "error": ERROR, "cause": {"requestId": "amzn1.echo-api.request.1"}},
    {"type": "AlexaSkillEvent.SkillEnabled"},
    {"type": "AlexaSkillEvent.SkillDisabled", "body": {}},
    {"type": "AlexaSkillEvent.SkillPermissionAccepted", "body": {"acceptedPermissions": []}},
]


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice["type"])
def test_a_notice_gets_no_speech_and_its_error_is_logged(
    domain: FakeBuilds, notice: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    envelope = load_request("session_ended")
    # Alexa sends events of a skill late, too.
    envelope["request"] = {"requestId": "r", "timestamp": "2026-01-01T00:00:00Z", "locale": "en-US", **notice}
    assert handler(envelope, None) == {"version": "1.0", "response": {}}
    assert ("INVALID_RESPONSE" in caplog.text) is ("error" in notice)
    assert domain.calls == []


# Start


def test_a_start_describes_the_build_and_asks(alexa: Conversation, domain: FakeBuilds) -> None:
    assert alexa.say("start_build") == (
        "Build 1 would train on one m5 large instance for up to 4 hours, and go live as the first model. "
        "Shall I start it?"
    )
    assert alexa.is_open
    assert domain.calls == ["describe"]


def test_a_yes_starts_the_build_and_the_session_closes(alexa: Conversation, domain: FakeBuilds) -> None:
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 1 has started."
    assert not alexa.is_open
    assert domain.calls == ["describe", f"start {load_request('yes')['request']['requestId']}"]
    assert alexa.card.startswith("Build 1\n")


def test_a_build_keeps_the_note_that_was_said(alexa: Conversation, domain: FakeBuilds) -> None:
    alexa.say("start_build", note="new labels from march")
    alexa.say("yes")
    assert domain.calls[-1].endswith(" new labels from march")


def test_a_start_during_a_build_is_queued(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    for requests in ("1 request.", "2 requests."):
        assert alexa.say("start_build").startswith("Build 12 is still running. Build 13 would train on one m5 large")
        assert alexa.say("yes") == "Build 12 is still running, so I noted a new one to follow it."
        assert f"for {requests}" in alexa.card


@pytest.mark.parametrize(
    ("slots", "asked", "started"),
    [
        (
            {"number": "2"},
            "2 m5 large instances for up to 4 hours, and go live as the first model. "
            "Just for this build, that's 2 training instances. Shall I start it?",
            {"traininstancecount": 2},
        ),
        (
            {"instance": "ml.m5.xlarge"},
            "one m5 xlarge instance for up to 4 hours, and go live as the first model. "
            "Just for this build, that's training on m5 xlarge. Shall I start it?",
            {"traininstancetype": "ml.m5.xlarge"},
        ),
        (
            {"number": "2", "instance": "ml.m5.xlarge"},
            "Just for this build, that's 2 instances of m5 xlarge. Shall I start it?",
            {"traininstancecount": 2, "traininstancetype": "ml.m5.xlarge"},
        ),
        (
            {"parameter": "trainvolumesize", "number": "20"},
            "Just for this build, that's a 20 gigabyte training disk. Shall I start it?",
            {"trainvolumesize": 20},
        ),
    ],
)
def test_a_build_starts_with_the_parameters_said_for_it(
    alexa: Conversation, domain: FakeBuilds, slots: dict[str, str], asked: str, started: dict[str, Any]
) -> None:
    assert asked in alexa.say("start_build", **slots)
    alexa.say("yes")
    assert domain.calls[-1].endswith(f" {started}")


def test_the_question_names_the_parameters_of_a_queued_build(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    assert alexa.say("start_build", number="2") == (
        "Build 12 is still running. Build 13 would train on 2 m5 large instances for up to 4 hours. "
        "Just for that build, that's 2 training instances. Shall I start it when the other one ends?"
    )


@pytest.mark.parametrize(
    ("slots", "said", "elicited"),
    [
        ({"parameter": "trainvolumesize"}, "What should the training disk be, in gigabytes?", "number"),
        ({"parameter": "traininstancetype"}, "What should the training instance type be?", "instance"),
        ({"parameter": "weather", "number": "3"}, "Sorry, I don't know weather: what did you mean?", "parameter"),
        ({"number": "?"}, "Sorry, I did not hear the number: which one was it?", "number"),
    ],
)
def test_a_slot_that_is_missing_or_unclear_is_asked_for(
    alexa: Conversation, domain: FakeBuilds, slots: dict[str, str], said: str, elicited: str
) -> None:
    assert alexa.say("start_build", **slots) == said
    assert alexa.is_open
    (directive,) = alexa.response["response"]["directives"]
    assert (directive["type"], directive["slotToElicit"]) == ("Dialog.ElicitSlot", elicited)
    alexa.say("yes")
    assert domain.calls == []


# After the launch


def test_after_a_launch_every_answer_asks_what_else(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    alexa.say("launch")
    assert alexa.say("check_status").endswith("started 2 minutes ago. Anything else?")
    assert alexa.say("stop_build").endswith("shall I stop it?")
    assert alexa.say("yes").endswith("its training is stopped too. Anything else?")
    assert alexa.say("no") == "All right, goodbye."
    assert not alexa.is_open


def test_a_no_to_a_question_leaves_the_conversation_open(alexa: Conversation, domain: FakeBuilds) -> None:
    alexa.say("launch")
    alexa.say("start_build")
    assert alexa.say("no") == "All right, I changed nothing. Anything else?"
    assert "start" not in " ".join(domain.calls)


def test_an_error_leaves_the_conversation_open(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.error = SpokenError(Sentence("error.unavailable"))
    alexa.say("launch")
    assert alexa.say("check_status").endswith("try again in a minute. Anything else?")


def test_an_answer_is_repeated(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build(outcome="failed", reason="<b> is no number.", ended_at=datetime.now(UTC))
    alexa.say("launch")
    said = alexa.say("check_status")
    assert alexa.say("repeat") == alexa.say("repeat") == said
    assert domain.calls == ["describe"]


# Stop


def test_stop_asks_first_and_says_which_build(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    assert "build 12" in alexa.say("stop_build")
    assert alexa.is_open
    assert domain.calls == ["describe"]
    assert "https://console.example/builds/12" in alexa.card


def test_a_yes_stops_the_build_and_says_what_was_confirmed(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    alexa.say("stop_build")
    assert alexa.say("yes") == "Build 12 is stopped, and AWS confirms that its training is stopped too."
    assert not alexa.is_open
    assert domain.calls == ["describe", "stop 12"]
    assert "Training job: Stopped" in alexa.card


@pytest.mark.parametrize(
    ("job_status", "confirmed", "said"),
    [
        (None, True, "before any training had started"),
        ("Completed", True, "had already completed"),
        ("Failed", True, "costs nothing more"),
        ("Stopping", False, "still shutting down"),
        ("InProgress", False, "still shutting down"),
        ("Stopped", False, "AWS has not confirmed it yet"),
        (None, False, "AWS has not confirmed it yet"),
    ],
)
def test_stop_reports_only_what_was_confirmed(
    alexa: Conversation, domain: FakeBuilds, job_status: str | None, confirmed: bool, said: str
) -> None:
    domain.latest, domain.job_status, domain.confirmed = a_build(), job_status, confirmed
    alexa.say("stop_build")
    assert said in alexa.say("yes")


@pytest.mark.parametrize("request_name", ["no", "stop", "cancel", "navigate_home"])
def test_any_answer_but_yes_leaves_the_build_alone(alexa: Conversation, domain: FakeBuilds, request_name: str) -> None:
    domain.latest = a_build()
    alexa.say("stop_build")
    assert alexa.say(request_name).startswith("All right, I changed nothing")
    assert not alexa.is_open
    assert domain.calls == ["describe"]


@pytest.mark.parametrize("request_name", ["stop", "cancel", "navigate_home"])
@pytest.mark.parametrize("question", ["start_build", "stop_build"])
def test_stop_and_cancel_without_more_words_end_even_an_opened_conversation(
    alexa: Conversation, domain: FakeBuilds, request_name: str, question: str
) -> None:
    domain.latest = a_build()
    alexa.say("launch")
    alexa.say(question)
    assert alexa.say(request_name) == "All right, I changed nothing, goodbye."
    assert not alexa.is_open
    assert domain.calls == ["describe"]


@pytest.mark.parametrize("request_name", ["help", "fallback", "repeat", "check_status", "give_pin", "list_running"])
def test_a_question_stays_open_until_it_is_answered(alexa: Conversation, domain: FakeBuilds, request_name: str) -> None:
    domain.latest = a_build()
    asked = alexa.say("stop_build")
    heard = alexa.say(request_name)
    assert heard == asked if request_name == "repeat" else heard.endswith("Shall I stop build 12, yes or no?")
    if request_name == "fallback":
        assert alexa.say("repeat") == asked
    alexa.say("yes")
    assert domain.calls[-1] == "stop 12"


def test_go_ahead_after_another_question_approves_nothing(alexa: Conversation, domain: FakeBuilds) -> None:
    alexa.say("start_build")
    assert alexa.say("approve_build", number="") == "Sorry, I did not get that. Shall I start build 1, yes or no?"
    assert alexa.say("yes") == "Build 1 has started."
    assert len(domain.calls) == 2


def test_a_yes_after_the_session_has_closed_stops_nothing(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    for request_name in ("stop_build", "no", "yes"):
        alexa.say(request_name)
    assert domain.calls == ["describe"]


@pytest.mark.parametrize("request_name", ["fallback", "repeat"])
def test_the_question_stays_open_after_a_fallback(alexa: Conversation, domain: FakeBuilds, request_name: str) -> None:
    domain.latest = a_build()
    alexa.say("stop_build")
    alexa.say(request_name)
    assert alexa.is_open
    alexa.say("yes")
    assert domain.calls[-1] == "stop 12"


def test_only_the_build_of_the_question_is_stopped(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    alexa.say("stop_build")
    domain.latest = a_build(number=13)
    assert alexa.say("yes").startswith("Build 12 was no longer running")
    assert domain.latest.outcome == "running"


def test_without_a_running_build_there_is_nothing_to_stop(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build(outcome="succeeded", ended_at=datetime.now(UTC))
    assert alexa.say("stop_build") == "No build is running, so there is nothing to stop."
    assert not alexa.is_open


# Status


def test_the_status_of_a_running_build_has_its_step_and_age(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build()
    assert alexa.say("check_status") == "Build 12 is training. It started 2 minutes ago."
    assert not alexa.is_open
    assert "Build 12" in alexa.card
    assert "Train Model" in alexa.card
    assert alexa.card.endswith("\nhttps://console.example/builds/12")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (a_build(step=None), "Build 12 started 2 minutes ago and has not reached its first step."),
        (
            a_build(step="Ask For Approval", awaits_approval=True),
            "Build 12 is waiting for your approval. Shall I approve it, or reject it?",
        ),
        (
            a_build(outcome="withheld", reason="rejected by voice"),
            "Build 12 did not fail, but ended 3 hours ago and was not deployed: rejected by voice.",
        ),
        (a_build(outcome="succeeded"), "Build 12 succeeded 3 hours ago. It took one hour."),
        (a_build(outcome="succeeded", restores=11), "Build 11 went live again 3 hours ago."),
        (a_build(outcome="stopped", reason="Stopped by voice."), "Build 12 was stopped 3 hours ago at the step Train"),
        (
            a_build(outcome="failed", reason="The script ended."),
            "Build 12 failed 3 hours ago at the step Train Model: The script ended.",
        ),
        (a_build(outcome="failed"), "Build 12 failed 3 hours ago at the step Train Model: No reason was recorded."),
    ],
)
def test_the_status_has_the_number_and_the_outcome(
    alexa: Conversation, domain: FakeBuilds, status: BuildStatus, said: str
) -> None:
    now = datetime.now(UTC)
    domain.latest = replace(
        status,
        started_at=now - timedelta(hours=4) if status.outcome != "running" else now - timedelta(seconds=125),
        ended_at=now - timedelta(hours=3) if status.outcome != "running" else None,
    )
    assert alexa.say("check_status").startswith(said)
    assert alexa.is_open is status.awaits_approval
    assert "https://console.example/builds/12" in alexa.card
    assert (status.reason or "") in alexa.card


def test_a_build_without_a_recorded_end_ended_just_now(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build(outcome="succeeded")
    assert alexa.say("check_status").startswith("Build 12 succeeded just now")
    assert "Ended: not recorded yet" in alexa.card


@pytest.mark.parametrize("request_name", ["check_status", "stop_build"])
def test_no_build_yet_has_its_own_sentence(alexa: Conversation, request_name: str) -> None:
    assert alexa.say(request_name) == "There has been no build yet."
    assert not alexa.is_open


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-30, "ago.now"),
        (9, "ago.now"),
        (10, "ago.seconds"),
        (60, "ago.minutes"),
        (3599, "ago.minutes"),
        (3600, "ago.hours"),
        (86_400, "ago.days"),
        (604_800, "ago.weeks"),
    ],
)
def test_ages_are_in_the_largest_unit_that_fits(seconds: int, said: str) -> None:
    now = datetime.now(UTC)
    assert say_age(now - timedelta(seconds=seconds), now).key == said


def test_one_is_singular(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build(started_at=datetime.now(UTC) - timedelta(seconds=61))
    assert "1 minute ago" in alexa.say("check_status")


# Quoted text


def test_quoted_text_cannot_break_the_markup(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build(
        outcome="failed", ended_at=datetime.now(UTC), reason='<audio src="x"/> {number} & "\x1b[31m\ud800 \x00'
    )
    assert '<audio src="x"/> {number} & "' in alexa.say("check_status")
    assert '<audio src="x"/> {number} & "' in alexa.card
    alexa.card.encode()


def test_a_long_spoken_reason_is_cut(alexa: Conversation, domain: FakeBuilds) -> None:
    domain.latest = a_build(outcome="failed", ended_at=datetime.now(UTC), reason="word " * 2000)
    assert len(alexa.say("check_status")) < 300
    assert len(alexa.card) < 8000


# Errors and refusals


@pytest.mark.parametrize("request_name", ["start_build", "stop_build", "check_status"])
def test_an_error_is_reported_and_ends_the_session(alexa: Conversation, domain: FakeBuilds, request_name: str) -> None:
    domain.error = SpokenError(Sentence("error.unavailable"))
    assert alexa.say(request_name) == "I can't reach AWS right now, so please try again in a minute."
    assert not alexa.is_open


def test_an_unexpected_error_gets_an_apology_and_is_logged(
    alexa: Conversation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(builds, "describe_latest_build", fail)
    assert alexa.say("check_status").startswith("Sorry, something went wrong")
    assert "unforeseen" in caplog.text


def test_the_log_of_an_unexpected_error_has_no_id(caplog: pytest.LogCaptureFixture) -> None:
    envelope = load_request("help")
    envelope["request"]["intent"]["confirmationStatus"] = "amzn1.ask.account.AEXAMPLEUSER"
    assert read_speech(handler(envelope, None)).startswith("Sorry, something went wrong")
    assert "AEXAMPLE" not in caplog.text


@pytest.mark.parametrize("skill_id", ["", "amzn1.ask.skill.another"])
@pytest.mark.parametrize("request_name", [name for name in REQUESTS if name != "session_ended"])
def test_another_skill_is_refused(
    monkeypatch: pytest.MonkeyPatch, domain: FakeBuilds, request_name: str, skill_id: str
) -> None:
    monkeypatch.setenv("SKILL_ID", skill_id)
    domain.latest = a_build()
    response = handler(load_request(request_name), None)
    check_response(response)
    assert read_speech(response) == "Sorry, I only answer my own skill."
    assert domain.calls == []


def test_without_a_skill_id_an_empty_application_id_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, domain: FakeBuilds
) -> None:
    monkeypatch.delenv("SKILL_ID")
    envelope = load_request("start_build")
    envelope["context"]["System"]["application"]["applicationId"] = ""
    assert read_speech(handler(envelope, None)) == "Sorry, I only answer my own skill."
    assert domain.calls == []


@pytest.mark.parametrize("age_seconds", [160, -160])
def test_an_old_request_is_refused(domain: FakeBuilds, age_seconds: int) -> None:
    envelope = load_request("start_build", datetime.now(UTC) - timedelta(seconds=age_seconds))
    assert "too late" in read_speech(handler(envelope, None))
    assert domain.calls == []


def test_a_two_minutes_old_request_is_answered(domain: FakeBuilds) -> None:
    handler(load_request("start_build", datetime.now(UTC) - timedelta(seconds=140)), None)
    assert len(domain.calls) == 1


@pytest.mark.parametrize("envelope", [None, [], "launch", 7, {}, {"request": None}, {"context": []}])
def test_an_event_that_is_no_envelope_is_refused(envelope: Any) -> None:
    check_response(handler(envelope, None))


@pytest.mark.parametrize("kind", ["Unheard.OfRequest", "CanFulfillIntentRequest", "AudioPlayer.PlaybackStarted", ""])
def test_an_unknown_request_type_gets_an_apology(domain: FakeBuilds, kind: str) -> None:
    envelope = load_request("start_build")
    envelope["request"]["type"] = kind
    response = handler(envelope, None)
    check_response(response)
    assert read_speech(response).startswith("Sorry, something went wrong")
    assert domain.calls == []


def test_an_unknown_intent_gets_an_apology() -> None:
    envelope = load_request("start_build")
    envelope["request"]["intent"]["name"] = "UnheardOfIntent"
    assert read_speech(handler(envelope, None)).startswith("Sorry, something went wrong")


_WRONG: list[Any] = [None, 7, "wrong", [], {}, {"confirmation": {"intent": 7, "values": "x"}, "said": {"key": "x"}}]


def _break_parts(value: Any) -> Iterator[Any]:
    """Yield the value with each part of it missing or of a wrong type, at any depth."""
    for key in value if isinstance(value, dict) else ():
        yield {name: kept for name, kept in value.items() if name != key}
        yield from (value | {key: wrong} for wrong in _WRONG)
        for broken in _break_parts(value[key]):
            yield value | {key: broken}


@pytest.mark.parametrize("request_name", ["launch", "list_builds", "yes", "session_ended"])
def test_a_malformed_envelope_never_raises(domain: FakeBuilds, request_name: str) -> None:
    domain.latest = a_build()
    for envelope in _break_parts(load_request(request_name)):
        check_response(handler(copy.deepcopy(envelope), None))
    assert not any(call.startswith("stop") for call in domain.calls)


# Locales and imports


@pytest.mark.parametrize("locale", ["en-GB", "xx-XX", "../en-US", ""])
def test_a_locale_without_a_catalogue_is_answered_in_english(alexa: Conversation, locale: str) -> None:
    assert alexa.say("launch", locale=locale).startswith("Sage build is ready")


def test_help_loads_no_aws_client() -> None:
    script = (
        "import json, sys; from skill.app import handler; "
        "answer = handler(json.load(sys.stdin), None); assert not answer['response']['shouldEndSession']; "
        "print([name for name in sys.modules if name.split('.')[0] in ('boto3', 'botocore', 'requests', 'pydantic')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"SKILL_ID": SKILL_ID},
        input=json.dumps(load_request("help")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
