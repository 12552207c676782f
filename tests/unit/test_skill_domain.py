"""How the skill calls sagebuild, and how it reports the errors of sagebuild."""

from datetime import UTC, datetime

import pytest

from sagebuild.builds import status
from sagebuild.builds.records import Trigger
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
from sagebuild.launch.start import Launched
from sagebuild.running.stop import Stopped
from sagebuild.voice.approval import Waiting
from sagebuild.voice.forecast import NextBuild
from sagebuild.voice.rollback import RollbackPlan
from tests.alexa import Conversation, load_request
from tests.unit.skill_domain import RUNNING, Domain

NEXT = NextBuild(7, None, True, True, "ml.m5.large", 1, 4, 1)


def test_a_start_records_voice_and_the_request(alexa: Conversation, domain: Domain) -> None:
    domain(describe_next_build=NEXT)
    domain(launch_build=Launched(7, started=True, waiting=0))
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 7 has started."
    assert domain.calls["describe_next_build"] == [({},)]
    assert domain.calls["launch_build"] == [(Trigger("voice", load_request("yes")["request"]["requestId"]), {})]


def test_parameters_said_for_one_build_override_the_document(alexa: Conversation, domain: Domain) -> None:
    domain(describe_next_build=NEXT)
    domain(launch_build=Launched(7, started=True, waiting=0))
    alexa.say("start_build", number="2", instance="ml.m5.xlarge")
    alexa.say("yes")
    assert domain.calls["launch_build"][0][1] == {"traininstancecount": 2, "traininstancetype": "ml.m5.xlarge"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BuildRunningError(), "A build is still running, so please stop it first, or ask again when it has ended."),
        (BuildNotFoundError(), "There is no build 11."),
        (AlreadyLiveError(), "That build is live already, so there is nothing to roll back."),
        (NotGoodBuildError(), "That build did not leave a model live, so I can't roll back to it."),
        (ModelGoneError(), "The model of that build has been deleted, so I can't roll back to it."),
        (RollbackError(), "There is no earlier good build to go back to."),
    ],
)
def test_the_reason_against_a_rollback_is_reported(
    alexa: Conversation, domain: Domain, error: SagebuildError, said: str
) -> None:
    domain(plan_rollback=error)
    assert alexa.say("roll_back") == said
    assert not alexa.is_open


def test_a_rollback_reports_a_build_that_started_before_the_yes(alexa: Conversation, domain: Domain) -> None:
    domain(plan_rollback=RollbackPlan(11, 12, "sagebuild-12"))
    domain(apply_rollback=BuildRunningError())
    alexa.say("roll_back")
    assert alexa.say("yes").startswith("A build is still running")


def test_an_approval_records_the_build_and_voice(alexa: Conversation, domain: Domain) -> None:
    waiting = Waiting(12, "f1", 0.9, None, None, datetime.now(UTC))
    domain(describe_waiting=waiting)
    domain(answer_approval=None)
    alexa.say("approve_build")
    assert alexa.say("yes").startswith("Build 12 is approved")
    assert domain.calls["answer_approval"] == [(True, "voice", 12)]
    domain(answer_approval=NoApprovalPendingError())
    alexa.say("approve_build")
    assert alexa.say("yes") == "Build 12 is not waiting for an answer."


def test_an_invalid_value_is_not_reported_as_an_invalid_document(alexa: Conversation, domain: Domain) -> None:
    domain(describe_next_build=InvalidValueError("traininstancecount is 0; it must be 1 to 100."))
    assert alexa.say("start_build", number="0") == (
        "That value does not fit: traininstancecount is 0; it must be 1 to 100."
    )


def test_a_stop_is_confirmed_done_and_reported(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    domain(stop_build=Stopped(12, job_status="Stopped", confirmed=True))
    alexa.say("stop_build")
    assert "AWS confirms" in alexa.say("yes")
    assert domain.calls["stop_build"] == [(12,)]


def test_a_stop_reports_a_build_that_ended_before_the_yes(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    domain(stop_build=NoBuildRunningError())
    alexa.say("stop_build")
    assert alexa.say("yes").startswith("Build 12 was no longer running")


def test_the_status_comes_from_sagebuild(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    assert "at the step Train Model and started 3 hours ago" in alexa.say("check_status")


def test_no_builds_is_no_error(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", NoBuildsError())
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
def test_each_error_has_a_sentence(
    alexa: Conversation, domain: Domain, request_name: str, error: SagebuildError, said: str
) -> None:
    domain(describe_next_build=error)
    domain.fake(status, "describe_latest_build", error)
    assert alexa.say(request_name) == said
    assert not alexa.is_open


def test_an_unreachable_aws_after_the_yes_is_reported_as_unconfirmed(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    domain(stop_build=AwsUnavailableError("Throttled."))
    alexa.say("stop_build")
    assert alexa.say("yes").startswith("AWS did not confirm that in time")
