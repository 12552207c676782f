"""Models that do not pass the gate or wait for approval: withheld ones leave nothing behind, and no build fails."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.errors import NoApprovalPendingError
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service
from sagebuild.steps.approval import answer_approval
from tests.e2e.deployment import answer_in_registry, connect
from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.e2e.test_command_line import run

ASKING = {"skiptrain": True, "approval": "manual"}

pytestmark = pytest.mark.usefixtures("serving")


@pytest.fixture
def service(stack: DeployedStack) -> Service:
    """The service with which the user answers."""
    return connect(stack)


def wait_for_request(stack: DeployedStack, **changes: Any) -> int:
    """Start a build and wait until it requests approval; return its number."""
    stack.set_parameters(**ASKING | changes)
    number = stack.start_by_voice()
    wait_until(lambda: stack.record(number).get("approval_requested_at"))
    return number


def hear_request(stack: DeployedStack, number: int) -> dict[str, Any]:
    """The facts in a build's request for approval."""

    def listen() -> Iterator[dict[str, Any]]:
        sqs = stack.client("sqs")
        answer = sqs.receive_message(QueueUrl=stack.queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=stack.queue, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])

    return wait_until(  # type: ignore[no-any-return]
        lambda: next((e for e in listen() if e["id"].endswith(f"-{number}-approval")), None)
    )


def assert_nothing_is_left(stack: DeployedStack, record: dict[str, Any], live: str) -> None:
    """Check that the endpoint did not change and the model was deleted."""
    assert record["status"] == "withheld", record
    assert record["live_before"] == record["live_after"] == live == stack.live_config()
    for describe in (
        partial(stack.client("sagemaker").describe_model, ModelName=record["model"]),
        partial(stack.client("sagemaker").describe_endpoint_config, EndpointConfigName=record["model"]),
    ):
        with pytest.raises(ClientError, match="Could not find"):
            describe()
    (message,) = stack.read_notifications(record["number"])
    assert message.startswith(f"Build {record['number']} of {NAME} was not deployed after ")
    assert f"Reason: {record['reason']}\n" in message
    assert f"Endpoint: {NAME} still serves {live}, as before this build." in message


def test_a_model_without_improvement_is_not_deployed(stack: DeployedStack) -> None:
    live = stack.live_config()
    record = stack.build(mustimprove={"metric": "accuracy"})
    accuracy = f"{record['metrics']['accuracy']:g}"
    assert record["reason"] == f"accuracy {accuracy} is no better than the live {accuracy}"
    assert record["live_metrics"] == record["metrics"]
    assert_nothing_is_left(stack, record, live)
    ended = run(stack, "watch", str(record["number"]))
    assert (ended.returncode, ended.stdout.count("was not deployed")) == (3, 1)

    record = stack.build(skiptrain=True, qualitygate={"metric": "accuracy", "minimum": 0.5})
    assert (record["status"], record["live_after"]) == ("succeeded", stack.live_config()), record["reason"]


def test_an_approval_deploys_the_waiting_model(stack: DeployedStack, service: Service) -> None:
    live = stack.live_config()
    number = wait_for_request(stack)
    facts = hear_request(stack, number)
    assert facts["outcome"] == "approval"
    assert "live now: accuracy" in facts["text"]
    assert "approval_token" not in facts["build"]
    assert stack.live_config() == live
    stack.sweep()  # which a build that waits is nothing for
    answer_approval(service, True, "command", comment="looks good")
    record = stack.finish(number)
    assert (record["status"], record["approval"]) == ("succeeded", "approved"), record["reason"]
    assert record["live_after"] == record["endpoint_config"] == stack.live_config()
    (message,) = stack.read_notifications(number)
    assert "\nApproved by: command: looks good.\n" in message


def test_a_model_that_is_overwritten_during_the_wait_is_not_deployed(stack: DeployedStack, service: Service) -> None:
    live, s3 = stack.live_config(), stack.client("s3")
    number = wait_for_request(stack)
    (file,) = stack.record(number)["model_files"]
    bucket, key = split_s3_uri(file["uri"])
    original = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=b"x" * len(original))
    answer_approval(service, True, "command", number)
    record = stack.finish(number)
    assert (record["status"], record["step"]) == ("failed", "Verify Model"), record["reason"]
    expected = f"for {file['uri']} the build recorded {len(original)} bytes with the ETag {file['etag']}, and S3 has "
    assert expected in record["reason"]
    assert record["live_after"] == live == stack.live_config()
    assert stack.ask_endpoint() > 0.9
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=key)


def test_a_rejection_and_no_answer_leave_the_live_endpoint_alone(stack: DeployedStack, service: Service) -> None:
    live = stack.live_config()
    number = wait_for_request(stack)
    answer_approval(service, False, "voice", number, "too few rows")
    record = stack.finish(number)
    assert record["reason"] == "rejected by voice: too few rows"
    assert_nothing_is_left(stack, record, live)

    number = wait_for_request(stack, approvalhours=0.001)
    record = stack.finish(number)
    assert record["reason"] == "not approved within 4 seconds"
    assert_nothing_is_left(stack, record, live)
    with pytest.raises(NoApprovalPendingError, match="has ended"):
        answer_approval(service, True, "command", number)


def test_the_model_registry_answers_for_the_waiting_build(stack: DeployedStack) -> None:
    live, sagemaker = stack.live_config(), stack.client("sagemaker")
    record = answer_in_registry(stack, wait_for_request(stack, skiptrain=False), "Rejected", "too few rows")
    assert record["reason"] == "rejected by model registry: too few rows"
    assert_nothing_is_left(stack, record, live)
    package = sagemaker.describe_model_package(ModelPackageName=record["model_package"])
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Rejected", "too few rows")

    number = wait_for_request(stack, skiptrain=False)
    sagemaker.update_model_package(ModelPackageArn=record["model_package"], ModelApprovalStatus="Approved")
    time.sleep(1)  # another build's package answers for no build
    assert stack.record(number)["approval"] == ""
    record = answer_in_registry(stack, number, "Approved", "looks good")
    assert (record["status"], record["approval_by"]) == ("succeeded", "model registry"), record["reason"]
    assert record["live_after"] == record["endpoint_config"] == stack.live_config()


def test_a_waiting_build_can_be_stopped(stack: DeployedStack, service: Service) -> None:
    live = stack.live_config()
    number = wait_for_request(stack)
    conversation = stack.converse()
    conversation.say("stop_build")
    conversation.say("yes")
    record = stack.finish(number)
    assert (record["status"], record["step"]) == ("stopped", "Ask For Approval")
    assert stack.live_config() == live
    with pytest.raises(NoApprovalPendingError):
        answer_approval(service, True, "command")
