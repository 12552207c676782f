"""The removal of a stack: no build starts after it began, nothing stays, and its waits fit into Lambda's time."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from sagebuild import custom_resource
from sagebuild.builds.lock import PipelineState, change_state, read_state
from sagebuild.builds.records import Trigger, now, read_build, update_build
from sagebuild.client.pipeline_creation import create_pipeline
from sagebuild.custom_resource import MAX_CONTINUATIONS, answer_request
from sagebuild.deadline import RESERVE_SECONDS, Deadline
from sagebuild.errors import PipelineNameError, PipelineNotFoundError, StillRunningError
from sagebuild.finish import sweep
from sagebuild.finish.build import finish_build
from sagebuild.finish.delete import delete_resources
from sagebuild.finish.ending import Ending
from sagebuild.finish.event import finish_execution
from sagebuild.finish.interfaces import wait_for_interfaces
from sagebuild.finish.remove import remove_leftovers
from sagebuild.launch import start
from sagebuild.launch.start import launch_build, pass_on_lock
from sagebuild.names import name_resource, stack_prefix
from sagebuild.plan.dispatch import plan_input
from sagebuild.running.undo import undo_deployment
from sagebuild.service import Service
from tests.functional.conftest import Stack, client
from tests.functional.hosting import FakeHosting

VOICE = Trigger("voice")
ABORTED = {"name": "build-1", "status": "ABORTED", "stopDate": 1_700_000_000_000}


class Clock:
    """A clock that only a wait moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds


def never_sleep(_seconds: float) -> None: ...


def close(stack: Stack) -> None:
    """Begin a removal."""
    state = read_state(stack.service)
    change_state(stack.service, state, replace(state, removed_at="2026-11-30T12:00:00+00:00"))


def test_a_removal_starts_neither_the_waiting_build_nor_a_later_one(stack: Stack) -> None:
    for _ in range(2):
        launch_build(stack.service, VOICE)
    assert read_state(stack.service).pending
    remove_leftovers(stack.service, never_sleep)
    finish_execution(stack.service, ABORTED, "late", never_sleep)
    with pytest.raises(PipelineNotFoundError, match="is being removed"):
        launch_build(stack.service, VOICE)
    assert stack.executions() == ["build-1"]
    assert read_state(stack.service).running is None


def test_a_lock_that_is_passed_on_during_a_removal_is_freed(stack: Stack) -> None:
    for _ in range(2):
        launch_build(stack.service, VOICE)
    close(stack)
    assert pass_on_lock(stack.service, 1) is None
    assert stack.executions() == ["build-1"]


def test_a_launch_that_began_before_the_removal_is_not_planned(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    remove_leftovers(stack.service, never_sleep)
    with pytest.raises(PipelineNotFoundError, match="is being removed; no build starts"):
        plan_input(stack.service, {"number": 1})


def test_a_sweep_during_a_removal_starts_no_execution(stack: Stack) -> None:
    with patch.object(start, "start_execution"):
        launch_build(stack.service, VOICE)  # dies before it starts the execution
    close(stack)
    with patch.object(sweep, "start_execution") as started:
        (lost,) = sweep.find_lost_end(stack.service, read_state(stack.service), now())
    assert lost.number == 1
    started.assert_not_called()


def test_no_pipeline_is_created_during_a_removal(stack: Stack) -> None:
    remove_leftovers(stack.service, never_sleep)
    with pytest.raises(PipelineNameError, match="is being removed; no pipeline can be created"):
        create_pipeline(stack.service, "fraud", "SCIKIT", None)


def test_a_build_that_ends_during_a_removal_restores_no_endpoint(stack: Stack) -> None:
    hosting = FakeHosting(stack.service.sagemaker)
    stack.service.__dict__["sagemaker"] = hosting
    launch_build(stack.service, VOICE)
    ours = name_resource(stack.service, 1)
    for config in (ours, "earlier"):
        hosting.create_model(ModelName=config)
        hosting.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[{"ModelName": config, "VariantName": "AllTraffic"}]
        )
    hosting.settle("InService", ours)
    update_build(stack.service, 1, endpoint_config=ours, live_before="earlier")
    close(stack)
    finish_build(stack.service, 1, Ending("ABORTED"), never_sleep)
    undo_deployment(stack.service, read_build(stack.service, 1), 60, lambda: 0.0, never_sleep)
    assert hosting.requests == []


class Trainings:
    """Trainings of which one keeps a warm pool that takes two polls to end."""

    def __init__(self, rest: Any, name: str) -> None:
        self._rest, self._name = rest, name
        self.polls_left, self.updates = 2, list[Any]()
        self.deleted: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def delete_training_job(self, TrainingJobName: str) -> None:  # noqa: N803
        """DeleteTrainingJob."""
        if TrainingJobName == self._name and not (self.updates and self.polls_left <= 0):
            self.polls_left -= 1
            raise ClientError({"Error": {"Code": "ResourceInUse", "Message": "warm"}}, "DeleteTrainingJob")
        self.deleted.append(TrainingJobName)

    def update_training_job(self, **request: Any) -> None:
        """UpdateTrainingJob."""
        self.updates.append(request)


def create_training(stack: Stack, number: int, **more: Any) -> str:
    name = name_resource(stack.service, number)
    stack.service.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=stack.settings["TRAINING_ROLE_ARN"],
        AlgorithmSpecification={"TrainingImage": "house", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://model"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        **more,
    )
    return name


def test_a_warm_pool_ends_before_its_training_is_deleted(stack: Stack) -> None:
    cold, warm = (create_training(stack, number) for number in (1, 2))
    trainings = Trainings(stack.service.sagemaker, warm)
    stack.service.__dict__["sagemaker"] = trainings
    clock = Clock()

    def delete() -> None:
        deadline = Deadline(60, clock)
        delete_resources(stack.service, stack_prefix(stack.service), "no", lambda _: True, clock.sleep, deadline)

    delete()
    assert trainings.deleted == [cold, warm]
    assert trainings.updates[0] == {"TrainingJobName": warm, "ResourceConfig": {"KeepAlivePeriodInSeconds": 0}}
    trainings.polls_left = 99
    with pytest.raises(StillRunningError, match=f"The warm pool of the training {warm} is still alive"):
        delete()


def test_a_removal_waits_for_network_interfaces_and_names_those_that_stay(stack: Stack) -> None:
    stack.settings["VPC_ACCESS"] = "true"
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc)["GroupId"]
    network = {"SecurityGroupIds": [group], "Subnets": [subnet]}
    create_training(stack, 1, VpcConfig=network)
    created = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    elsewhere = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ec2.create_network_interface(SubnetId=elsewhere, Groups=[group])
    clock = Clock()

    def wait(sleep: Callable[[float], None]) -> None:
        wait_for_interfaces(stack.service, stack_prefix(stack.service), "no", sleep, Deadline(60, clock))

    with pytest.raises(StillRunningError, match=f"deleted these network interfaces yet: {created}. Repeat the removal"):
        wait(clock.sleep)
    wait(lambda _: ec2.delete_network_interface(NetworkInterfaceId=created))


class Endless:
    """SageMaker with a training that never ends, and time that passes with each call."""

    def __init__(self, rest: Any, clock: Clock) -> None:
        self._rest, self._clock = rest, clock
        self.status = "Stopping"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def describe_training_job(self, **_request: Any) -> dict[str, Any]:
        """DescribeTrainingJob."""
        self._clock.sleep(1)
        return {"TrainingJobStatus": self.status}

    def delete_model_package_group(self, **_request: Any) -> None:
        """DeleteModelPackageGroup, which moto lacks."""


def function_context(clock: Clock, seconds: float) -> Any:
    """The context of an invocation that Lambda ends after this time."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: (seconds - clock.now) * 1000)


@pytest.mark.parametrize("seconds", [900, 100])
def test_the_waits_of_a_finish_end_before_lambda_ends_it(stack: Stack, seconds: int) -> None:
    clock = Clock()
    launch_build(stack.service, VOICE)
    stack.service.__dict__["sagemaker"] = Endless(stack.service.sagemaker, clock)
    deadline = Deadline.of_function(function_context(clock, seconds), clock)
    with pytest.raises(StillRunningError, match="not confirmed as ended"):
        finish_build(stack.service, 1, Ending("ABORTED"), clock.sleep, deadline=deadline)
    assert clock.now <= seconds - RESERVE_SECONDS + 10


def test_the_waits_of_a_removal_end_before_lambda_ends_it_and_the_next_call_continues(stack: Stack) -> None:
    clock = Clock()
    sagemaker = Endless(stack.service.sagemaker, clock)
    service = Service(stack.settings, lambda name: sagemaker if name == "sagemaker" else client(name))
    for pipeline in ("", "fraud", "churn"):
        if pipeline:
            create_state(service.for_pipeline(pipeline))
        launch_build(service.for_pipeline(pipeline), VOICE)
    with pytest.raises(StillRunningError, match="Repeat serverless remove"):
        remove_leftovers(service, clock.sleep, Deadline.of_function(function_context(clock, 900), clock))
    assert clock.now <= 900 - RESERVE_SECONDS + 30
    sagemaker.status = "Stopped"
    remove_leftovers(service, never_sleep)


def create_state(service: Service) -> None:
    """The state of a new pipeline."""
    state = read_state(service)
    change_state(service, state, PipelineState(pipeline=service.pipeline, created_at="2026-11-30T12:00:00+00:00"))


@pytest.mark.parametrize(("needed", "status"), [(0, "SUCCESS"), (3, "SUCCESS"), (4, "FAILED")])
def test_a_removal_continues_in_the_next_invocation_and_answers_once(
    monkeypatch: pytest.MonkeyPatch, needed: int, status: str
) -> None:
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr(custom_resource, "_put", lambda _url, answer: answers.append(answer))
    calls = 0
    ahead: list[dict[str, Any]] = [
        {"RequestType": "Delete", "ResourceProperties": {}, "ResponseURL": "", "StackId": "stack", "RequestId": "one",
         "LogicalResourceId": "Leftovers"}
    ]  # fmt: skip

    def apply(_kind: str, _properties: dict[str, Any]) -> None:
        nonlocal calls
        calls += 1
        if calls <= needed:
            raise StillRunningError("The endpoint is Deleting.")

    while ahead:
        event = ahead.pop()
        answer_request(json.loads(json.dumps(event)), "stream", apply, ahead.append)
    assert calls == min(needed, MAX_CONTINUATIONS) + 1
    (answer,) = answers
    assert (answer["Status"], answer["RequestId"]) == (status, "one")
    assert ("The endpoint is Deleting." in answer["Reason"]) == (status == "FAILED")


@pytest.mark.parametrize("text", ["no" * 5000, "\u00e9" * 5000, "\U0001f600" * 5000, '"\n' * 5000])
def test_the_answer_of_a_custom_resource_is_as_small_as_cloudformation_demands(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr(custom_resource, "_put", lambda _url, answer: answers.append(answer))
    event = {"RequestType": "Create", "ResourceProperties": {}, "ResponseURL": "", "StackId": "s" * 300}
    event |= {"RequestId": "r" * 36, "LogicalResourceId": "l" * 255}

    def fail(_kind: str, _properties: dict[str, Any]) -> None:
        raise ValueError(text)

    answer_request(event, "stream", fail)
    (answer,) = answers
    assert 1000 < len(json.dumps(answer)) <= 4096
    assert answer["Reason"].startswith(f"ValueError: {text[:20]}")
    assert answer["Reason"].endswith("... (log stream stream)")
