"""Options of the endpoint and the training, from the document to what is live."""

from typing import Any

import pytest

from tests.e2e.stack import NAME, DeployedStack

AUTOSCALING = {"minimum": 1, "maximum": 3, "target": 50}


def describe_scaling(stack: DeployedStack) -> list[dict[str, Any]]:
    answer = stack.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{NAME}/variant/AllTraffic"]
    )
    targets: list[dict[str, Any]] = answer["ScalableTargets"]
    return targets


def read_steps(stack: DeployedStack, number: int) -> list[str]:
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":build-{number}"
    events = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    return [e["stateEnteredEventDetails"]["name"] for e in events if e["type"].endswith("StateEntered")]


@pytest.mark.usefixtures("serving")
def test_an_endpoint_scales_until_its_document_says_no_more(stack: DeployedStack) -> None:
    record = stack.build(autoscaling=AUTOSCALING, hostinstancetype="ml.m5.large", environment={"LEVEL": "5"})
    assert record["status"] == "succeeded", record["reason"]
    assert stack.describe_job(record["training_job"])["Environment"] == {"LEVEL": "5"}
    (target,) = describe_scaling(stack)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)

    trouble = {"hyperparameters": {"trouble": "serving"}, "hostinstancetype": "ml.c5.large"}
    record = stack.build(autoscaling=AUTOSCALING | {"maximum": 9}, **trouble)
    assert record["step"] == "Check Endpoint"
    steps = read_steps(stack, record["number"])
    assert steps.index("Release Scaling") + 1 == steps.index("Update Endpoint")
    (target,) = describe_scaling(stack)
    assert target["MaxCapacity"] == 3

    record = stack.build(hostinstancetype="ml.m5.large")
    assert record["status"] == "succeeded", record["reason"]
    assert describe_scaling(stack) == []
