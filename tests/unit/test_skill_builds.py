"""The skill's door to the domain: the domain's own answers and errors, as a person hears them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagebuild.builds import status
from sagebuild.builds.records import Trigger
from sagebuild.builds.status import BuildStatus
from sagebuild.errors import (
    AlreadyLiveError,
    AwsUnavailableError,
    BuildNotFoundError,
    BuildRunningError,
    InvalidValueError,
    MissingSettingError,
    ModelGoneError,
    NoApprovalPendingError,
    NoBuildRunningError,
    NoBuildsError,
    NotGoodBuildError,
    ParameterError,
    RollbackError,
    SagebuildError,
)
from sagebuild.launch import start as launch
from sagebuild.launch.start import Launched
from sagebuild.running import stop
from sagebuild.running.stop import Stopped
from sagebuild.steps import approval
from sagebuild.voice import approval as voice_approval
from sagebuild.voice import outlook, rollback
from sagebuild.voice.access import Access
from sagebuild.voice.approval import Waiting
from sagebuild.voice.outlook import NextBuild
from sagebuild.voice.rollback import RollbackPlan
from skill import builds
from skill.app import handler
from tests.alexa import SKILL_ID, Conversation, load_request

RUNNING = BuildStatus(
    number=12,
    outcome="running",
    step="Train Model",
    started_at=datetime.now(UTC) - timedelta(hours=3),
    ended_at=None,
    reason=None,
    console_url="https://console.example/builds/12",
)


@pytest.fixture
def alexa(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> Conversation:  # noqa: ARG001
    monkeypatch.setenv("SKILL_ID", SKILL_ID)
    monkeypatch.setattr(builds, "read_access", Access)
    return Conversation(lambda envelope: handler(envelope, None))


NEXT = NextBuild(7, None, True, True, "ml.m5.large", 1, 4, 1)


class Domain:
    """Functions of the domain that give one answer each, and what they were asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.asked: list[tuple[Any, ...]] = []

    def answer(self, module: Any, function: str, answer: Any) -> None:
        def give(_service: object, *arguments: Any, **_named: Any) -> Any:
            self.asked.append(arguments)
            if isinstance(answer, SagebuildError):
                raise answer
            return answer

        self._monkeypatch.setattr(module, function, give)


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Domain:
    return Domain(monkeypatch)


def test_a_start_names_the_voice_and_the_request(alexa: Conversation, domain: Domain) -> None:
    domain.answer(outlook, "describe_next_build", NEXT)
    domain.answer(launch, "launch_build", Launched(7, started=True, waiting=0))
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 7 has started."
    assert domain.asked == [({},), (Trigger("voice", load_request("yes")["request"]["requestId"]), {})]


def test_what_is_said_for_one_build_overrides_its_parameters(alexa: Conversation, domain: Domain) -> None:
    domain.answer(outlook, "describe_next_build", NEXT)
    domain.answer(launch, "launch_build", Launched(7, started=True, waiting=0))
    alexa.say("start_build", number="2", instance="ml.m5.xlarge")
    alexa.say("yes")
    assert domain.asked[-1][1] == {"traininstancecount": 2, "traininstancetype": "ml.m5.xlarge"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BuildRunningError(), "A build is still running, so please stop it first, or ask again when it has ended."),
        (BuildNotFoundError(), "There is no build 11."),
        (AlreadyLiveError(), "That build is live already, so there is nothing to roll back."),
        (NotGoodBuildError(), "That build did not leave a model live, so nothing can go back to it."),
        (ModelGoneError(), "The model of that build has been deleted, so nothing can go back to it."),
        (RollbackError(), "There is no earlier good build to go back to."),
    ],
)
def test_what_stands_in_a_rollbacks_way_is_told(
    alexa: Conversation, domain: Domain, error: SagebuildError, said: str
) -> None:
    domain.answer(rollback, "plan_rollback", error)
    assert alexa.say("roll_back") == said
    assert not alexa.is_open


def test_a_build_that_started_before_the_yes_to_a_rollback_is_told(alexa: Conversation, domain: Domain) -> None:
    domain.answer(rollback, "plan_rollback", RollbackPlan(11, 12, "sagebuild-12"))
    domain.answer(rollback, "apply_rollback", BuildRunningError())
    alexa.say("roll_back")
    assert alexa.say("yes").startswith("A build is still running")


def test_an_answer_names_the_build_and_the_voice(alexa: Conversation, domain: Domain) -> None:
    waiting = Waiting(12, "f1", 0.9, None, None, datetime.now(UTC))
    domain.answer(voice_approval, "describe_waiting", waiting)
    domain.answer(approval, "answer_approval", None)
    alexa.say("approve_build")
    assert alexa.say("yes").startswith("Build 12 is approved")
    assert domain.asked[-1] == (True, "voice", 12)
    domain.answer(approval, "answer_approval", NoApprovalPendingError())
    alexa.say("approve_build")
    assert alexa.say("yes") == "Build 12 is not waiting for an answer."


def test_a_value_that_does_not_fit_is_not_called_a_fault_of_the_parameters(alexa: Conversation, domain: Domain) -> None:
    domain.answer(outlook, "describe_next_build", InvalidValueError("traininstancecount is 0; it must be 1 to 100."))
    assert alexa.say("start_build", number="0") == (
        "That value does not fit: traininstancecount is 0; it must be 1 to 100."
    )


def test_a_stop_is_asked_carried_out_and_told(alexa: Conversation, domain: Domain) -> None:
    domain.answer(status, "describe_latest_build", RUNNING)
    domain.answer(stop, "stop_build", Stopped(12, job_status="Stopped", confirmed=True))
    alexa.say("stop_build")
    assert "AWS confirms" in alexa.say("yes")
    assert domain.asked == [(), (12,)]


def test_a_build_that_ended_before_the_yes_is_told_so(alexa: Conversation, domain: Domain) -> None:
    domain.answer(status, "describe_latest_build", RUNNING)
    domain.answer(stop, "stop_build", NoBuildRunningError())
    alexa.say("stop_build")
    assert alexa.say("yes").startswith("Build 12 was no longer running")


def test_a_status_is_told(alexa: Conversation, domain: Domain) -> None:
    domain.answer(status, "describe_latest_build", RUNNING)
    assert "at the step Train Model and started 3 hours ago" in alexa.say("check_status")


def test_no_builds_is_no_error(alexa: Conversation, domain: Domain) -> None:
    domain.answer(status, "describe_latest_build", NoBuildsError())
    assert alexa.say("check_status") == "There has been no build yet."


def _throttled() -> AwsUnavailableError:
    error = AwsUnavailableError("Throttled.")
    error.throttled = True
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AwsUnavailableError("Throttled."), "I can't reach AWS right now, so please try again in a minute."),
        (_throttled(), "AWS is too busy to answer right now, so please try again in a minute."),
        (MissingSettingError("X is not set."), "That did not work: X is not set."),
        (
            ParameterError("inputmode <x> is unknown."),
            "The build parameters need correcting: inputmode <x> is unknown.",
        ),
        (
            ParameterError("'trainvolumesiz' is not a parameter of SCIKIT; did you mean 'trainvolumesize'?"),
            "The build parameters need correcting: 'trainvolumesiz' is not a parameter of SCIKIT.",
        ),
    ],
)
@pytest.mark.parametrize("request_name", ["start_build", "stop_build", "check_status"])
def test_an_error_of_the_domain_is_told(
    alexa: Conversation, domain: Domain, request_name: str, error: SagebuildError, said: str
) -> None:
    domain.answer(outlook, "describe_next_build", error)
    domain.answer(status, "describe_latest_build", error)
    assert alexa.say(request_name) == said
    assert not alexa.is_open


def test_aws_out_of_reach_after_the_yes_claims_nothing(alexa: Conversation, domain: Domain) -> None:
    domain.answer(status, "describe_latest_build", RUNNING)
    domain.answer(stop, "stop_build", AwsUnavailableError("Throttled."))
    alexa.say("stop_build")
    assert alexa.say("yes").startswith("AWS did not confirm that in time")
