"""A stop ends the execution and all work of the running build, and reports what Describe confirms."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import StepJob, Trigger, now, read_build, update_build
from sagebuild.changes.stop import Stop, describe_stop
from sagebuild.cost.spent import describe_cost
from sagebuild.errors import NoBuildRunningError
from sagebuild.launch.start import launch_build
from sagebuild.names import execution_arn, name_resource
from sagebuild.running.step_jobs import to_attributes
from sagebuild.running.stop import Stopped, describe_stopped, stop_build
from sagebuild.running.work import Part, stop_work
from tests.functional.conftest import Stack
from tests.functional.test_finish import never_sleep

VOICE = Trigger("voice")
EXECUTION = Part("execution build-1", "ABORTED", has_ended=True)


class Training:
    """SageMaker with a training that takes some polls to end after a stop; it has no other job."""

    def __init__(self, status: str = "InProgress", polls: int = 1) -> None:
        self.status, self.polls, self.stopped = status, polls, 0
        self.facts: dict[str, Any] = {}

    def describe_training_job(self, TrainingJobName: str) -> Any:  # noqa: N803
        """DescribeTrainingJob."""
        if self.status == "Stopping":
            self.polls -= 1
            self.status = "Stopping" if self.polls else "Stopped"
        status = {"TrainingJobName": TrainingJobName, "TrainingJobStatus": self.status, "SecondaryStatus": self.status}
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
        return status | {"ResourceConfig": resources, "StoppingCondition": {}, "CreationTime": now()} | self.facts

    def stop_training_job(self, TrainingJobName: str) -> None:  # noqa: N803, ARG002
        """StopTrainingJob."""
        self.status, self.stopped = "Stopping", self.stopped + 1


def train(stack: Stack, training: Training) -> str:
    """A build whose training runs; return the part that describes it."""
    stack.service.__dict__["sagemaker"] = training
    launch_build(stack.service, VOICE)
    return f"training job {name_resource(stack.service, 1)}"


def fail_calls(stack: Stack, client: str, monkeypatch: pytest.MonkeyPatch, call: str, code: str) -> None:
    """Let a call of a client fail."""

    def fail(**_arguments: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "slow down"}}, "Any")

    monkeypatch.setattr(getattr(stack.service, client), call, fail)


def test_a_stop_aborts_the_execution_and_is_recorded(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    stop, requests = stack.service.stepfunctions.stop_execution, []

    def note(**arguments: Any) -> Any:
        requests.append(arguments)
        return stop(**arguments)

    monkeypatch.setattr(stack.service.stepfunctions, "stop_execution", note)
    assert stop_build(stack.service, sleep=never_sleep) == Stopped(1, None, True, (EXECUTION,), "stopped")
    arn = execution_arn(stack.service, 1)
    assert requests == [{"executionArn": arn, "error": "BuildStopped", "cause": "Stopped by voice."}]
    record = read_build(stack.service, 1)
    assert (record.status, record.stop_requested_by) == ("stopping", "voice")


def test_a_stop_waits_until_the_training_has_ended(stack: Stack) -> None:
    training = Training(polls=3)
    name = train(stack, training)
    pauses: list[float] = []
    stopped = stop_build(stack.service, clock=lambda: float(len(pauses)), sleep=pauses.append)
    assert stopped == Stopped(1, "Stopped", True, (EXECUTION, Part(name, "Stopped", True)), "stopped")
    assert stopped.summary == f"Build 1: confirmed as ended: execution build-1 (ABORTED), {name} (Stopped)."
    assert (training.stopped, len(pauses)) == (1, 3)


def test_a_stop_waits_four_seconds_and_names_what_is_not_confirmed(stack: Stack) -> None:
    name = train(stack, Training(polls=100))
    pauses: list[float] = []
    stopped = stop_build(stack.service, clock=lambda: float(len(pauses)), sleep=pauses.append)
    assert stopped == Stopped(1, "Stopping", False, (EXECUTION, Part(name, "Stopping", False)), "stopped")
    assert len(pauses) == 4
    ended, running = stopped.summary.split(". ")
    assert ended == "Build 1: confirmed as ended: execution build-1 (ABORTED)"
    assert running == f"Not confirmed yet: {name} (Stopping); sagebuild keeps checking."


def test_a_job_that_cannot_be_described_is_not_confirmed_and_delays_no_other(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch_build(stack.service, VOICE)
    for call in ("describe_training_job", "describe_processing_job"):
        fail_calls(stack, "sagemaker", monkeypatch, call, "ThrottlingException")
    fail_calls(stack, "codebuild", monkeypatch, "list_builds_for_project", "AccessDeniedException")
    update_build(stack.service, 1, step_jobs=[{"name": "prepare", "job": "prepare-1", "outputs_of": 1}])
    update_build(stack.service, 1, image_builds=["training-1"])
    stopped = stop_build(stack.service, sleep=never_sleep)
    execution, *parts = stopped.parts
    assert execution == EXECUTION
    assert [(part.name, part.has_ended) for part in parts] == [
        ("training job", False),
        ("processing and transform jobs", False),
        ("image builds", False),
    ]
    assert "the training job sagebuild-test-3f2a1c00-1 just now (ThrottlingException)" in parts[0].status
    assert (stopped.confirmed, stopped.job_status, stopped.outcome) == (False, None, "stopped")
    assert stopped.summary.startswith("Build 1: confirmed as ended: execution build-1 (ABORTED). Not confirmed yet: ")


def test_a_failed_tuning_is_named_as_one(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, tuning_job="tuning-1")
    call = "describe_hyper_parameter_tuning_job"
    fail_calls(stack, "sagemaker", monkeypatch, call, "ThrottlingException")
    assert [part.name for part in stop_build(stack.service, sleep=never_sleep).parts[1:]] == ["tuning job"]


def test_a_launch_that_died_before_its_execution_is_stopped(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        fail_calls(stack, "stepfunctions", patched, "start_execution", "ThrottlingException")
        with pytest.raises(Exception, match="start build 1"):
            launch_build(stack.service, VOICE)
    stopped = stop_build(stack.service, 1, requested_by="command", sleep=never_sleep)
    part = Part("execution build-1", "never started", has_ended=True)
    assert stopped == Stopped(1, None, True, (part,), "stopped")
    assert launch_build(stack.service, VOICE).waiting == 1
    assert stack.executions() == [], "the record is no longer launching, so that no call starts it"


def test_an_execution_that_cannot_be_described_is_not_confirmed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    fail_calls(stack, "stepfunctions", monkeypatch, "describe_execution", "ThrottlingException")
    stopped = stop_build(stack.service, sleep=never_sleep)
    assert (stopped.confirmed, stopped.outcome, stopped.parts[0].has_ended) == (False, "", False)
    assert stopped.parts[0].name == "execution build-1"
    assert "describe build 1" in stopped.parts[0].status
    assert stopped.summary.startswith("Build 1: confirmed as ended: nothing yet. Not confirmed yet: execution build-1")


def test_an_execution_is_described_again_after_the_wait(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    describe, answers = stack.service.stepfunctions.describe_execution, iter(["RUNNING", "ABORTED"])

    def answer(**arguments: Any) -> Any:
        return describe(**arguments) | {"status": next(answers)}

    monkeypatch.setattr(stack.service.stepfunctions, "describe_execution", answer)
    assert stop_build(stack.service, sleep=never_sleep).parts == (EXECUTION,)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("RUNNING", ""),
        ("SUCCEEDED", "succeeded"),
        ("FAILED", "failed"),
        ("TIMED_OUT", "failed"),
        ("ABORTED", "stopped"),
    ],
)
def test_a_build_is_described_after_a_stop(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, status: str, outcome: str
) -> None:
    launch_build(stack.service, VOICE)
    monkeypatch.setattr(stack.service.stepfunctions, "describe_execution", lambda **_: {"status": status})
    record = read_build(stack.service, 1)
    part = Part("execution build-1", status, status != "RUNNING")
    assert describe_stopped(stack.service, record) == Stopped(1, None, part.has_ended, (part,), outcome)
    update_build(stack.service, 1, status="withheld", ended_at=now().isoformat(), job_status="Completed")
    described = describe_stopped(stack.service, read_build(stack.service, 1))
    assert described == Stopped(1, "Completed", part.has_ended, (part,), "withheld")


def test_another_error_of_a_stop_is_raised(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    fail_calls(stack, "stepfunctions", monkeypatch, "stop_execution", "AccessDeniedException")
    with pytest.raises(ClientError):
        stop_build(stack.service, sleep=never_sleep)


def test_a_stop_of_no_build_changes_no_record(stack: Stack) -> None:
    with pytest.raises(NoBuildRunningError, match=r"^No build is running; there is nothing to stop\.$"):
        stop_build(stack.service)
    launch_build(stack.service, VOICE)
    with pytest.raises(NoBuildRunningError, match=r"^Build 2 is not running; build 1 is, and was not stopped\.$"):
        stop_build(stack.service, 2)
    assert read_build(stack.service, 1).stop_requested_by == ""


def test_a_stop_is_described_before_it_happens(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Train Model"}}
    monkeypatch.setattr(stack.service.stepfunctions, "get_execution_history", lambda **_: {"events": [entered]})
    with pytest.raises(NoBuildRunningError, match=r"^No build is running; there is nothing to stop\.$"):
        describe_stop(stack.service, read_state(stack.service), None)
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, endpoint_hourly_cost=0.5)
    cost = describe_cost(stack.service, read_build(stack.service, 1))
    expected = Stop(1, "Train Model", None, cost)
    for number in (None, 1):
        assert describe_stop(stack.service, read_state(stack.service), number) == expected
    with pytest.raises(NoBuildRunningError, match=r"^Build 2 is not running; build 1 is\.$"):
        describe_stop(stack.service, read_state(stack.service), 2)
    launch_build(stack.service, VOICE)
    assert describe_stop(stack.service, read_state(stack.service), 1) == Stop(1, "Train Model", 2, cost)


class Transforming(Training):
    """The same, with a transform job that never ends."""

    transform = "InProgress"

    def describe_transform_job(self, TransformJobName: str) -> Any:  # noqa: N803, ARG002
        """DescribeTransformJob."""
        return {"TransformJobStatus": self.transform}

    def stop_transform_job(self, TransformJobName: str) -> None:  # noqa: N803, ARG002
        """StopTransformJob."""
        self.transform = "Stopping"


@pytest.mark.parametrize(
    ("status", "was_running", "left"), [("Completed", False, "Completed"), ("InProgress", True, "Stopping")]
)
def test_all_work_together_is_waited_for_as_long_as_one(
    stack: Stack, status: str, was_running: bool, left: str
) -> None:
    training = Transforming(status, polls=100)
    name = train(stack, training)
    job = StepJob("transform", "transform-1", 1, kind="transform")
    update_build(stack.service, 1, step_jobs=to_attributes([job]))
    pauses: list[float] = []
    record = read_build(stack.service, 1)
    work = stop_work(stack.service, record, 4, lambda: 7.0 + len(pauses), pauses.append)
    assert len(pauses) == 4
    assert (work.was_running, training.stopped) == (was_running, was_running)
    transform = Part("transform job transform-1", "Stopping", False, "transform")
    assert work.parts == [Part(name, left, left == "Completed"), transform]
    assert work.step_jobs == [replace(job, status="Stopping")]


class ImageBuilds:
    """CodeBuild with one image build, which takes some polls to end after a stop."""

    def __init__(self, polls: int) -> None:
        self.polls, self.status = polls, "IN_PROGRESS"

    def list_builds_for_project(self, projectName: str, **_order: Any) -> Any:  # noqa: N803
        """ListBuildsForProject."""
        return {"ids": ["one"] if projectName.endswith("-images") else []}

    def batch_get_builds(self, **_ids: Any) -> Any:
        """BatchGetBuilds."""
        if self.status == "STOPPING":
            self.polls -= 1
        variables = [{"name": "IMAGE_TAG", "value": "1-training"}]
        status = "STOPPED" if self.polls == 0 else "IN_PROGRESS"
        return {"builds": [{"id": "one", "buildStatus": status, "environment": {"environmentVariables": variables}}]}

    def stop_build(self, **_id: Any) -> None:
        """StopBuild."""
        self.status = "STOPPING"


@pytest.mark.parametrize(("polls", "status", "waits"), [(1, "ended", 0), (3, "ended", 2), (100, "IN_PROGRESS", 4)])
def test_a_stop_ends_image_builds_too(stack: Stack, polls: int, status: str, waits: int) -> None:
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, image_builds=["1-training"])
    stack.service.__dict__["codebuild"] = ImageBuilds(polls)
    pauses: list[float] = []
    work = stop_work(stack.service, read_build(stack.service, 1), 4, lambda: float(len(pauses)), pauses.append)
    assert work.parts == [Part("image builds", status, status == "ended")]
    assert len(pauses) == waits


@pytest.mark.parametrize("status", ["RUNNING", "ABORTED"])
def test_a_stop_ends_your_own_state_machines_too(stack: Stack, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    machine = stack.settings["PREPROCESS_STATE_MACHINE"] = stack.settings["STATE_MACHINE_ARN"]
    launch_build(stack.service, VOICE)
    name = f"{name_resource(stack.service, 1)}-preprocess"
    stack.service.stepfunctions.start_execution(stateMachineArn=machine, name=name)
    if status == "RUNNING":  # for some time after the stop
        monkeypatch.setattr(stack.service.stepfunctions, "stop_execution", lambda **_: None)
    work = stop_work(stack.service, read_build(stack.service, 1), 0, lambda: 0.0, never_sleep)
    assert work.parts == [Part(f"state machine {name}", status, status == "ABORTED")]


def test_a_state_machine_that_cannot_be_described_is_not_confirmed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.settings["PREPROCESS_STATE_MACHINE"] = stack.settings["STATE_MACHINE_ARN"]
    launch_build(stack.service, VOICE)
    fail_calls(stack, "stepfunctions", monkeypatch, "describe_execution", "AccessDeniedException")
    (part,) = stop_work(stack.service, read_build(stack.service, 1), 0, lambda: 0.0, never_sleep).parts
    assert (part.name, part.has_ended) == ("own state machines", False)
