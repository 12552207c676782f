"""Options of the endpoint and the training, from the document to what is live."""

from typing import Any

import pytest

from tests.e2e.stack import NAME, DeployedStack
from tests.local.sagemaker_world import IMAGE, pack

# The endpoint is asked for digits a hundred times as bright; the model knows nothing of that.
DIMS = """
def model_fn(model_dir):
    return 100

def predict_fn(data, model):
    return data / model
"""
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
    assert steps.index("Release Scaling") < steps.index("Update Endpoint")
    (target,) = describe_scaling(stack)
    assert target["MaxCapacity"] == 3

    record = stack.build(hostinstancetype="ml.m5.large")
    assert record["status"] == "succeeded", record["reason"]
    assert describe_scaling(stack) == []


def test_a_spot_training_ends_in_a_model_behind_another_container(stack: DeployedStack) -> None:
    bucket = stack.outputs["ModelBucket"]
    stack.client("s3").put_object(Bucket=bucket, Key="dims.tar.gz", Body=pack({"code/dims.py": DIMS}))
    script = {"SAGEMAKER_PROGRAM": "dims.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    record = stack.build(
        spot=True,
        spotmaxwait=48,
        maxcost=0.23,
        channels={"training": {"path": "train/", "InputMode": "FastFile", "ShuffleConfig": {"Seed": 7}}},
        pipeline=[{"image": IMAGE, "artifacts": f"s3://{bucket}/dims.tar.gz", "environment": script}],
    )
    assert record["status"] == "succeeded", record["reason"]
    job = stack.describe_job(record["training_job"])
    assert job["EnableManagedSpotTraining"] is True
    seconds = job["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert record["training_hourly_cost"] * seconds / 3600 == pytest.approx(0.23, rel=0.001)
    assert record["cost_limit"] == 0.23
    assert stack.ask_endpoint(brightness=100) > 0.9
