"""Changes in two steps: a token makes exactly the change that was planned, once, or is refused."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.changes.apply import Applied, ChangedSincePlanError, apply_change
from sagebuild.changes.approval import Waiting
from sagebuild.changes.document import NewValues
from sagebuild.changes.plan import PlannedChange, plan_change
from sagebuild.changes.sentences import describe_effect, describe_result
from sagebuild.changes.start import NextBuild
from sagebuild.changes.stop import Stop
from sagebuild.changes.token import read_token, write_token
from sagebuild.errors import (
    InputError,
    InvalidValueError,
    NoApprovalPendingError,
    NoBuildRunningError,
    ParameterError,
    PipelineNotFoundError,
)
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.parameters.store import read_document, write_document
from sagebuild.service import Service
from tests.functional.conftest import SCRIPT, Stack
from tests.functional.test_spoken_names import create_pipeline

VOICE = Trigger("voice")


@pytest.fixture(autouse=True)
def document(stack: Stack) -> None:
    write_document(stack.service, SCRIPT, overwrite=True)


def apply(stack: Stack, planned: PlannedChange, **more: Any) -> Applied:
    return apply_change(stack.service, planned.token, by="command", **more)


def fail(service: Service, number: int) -> None:
    finish_build(service, number, Ending("FAILED", cause="The script ended with 1."), lambda _: None)


def make_live(service: Service, config: str) -> None:
    """Let the endpoint serve this configuration."""
    sagemaker = service.sagemaker
    if sagemaker.list_endpoints()["Endpoints"]:
        sagemaker.delete_endpoint(EndpointName=service.stack_name)
    sagemaker.create_model(ModelName=config, PrimaryContainer={"Image": "i"}, ExecutionRoleArn="arn:aws:iam::1:role/r")
    variant: Any = {
        "VariantName": "live",
        "ModelName": config,
        "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=service.stack_name, EndpointConfigName=config)


def add_waiting(service: Service) -> int:
    """Add a build that waits for approval."""
    number = launch_build(service, VOICE).number
    document = json.dumps(SCRIPT | {"approval": "manual"})
    asked: dict[str, Any] = {"approval_until": "2030-01-01T00:00:00+00:00", "approval_token": "token"}
    update_build(service, number, status="running", parameters=document, metrics={"f1": 0.97}, **asked)
    return number


# Start


def test_a_start_is_planned_and_applied(stack: Stack) -> None:
    planned = plan_change(stack.service, "start", parameters={"trainmaxrun": 1})
    assert isinstance(planned.effect, NextBuild)
    assert (planned.effect.number, planned.effect.maximum_hours, planned.live.config) == (1, 1, "")
    assert planned.cost is not None
    assert describe_effect(planned) == (
        "Build 1 would start now. It trains on 1 ml.m5.large for at most 1 hour, at most $0.13. Nothing is live yet."
    )
    assert stack.executions() == []
    done = apply(stack, planned, detail="zoe")
    assert (done.number, done.started, done.repeated) == (1, True, False)
    assert describe_result(done) == "Build 1 has started."
    assert read_build(stack.service, 1).trigger == Trigger("command", "zoe")
    assert json.loads(read_build(stack.service, 1).overrides) == {"trainmaxrun": 1}


def test_a_start_that_is_applied_twice_starts_one_build(stack: Stack) -> None:
    planned = plan_change(stack.service, "start")
    first, second = apply(stack, planned), apply(stack, planned)
    assert (first.repeated, second.repeated) == (False, True)
    assert (first.number, second.number, second.started) == (1, 1, True)
    assert read_state(stack.service).pending is None
    fail(stack.service, 1)
    assert apply(stack, planned).repeated
    assert stack.executions() == ["build-1"]


def test_a_start_that_waits_and_is_applied_twice_waits_once(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    planned = plan_change(stack.service, "start")
    first, second = apply(stack, planned), apply(stack, planned)
    assert (first.number, first.started, first.running, first.waiting) == (2, False, 1, 1)
    assert second == replace(first, repeated=True)
    fail(stack.service, 1)
    assert stack.executions() == ["build-1", "build-2"]
    assert apply(stack, planned) == replace(first, repeated=True, started=True, running=None, waiting=0)


def test_of_two_plans_only_the_first_starts_a_build(stack: Stack) -> None:
    plans = [plan_change(stack.service, "start") for _ in range(2)]
    apply(stack, plans[0])
    with pytest.raises(ChangedSincePlanError, match="Build 1 has started since the change was planned") as error:
        apply(stack, plans[1])
    assert [difference.what for difference in error.value.differences] == ["build"]
    assert read_state(stack.service).pending is None


def test_a_start_is_refused_if_the_document_has_changed(stack: Stack) -> None:
    planned = plan_change(stack.service, "start")
    write_document(stack.service, SCRIPT | {"traininstancetype": "ml.p3.16xlarge"}, overwrite=True)
    with pytest.raises(ChangedSincePlanError, match="The parameter document has changed"):
        apply(stack, planned)
    assert stack.executions() == []


def test_a_start_is_refused_if_another_model_is_live(stack: Stack) -> None:
    planned = plan_change(stack.service, "start")
    make_live(stack.service, "their-own")
    with pytest.raises(ChangedSincePlanError, match="The endpoint serves their-own since") as error:
        apply(stack, planned)
    assert [difference.what for difference in error.value.differences] == ["live"]
    assert "The endpoint configuration their-own is replaced then." in describe_effect(
        plan_change(stack.service, "start")
    )
    assert stack.executions() == []


def test_a_start_is_refused_if_the_waiting_build_has_other_parameters(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    planned = plan_change(stack.service, "start")
    launch_build(stack.service, VOICE, {"trainmaxrun": 9})
    with pytest.raises(ChangedSincePlanError, match="The pending build has other parameters"):
        apply(stack, planned)


def test_a_start_describes_what_the_waiting_build_has_been_given(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE, {"trainmaxrun": 9})
    effect = plan_change(stack.service, "start", parameters={"trainvolumesize": 20}).effect
    assert isinstance(effect, NextBuild)
    assert (effect.number, effect.running, effect.waiting, effect.maximum_hours) == (2, 1, 1, 9)


def test_a_start_names_its_gate_and_approval(stack: Stack) -> None:
    gate = {"metric": "f1", "minimum": 0.9}
    metrics = [{"Name": "f1", "Regex": "f1=([0-9.]+)"}]
    write_document(
        stack.service, SCRIPT | {"qualitygate": gate, "metrics": metrics, "approval": "manual"}, overwrite=True
    )
    effect = describe_effect(plan_change(stack.service, "start"))
    assert "The quality gate must accept its f1. It waits for an approval before it deploys." in effect


SPLIT = {"name": "split", "entrypoint": ["/bin/true"]}
JOBS = {"evaluation": {"entrypoint": ["/bin/true"]}, "batchtransform": {"path": "score/"}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"skiptrain": True, "deployEndpoint": False, "batchtransform": {"path": "score/"}},
            "It runs a batch transform. All its jobs together cost at most $0.13. It deploys nothing.",
        ),
        (
            {"skiptrain": True, "batchtransform": {"path": "score/", "instancetype": "ml.p9.48xlarge"}},
            "It trains nothing. It runs a batch transform. All its jobs together have no known price.",
        ),
        (
            {"trainmaxrun": 1, "processing": [SPLIT, SPLIT | {"name": "clean"}]} | JOBS,
            "for at most 1 hour. It also runs 2 processing jobs, an evaluation and a batch transform. "
            "All its jobs together cost at most $0.64.",
        ),
        (
            {"skiptrain": True, "processing": [SPLIT]},
            "It trains nothing. It runs 1 processing job. All its jobs together cost at most $0.13.",
        ),
    ],
)
def test_a_start_names_all_paid_jobs_and_their_cost(stack: Stack, document: dict[str, Any], said: str) -> None:
    write_document(stack.service, SCRIPT | document, overwrite=True)
    assert said in describe_effect(plan_change(stack.service, "start"))


def test_an_impossible_start_is_refused_when_it_is_planned(stack: Stack) -> None:
    with pytest.raises(InvalidValueError, match="trainvolumesize is 0"):
        plan_change(stack.service, "start", parameters={"trainvolumesize": 0})
    write_document(stack.service, SCRIPT | {"trainvolumesize": 0}, overwrite=True)
    with pytest.raises(ParameterError, match="trainvolumesize is 0") as error:
        plan_change(stack.service, "start")
    assert not isinstance(error.value, InvalidValueError)
    with pytest.raises(PipelineNotFoundError):
        plan_change(stack.service.for_pipeline("nowhere"), "start")


def test_a_token_names_its_pipeline(stack: Stack) -> None:
    fraud = create_pipeline(stack.service, "fraud")
    assert apply(stack, plan_change(fraud, "start")).pipeline == "fraud"
    assert stack.executions() == ["build-fraud_1"]


# Stop


def test_a_stop_says_what_it_ends_and_what_follows(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE)
    planned = plan_change(stack.service, "stop")
    assert isinstance(planned.effect, Stop)
    assert (planned.effect.number, planned.effect.follows) == (1, 2)
    assert "Build 2, which waits, starts then." in describe_effect(planned)
    assert "The job of that step ends." in describe_effect(
        replace(planned, effect=replace(planned.effect, step="Transform Data"))
    )
    done = apply(stack, planned, wait_seconds=0)
    assert done.stopped is not None
    assert (done.stopped.outcome, done.follows, done.repeated) == ("stopped", 2, False)
    assert read_build(stack.service, 1).stop_requested_by == "command"


def test_a_stop_that_is_applied_again_stops_no_later_build(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE)
    planned = plan_change(stack.service, "stop", number=1)
    apply(stack, planned, wait_seconds=0)
    finish_build(stack.service, 1, Ending("ABORTED"), lambda _: None)
    again = apply(stack, planned, wait_seconds=0)
    assert again.repeated
    assert again.stopped is not None
    assert again.stopped.outcome == "stopped"
    assert read_state(stack.service).running == 2
    assert read_build(stack.service, 2).stop_requested_by == ""


def test_a_build_that_has_ended_is_not_reported_as_stopped(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    planned = plan_change(stack.service, "stop")
    # It succeeds, and its end is recorded while the stop is under way.
    arn = stack.service.settings.state_machine_arn.replace(":stateMachine:", ":execution:") + ":build-1"
    stack.service.stepfunctions.stop_execution(executionArn=arn)
    update_build(stack.service, 1, status="succeeded", ended_at="2026-01-01T00:00:00+00:00")
    done = apply(stack, planned, wait_seconds=0)
    assert done.stopped is not None
    assert done.stopped.outcome == "succeeded"
    fail(stack.service, 1)
    with pytest.raises(NoBuildRunningError):
        apply(stack, planned, wait_seconds=0)


def test_only_the_running_build_can_be_stopped(stack: Stack) -> None:
    with pytest.raises(NoBuildRunningError, match="No build is running"):
        plan_change(stack.service, "stop")
    launch_build(stack.service, VOICE)
    with pytest.raises(NoBuildRunningError, match="Build 7 is not running; build 1 is"):
        plan_change(stack.service, "stop", number=7)


# Approve and reject


def test_a_rejection_is_made_once(stack: Stack) -> None:
    number = add_waiting(stack.service)
    planned = plan_change(stack.service, "reject")
    assert isinstance(planned.effect, Waiting)
    assert describe_effect(planned) == "Build 1 would end without deploying its model. Nothing is live yet."
    # moto accepts any token, so the answer counts as sent.
    assert [apply(stack, planned).repeated for _ in range(2)] == [False, True]
    assert read_build(stack.service, number).approval == "rejected"


def test_of_an_approval_and_a_rejection_the_first_wins(stack: Stack) -> None:
    add_waiting(stack.service)
    yes, no = plan_change(stack.service, "approve"), plan_change(stack.service, "reject")
    apply(stack, no)
    with pytest.raises(NoApprovalPendingError, match="already rejected"):
        apply(stack, yes)


def test_an_approval_is_refused_if_another_model_is_live(stack: Stack) -> None:
    number = add_waiting(stack.service)
    planned = plan_change(stack.service, "approve", number=number)
    assert describe_effect(planned).startswith("Build 1 waits for approval; its f1 is 0.97. It would go live.")
    make_live(stack.service, "their-own")
    with pytest.raises(ChangedSincePlanError, match="The endpoint serves their-own"):
        apply(stack, planned)
    assert read_build(stack.service, number).approval == ""
    with pytest.raises(NoApprovalPendingError, match="Build 9 does not wait for approval; build 1 does"):
        plan_change(stack.service, "approve", number=9)


# Parameters


def test_parameters_are_set_once(stack: Stack) -> None:
    write_document(stack.service, SCRIPT | {"hyperparameters": {"C": 1}}, overwrite=True)
    new = {"trainvolumesize": 20, "hyperparameters.epochs": 5}
    planned = plan_change(stack.service, "set parameters", parameters=new)
    assert planned.effect == NewValues({"trainvolumesize": 10, "hyperparameters.epochs": None}, new)
    assert describe_effect(planned) == (
        "For all future builds: trainvolumesize is 20 instead of 10; hyperparameters.epochs is 5 instead of unset."
    )
    assert "epochs" not in read_document(stack.service)
    apply(stack, planned)
    after = json.loads(read_document(stack.service))
    assert (after["trainvolumesize"], after["hyperparameters"]) == (20, {"C": 1, "epochs": 5})
    apply(stack, planned)
    write_document(stack.service, SCRIPT | {"trainvolumesize": 30}, overwrite=True)
    with pytest.raises(ChangedSincePlanError):
        apply(stack, planned)
    assert json.loads(read_document(stack.service))["trainvolumesize"] == 30


def test_parameters_are_removed_once(stack: Stack) -> None:
    write_document(stack.service, SCRIPT | {"keepbuilds": 7, "hyperparameters": {"C": 1, "epochs": 5}}, overwrite=True)
    removed = ("keepbuilds", "hyperparameters.epochs")
    planned = plan_change(stack.service, "set parameters", removed=removed)
    assert describe_effect(planned) == (
        "For all future builds: keepbuilds is 10 instead of 7; hyperparameters.epochs is unset instead of 5."
    )
    for _ in range(2):  # delivered twice
        apply(stack, planned)
        after = json.loads(read_document(stack.service))
        assert ("keepbuilds" in after, after["hyperparameters"]) == (False, {"C": 1})
    with pytest.raises(InputError, match="keepbuilds"):
        plan_change(stack.service, "set parameters", removed=removed)
    write_document(stack.service, SCRIPT | {"keepbuilds": 8}, overwrite=True)
    with pytest.raises(ChangedSincePlanError):
        apply(stack, planned)
    assert json.loads(read_document(stack.service))["keepbuilds"] == 8


def test_a_removal_is_refused_after_another_change(stack: Stack) -> None:
    write_document(stack.service, SCRIPT | {"keepbuilds": 7}, overwrite=True)
    planned = plan_change(stack.service, "set parameters", removed=["keepbuilds"])
    write_document(stack.service, SCRIPT | {"keepbuilds": 8}, overwrite=True)
    with pytest.raises(ChangedSincePlanError):
        apply(stack, planned)
    assert json.loads(read_document(stack.service))["keepbuilds"] == 8


def test_of_two_changes_of_one_document_the_second_is_refused(stack: Stack) -> None:
    first, second = (
        plan_change(stack.service, "set parameters", parameters={"trainvolumesize": size}) for size in (20, 30)
    )
    apply(stack, first)
    with pytest.raises(ChangedSincePlanError, match="The parameter document has changed"):
        apply(stack, second)
    assert json.loads(read_document(stack.service))["trainvolumesize"] == 20


def test_a_claim_of_a_change_that_died_expires(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        plan_change(stack.service, "set parameters", parameters={"trainvolumesize": size}) for size in (20, 30)
    )
    with monkeypatch.context() as patch:
        patch.setattr(stack.service.ssm, "put_parameter", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            apply(stack, first)
    with pytest.raises(ChangedSincePlanError):
        apply(stack, second)
    later = time.time() + 61
    monkeypatch.setattr("sagebuild.changes.document._now", lambda: int(later))
    apply(stack, second)
    assert json.loads(read_document(stack.service))["trainvolumesize"] == 30


@pytest.mark.parametrize("parameters", [{}, {"trainvolumesize": 0}, {"trainvolumsize": 20}])
def test_invalid_parameters_are_refused_when_they_are_planned(stack: Stack, parameters: dict[str, Any]) -> None:
    before = read_document(stack.service)
    with pytest.raises((InvalidValueError, InputError)):
        plan_change(stack.service, "set parameters", parameters=parameters)
    assert read_document(stack.service) == before


# Tokens


@pytest.mark.parametrize("broken", ["", "x", "not a token", "é"])
def test_a_broken_token_is_refused(stack: Stack, broken: str) -> None:
    with pytest.raises(InputError, match="incomplete or mistyped"):
        apply_change(stack.service, broken, by="command")


def test_a_mistyped_token_is_refused(stack: Stack) -> None:
    token = plan_change(stack.service, "start").token
    for place in range(0, len(token), 7):
        wrong = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(InputError, match="incomplete or mistyped"):
            apply_change(stack.service, wrong, by="command")
    with pytest.raises(InputError, match="incomplete or mistyped"):
        apply_change(stack.service, token[:-2], by="command")
    assert stack.executions() == []


def test_a_token_of_another_stack_is_refused(stack: Stack) -> None:
    change = read_token(stack.service, plan_change(stack.service, "start").token)
    with pytest.raises(InputError, match="another stack"):
        apply_change(stack.service, write_token(replace(change, stack="00000000")), by="command")
