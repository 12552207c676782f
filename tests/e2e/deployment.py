"""Helpers for tests of deployments: an alarm, a sample request, approvals and rollbacks."""

import json
from typing import Any

from sagebuild.errors import NoApprovalPendingError
from sagebuild.service import Service
from sagebuild.steps.approval import answer_approval
from tests.e2e.stack import DeployedStack, wait_until

ALARM = "sagebuild-dev-errors"


def guard(stack: DeployedStack) -> dict[str, Any]:
    """Guardrails with an alarm in the state OK."""
    client = stack.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=ALARM, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    client.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="a test's")
    return {"shifting": "CANARY", "percent": 50, "wait": 10, "alarms": [ALARM]}


def sample(stack: DeployedStack, place: str = "CodeBucket") -> dict[str, Any]:
    """A smoke test: two digits, in a bucket of the stack."""
    bucket, key = stack.outputs[place], "samples/digits.csv"
    body = "\n".join(",".join(f"{value / 16:g}" for value in digit) for digit in stack.questions[:2])
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return {"contenttype": "text/csv", "file": f"s3://{bucket}/{key}", "accept": "application/json"}


def connect(stack: DeployedStack) -> Service:
    """The service of a user with the stack's outputs."""
    return Service({"STACK_NAME": stack.name, "BUILDS_TABLE": stack.outputs["BuildsTable"]}, stack.client)


def approve(stack: DeployedStack, number: int) -> None:
    """Approve a build when it requests approval, unless it ends before."""

    def has_answered() -> bool:
        try:
            answer_approval(connect(stack), True, "command", number)
        except NoApprovalPendingError:
            return bool(stack.record(number).get("ended_at"))
        return True

    wait_until(has_answered)


def answer_in_registry(stack: DeployedStack, number: int, status: str, why: str) -> dict[str, Any]:
    """Set the approval status of the waiting build's model package; return the record when it has ended."""
    wait_until(lambda: stack.record(number).get("approval_requested_at"))
    stack.client("sagemaker").update_model_package(
        ModelPackageArn=stack.record(number)["model_package"], ModelApprovalStatus=status, ApprovalDescription=why
    )
    return stack.finish(number)


def roll_back(stack: DeployedStack, wanted: str | int) -> dict[str, Any]:
    """Request a rollback through the launch topic; return its record."""
    before = stack.last_number()
    message = json.dumps({"rollback": wanted})
    stack.client("sns").publish(TopicArn=stack.outputs["LaunchTopicArn"], Message=message)
    wait_until(lambda: stack.last_number() > before)
    return stack.finish(before + 1)
