"""A person's own function and state machines, deployed with the service and run by its builds."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.stack import DeployedStack, update
from tests.engine import Engine
from tests.local.functions import deploy as deploy_function
from tests.local.state_machines import Machines

FUNCTION = """
    def handler(event, context):
        environment = {"BUILD": str(event["number"]), "SCRIPT": event["parameters"]["trainentrypoint"]}
        return event["request"] | {"Environment": environment}
"""


@dataclass(frozen=True)
class Hooks:
    """The machines before and after the build."""

    preprocess: str
    postprocess: str


@pytest.fixture(scope="module")
def hooks(deployed: DeployedStack, engine: Engine) -> Iterator[Hooks]:
    """The stack, deployed once more with hooks; afterwards again without."""
    machines, bucket = Machines.of(engine), deployed.outputs["DataBucket"]
    copy = {"Bucket": bucket, "Key": "clean/digits.csv", "CopySource": f"{bucket}/train/digits.csv"}
    cleaning = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:copyObject", "Arguments": copy, "End": True}
    judging = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.parameters.Tags.verdict = 'bad' %}", "Next": "Refuse"}],
        "Default": "Accept",
    }
    refusing = {"Type": "Fail", "Error": "NotGoodEnough", "Cause": "the answers are wrong"}
    made = Hooks(
        preprocess=machines.create({"Clean": cleaning}),
        postprocess=machines.create({"Judge": judging, "Refuse": refusing, "Accept": {"Type": "Succeed"}}),
    )
    update(
        engine,
        f"trainingConfigFunction={deploy_function(engine, FUNCTION)}",
        f"preprocessStateMachine={made.preprocess}",
        f"postprocessStateMachine={made.postprocess}",
    )
    yield made
    update(engine)


def read_execution(stack: DeployedStack, machine: str, record: dict[str, Any], kind: str) -> dict[str, Any]:
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{record['training_job']}-{kind}"
    execution: dict[str, Any] = stack.client("stepfunctions").describe_execution(executionArn=arn)
    return execution | {"input": json.loads(execution["input"])}


def test_hooks_run_before_in_and_after_the_build(stack: DeployedStack, hooks: Hooks) -> None:
    record = stack.build(channels={"training": {"path": "clean/"}})
    assert record["status"] == "succeeded", record["reason"]
    number = record["number"]
    job = stack.describe_job(record["training_job"])
    assert job["Environment"] == {"BUILD": str(number), "SCRIPT": "train.py"}
    before = read_execution(stack, hooks.preprocess, record, "preprocess")
    assert before["status"] == "SUCCEEDED"
    assert before["input"]["number"] == number
    assert before["input"]["channels"] == {"training": f"s3://{stack.outputs['DataBucket']}/clean/"}
    after = read_execution(stack, hooks.postprocess, record, "postprocess")
    assert after["status"] == "SUCCEEDED"
    assert after["input"]["endpointConfig"] == record["endpoint_config"]
    assert after["input"]["artifacts"].endswith(f"/models/{record['model']}/0/model.tar.gz")


@pytest.mark.usefixtures("serving")
def test_a_deployment_that_postprocessing_refuses_is_undone(stack: DeployedStack, hooks: Hooks) -> None:
    live = stack.live_config()
    record = stack.build(Tags={"verdict": "bad"})
    assert (record["status"], record["step"]) == ("failed", "Run Postprocessing")
    assert record["reason"] == "the answers are wrong"
    assert read_execution(stack, hooks.postprocess, record, "postprocess")["status"] == "FAILED"
    assert stack.live_config() == live
