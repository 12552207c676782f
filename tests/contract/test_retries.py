"""Each Task retries what is transient for its service, by the policies that docs/architecture.md lists."""

import json
import re
from typing import Any

import pytest

from tests.contract.test_statemachine import all_states
from tests.engine import ROOT
from tools.format_state_machine import FILE

State = dict[str, Any]

CALL = {"IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 6, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}
CAPACITY = CALL | {"IntervalSeconds": 60, "MaxDelaySeconds": 1800}

# By the service that a Resource names, the errors that a later call may not meet.
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
# https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html: the names of an SDK call's errors
TRANSIENT = {
    "applicationautoscaling": [
        "ApplicationAutoScaling.ApplicationAutoScalingException",
        "ApplicationAutoScaling.ConcurrentUpdateException",
        "ApplicationAutoScaling.InternalServiceException",
        "ApplicationAutoScaling.SdkClientException",
    ],
    "cloudwatch": [
        "CloudWatch.CloudWatchException",
        "CloudWatch.SdkClientException",
    ],
    "codebuild": [
        "CodeBuild.AWSCodeBuildException",
        "CodeBuild.SdkClientException",
        "CodeBuild.ThrottlingException",
    ],
    "ecr": [
        "Ecr.EcrException",
        "Ecr.SdkClientException",
        "Ecr.ServerException",
        "Ecr.ThrottlingException",
    ],
    "lambda": [
        "AwsUnavailableError",
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
        "Lambda.Unknown",
        "Runtime.ExitError",
    ],
    "sagemaker": [
        "SageMaker.AmazonSageMakerException",
        "SageMaker.SageMakerException",
        "SageMaker.SdkClientException",
        "SageMaker.ThrottlingException",
    ],
    "states": [
        "StepFunctions.AWSStepFunctionsException",
        "StepFunctions.SdkClientException",
    ],
}
FUNCTION_TIMED_OUT = "Lambda.Unknown"
LONG = 300  # seconds; a function that may take longer is not run again after its own time-out
NO_INSTANCE = "SageMaker.ResourceLimitExceededException"
NO_BUILD_CAPACITY = "CodeBuild.AccountLimitExceededException"


def describe_policy(state: State) -> list[State]:
    """Return the Retry that a Task must have; a service without a policy raises KeyError."""
    service, action = state["Resource"].removeprefix("arn:aws:states:::").removeprefix("aws-sdk:").split(":")[:2]
    errors, timeout = TRANSIENT[service], state["TimeoutSeconds"]
    if service == "lambda" and isinstance(timeout, int) and timeout > LONG:
        errors = [error for error in errors if error != FUNCTION_TIMED_OUT]
    if service == "sagemaker" and re.match(r"create\w+Job\b", action):
        errors = sorted([*errors, NO_INSTANCE])
    capacity = [{"ErrorEquals": [NO_BUILD_CAPACITY], **CAPACITY}] if service == "codebuild" else []
    return [*capacity, {"ErrorEquals": errors, **CALL}]


def read_tasks() -> dict[str, State]:
    definition = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: state for name, state in all_states(definition) if state["Type"] == "Task"}


@pytest.mark.parametrize("name", read_tasks())
def test_a_task_has_the_policy_of_its_service(name: str) -> None:
    task = read_tasks()[name]
    assert task["Retry"] == describe_policy(task)


def test_every_policy_is_used() -> None:
    used = {error for task in read_tasks().values() for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
    assert used == {error for errors in TRANSIENT.values() for error in errors} | {NO_INSTANCE, NO_BUILD_CAPACITY}


@pytest.mark.parametrize(
    ("resource", "timeout", "errors"),
    [
        ("lambda:invoke", 300, TRANSIENT["lambda"]),
        ("lambda:invoke", 301, [error for error in TRANSIENT["lambda"] if error != FUNCTION_TIMED_OUT]),
        ("lambda:invoke.waitForTaskToken", "{% $seconds %}", TRANSIENT["lambda"]),
        ("sagemaker:createProcessingJob.sync", 86400, sorted([*TRANSIENT["sagemaker"], NO_INSTANCE])),
        ("aws-sdk:sagemaker:describeProcessingJob", 60, TRANSIENT["sagemaker"]),
    ],
)
def test_a_new_task_is_held_to_the_policy_of_its_service(resource: str, timeout: Any, errors: list[str]) -> None:
    task = {"Resource": f"arn:aws:states:::{resource}", "TimeoutSeconds": timeout}
    assert describe_policy(task) == [{"ErrorEquals": errors, **CALL}]


def test_a_service_without_a_policy_is_refused() -> None:
    with pytest.raises(KeyError, match="glue"):
        describe_policy({"Resource": "arn:aws:states:::glue:startJobRun.sync", "TimeoutSeconds": 60})


def test_the_docs_list_the_policies() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]*`(\w+)` \|([^|]+)\|", text, re.MULTILINE)
    listed = {service: re.findall(r"`([\w.]+)`", errors) for service, errors in rows}
    assert {service: listed.get(service) for service in TRANSIENT} == TRANSIENT
    assert all(f"`{error}`" in text for error in (NO_INSTANCE, NO_BUILD_CAPACITY))
