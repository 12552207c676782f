"""How the skill calls sagebuild, and how it reports the errors of sagebuild."""

from dataclasses import replace

import pytest

from sagebuild.builds import status
from sagebuild.builds.status import BuildStatus
from sagebuild.errors import (
    AlreadyLiveError,
    AwsUnavailableError,
    BuildNotFoundError,
    BuildRunningError,
    InvalidValueError,
    MissingSettingError,
    ModelGoneError,
    NoBuildRunningError,
    NoBuildsError,
    NotGoodBuildError,
    ParameterError,
    RollbackError,
    SagebuildError,
)
from sagebuild.running.stop import Stopped
from sagebuild.running.work import Part
from tests.alexa import Conversation, load_request
from tests.unit.skill_domain import ENDED, NEXT, ROLLBACK, RUNNING, STARTED, STOP, STOPPED, Domain


def test_a_start_records_voice_and_the_request(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", NEXT, STARTED)
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 13 has started."
    assert domain.calls["plan_change"] == [("start", None, {})]
    assert domain.calls["apply_change"] == [("start", "voice", load_request("yes")["request"]["requestId"])]


def test_parameters_said_for_one_build_override_the_document(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", NEXT)
    alexa.say("start_build", number="2", instance="ml.m5.xlarge")
    said = {"traininstancecount": 2, "traininstancetype": "ml.m5.xlarge"}
    assert domain.calls["plan_change"] == [("start", None, said)]


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
    domain.plan("roll back", error)
    assert alexa.say("roll_back") == said
    assert not alexa.is_open


def test_a_rollback_reports_a_build_that_started_before_the_yes(alexa: Conversation, domain: Domain) -> None:
    domain.plan("roll back", ROLLBACK, BuildRunningError())
    alexa.say("roll_back")
    assert alexa.say("yes").startswith("A build is still running")


def test_an_invalid_value_is_not_reported_as_an_invalid_document(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", InvalidValueError("traininstancecount is 0; it must be 1 to 100."))
    assert alexa.say("start_build", number="0") == (
        "The number of training instances must be between 1 and 100. What should the number of training instances be?"
    )
    assert alexa.is_open


def test_a_stop_is_confirmed_done_and_reported(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    domain.plan("stop", STOP, STOPPED)
    alexa.say("stop_build")
    assert "AWS confirms" in alexa.say("yes")
    assert domain.applied == ["stop"]


def test_a_stop_after_the_training_does_not_say_that_it_ends_a_training(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    domain.plan("stop", replace(STOP, step="Check Endpoint"))
    assert alexa.say("stop_build").startswith("No training is running. If I stop build 12, what is live stays live")


@pytest.mark.parametrize(
    ("step", "part", "said"),
    [
        ("Process Data", Part("processing job a", "Stopped", has_ended=True, kind="processing"), "processing job is"),
        ("Evaluate Model", Part("processing job a", "Stopped", has_ended=True, kind="processing"), "processing job is"),
        ("Transform Data", Part("transform job a", "Stopped", has_ended=True, kind="transform"), "batch transform is"),
        (
            "Transform Data",
            Part("transform job a", "Stopping", has_ended=False, kind="transform"),
            "one of its jobs is",
        ),
    ],
)
def test_a_stop_names_the_job_beside_the_training(
    alexa: Conversation, domain: Domain, step: str, part: Part, said: str
) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    stopped = Stopped(12, "Completed", part.has_ended, (part,))
    domain.plan("stop", replace(STOP, step=step), replace(STOPPED, stopped=stopped))
    assert f"If I stop build 12, the job of its step {step} ends too" in alexa.say("stop_build")
    assert said in alexa.say("yes")
    assert f"{part.name}: {part.status}" in alexa.card


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (ENDED, "Build 12 succeeded before I could stop it."),
        (replace(ENDED, outcome="failed"), "Build 12 failed before I could stop it."),
        (replace(ENDED, outcome="withheld"), "Build 12 ended without deployment before I could stop it."),
        (replace(ENDED, outcome="stopped"), "Build 12 was no longer running, so there was nothing left to stop."),
        (None, "Build 12 was no longer running, so there was nothing left to stop."),
    ],
)
def test_a_stop_reports_a_build_that_ended_before_the_yes(
    alexa: Conversation, domain: Domain, ended: BuildStatus | None, said: str
) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    domain.plan("stop", STOP, NoBuildRunningError())
    domain(describe_build=ended)
    alexa.say("stop_build")
    assert alexa.say("yes") == said


def test_the_status_comes_from_sagebuild(alexa: Conversation, domain: Domain) -> None:
    domain.fake(status, "describe_latest_build", RUNNING)
    assert "Build 12 is training. It started 3 hours ago" in alexa.say("check_status")


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
            "The build parameters have a mistake; the card in your Alexa app says where.",
        ),
    ],
)
@pytest.mark.parametrize("request_name", ["start_build", "stop_build", "check_status"])
def test_each_error_has_a_sentence(
    alexa: Conversation, domain: Domain, request_name: str, error: SagebuildError, said: str
) -> None:
    domain.plan("start", error)
    domain.fake(status, "describe_latest_build", error)
    assert alexa.say(request_name) == said
    assert not alexa.is_open
    if isinstance(error, ParameterError):
        assert alexa.card == "Build parameters\ninputmode <x> is unknown."


def test_an_unconfirmed_change_is_tried_again_with_the_same_token(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", NEXT, AwsUnavailableError("Throttled."))
    alexa.say("start_build")
    assert alexa.say("yes") == "AWS did not confirm that in time: shall I try again?"
    domain.plan("start", NEXT, STARTED)
    assert alexa.say("yes") == "Build 13 has started."
    assert len(domain.calls["plan_change"]) == 1
    assert domain.applied == ["start", "start"]
