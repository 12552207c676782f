"""The schedule of a pipeline's document starts its builds, without a deployment."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import read_build
from sagebuild.finish.remove import remove_pipeline
from sagebuild.parameters.store import delete_document
from sagebuild.service import Service
from tests.e2e.stack import NAME, PARAMETERS, DeployedStack, wait_until

PERIOD = 60 / 40  # seconds on this engine, whose time scale is 40, of rate(1 minute)


@pytest.fixture(scope="module")
def fraud(deployed: DeployedStack) -> Iterator[Service]:
    """A pipeline whose builds end in their first step, because it has no data; removed after the tests."""
    described = deployed.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    outputs = {
        "BUILDS_TABLE": "BuildsTable",
        "STATE_MACHINE_ARN": "StateMachineArn",
        "PARAMETERS_NAME": "ParametersName",
        "MODEL_BUCKET": "ModelBucket",
        "IMAGE_PROJECT": "ImageProject",
        "SOURCE_PROJECT": "SourceProject",
    }
    settings = {setting: deployed.outputs[output] for setting, output in outputs.items()}
    own = {"STACK_NAME": NAME, "STACK_ID": described["StackId"], "AWS_REGION": "us-east-1"}
    service = Service(settings | own, deployed.client).for_pipeline("fraud")
    state = read_state(service)
    assert change_state(service, state, replace(state, created_at="2026-01-01T00:00:00+00:00"))
    yield service
    remove_pipeline(service)
    deployed.client("sqs").purge_queue(QueueUrl=deployed.queue)  # of the notifications of these builds


def write(service: Service, schedule: str | None) -> None:
    """Write the pipeline's document with this schedule."""
    document = PARAMETERS | ({"schedule": schedule} if schedule else {})
    service.ssm.put_parameter(
        Name=f"/{NAME}/fraud/parameters", Value=json.dumps(document), Type="String", Overwrite=True
    )


def read_schedule(service: Service) -> str:
    """The expression of the pipeline's schedule; empty if it has none."""
    try:
        answer: dict[str, Any] = service.scheduler.get_schedule(GroupName=NAME, Name="fraud")
    except service.scheduler.exceptions.ResourceNotFoundException:
        return ""
    return str(answer["ScheduleExpression"])


def is_idle(service: Service) -> bool:
    """Whether no build runs or is pending."""
    state = read_state(service)
    return not (state.running or state.pending)


def test_a_schedule_in_the_document_starts_builds_until_it_is_taken_out(fraud: Service) -> None:
    write(fraud, "rate(1 minute)")
    wait_until(lambda: read_state(fraud).last_number >= 2)
    assert read_build(fraud, 1).trigger.kind == "schedule"
    assert read_build(fraud, 1).trigger.detail.endswith("Z")
    write(fraud, None)
    wait_until(lambda: not read_schedule(fraud))
    wait_until(lambda: is_idle(fraud))
    time.sleep(1)  # a message that was sent before
    wait_until(lambda: is_idle(fraud))
    number = read_state(fraud).last_number
    time.sleep(2 * PERIOD)
    assert read_state(fraud).last_number == number
    assert read_state(fraud.for_pipeline("")).running is None


def test_a_lost_event_is_made_up_for_by_the_next_build(stack: DeployedStack, fraud: Service) -> None:
    with stack.engine.faults({"event": "Parameter Store Change", "lose": True}):
        write(fraud, "cron(0 6 1 1 ? *)")
        pipeline = {"pipeline": {"DataType": "String", "StringValue": "fraud"}}
        stack.client("sns").publish(
            TopicArn=stack.outputs["LaunchTopicArn"], Message="build", MessageAttributes=pipeline
        )
        assert wait_until(lambda: read_schedule(fraud)) == "cron(0 6 1 1 ? *)"
    wait_until(lambda: is_idle(fraud))
    delete_document(fraud)
    wait_until(lambda: not read_schedule(fraud))
