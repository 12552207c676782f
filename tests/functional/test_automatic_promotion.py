"""What promoteBuild does with the events of the other stack, on moto."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.launch.dead_letters import Message
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import LaunchRequest
from sagebuild.parameters.store import write_document
from sagebuild.promotion.automatic import take_event
from sagebuild.promotion.requests import list_receivers, request_promotion
from sagebuild.service import Service
from tests.functional.conftest import STACK, Stack, client
from tests.functional.test_promotion import PROD, Described, succeed

pytest_plugins = ["tests.functional.test_promotion"]
PACKAGE = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{STACK}/1"


class OtherStack:
    """CloudFormation with the outputs of the other stack."""

    def __init__(self, settings: dict[str, str]) -> None:
        outputs = {"".join(part.title() for part in name.split("_")): value for name, value in settings.items()}
        described = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
        self._stack = {"StackName": STACK, "StackId": settings["STACK_ID"], "Outputs": described}

    def describe_stacks(self, **request: str) -> dict[str, Any]:
        """DescribeStacks."""
        assert request == {"StackName": STACK}
        return {"Stacks": [self._stack]}


@pytest.fixture
def receiver(stack: Stack, prod: Service, made: int) -> Service:
    """The receiving stack, and an approved package of the build that the other one made."""
    update_build(stack.service, made, model_package=PACKAGE)
    package = {"CustomerMetadataProperties": {"build": str(made)}}

    def create_client(name: str) -> Any:
        match name:
            case "cloudformation":
                return OtherStack(stack.settings)
            case "sagemaker":
                return Described(client(name), package)
        return client(name)

    queue = client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    own = {"PROMOTE_FROM": STACK, "DEAD_LETTER_QUEUE_URL": queue}
    return Service({**prod.settings._values, **own}, create_client)


def approval(name: str = "1", group: str = STACK) -> Message:
    detail = {"ModelPackageGroupName": group, "ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Approved"}
    return Message(f"sqs-{name}", json.dumps({"source": "aws.sagemaker", "id": name, "detail": detail}))


def take(service: Service, message: Message) -> bool:
    return take_event(service, message, sleep=lambda _: None)


def read_dead_letters(service: Service) -> list[str]:
    url = service.settings.dead_letter_queue_url
    answer = client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
    return [each["MessageAttributes"]["reason"]["StringValue"] for each in answer.get("Messages", [])]


def test_an_approval_promotes_once(stack: Stack, receiver: Service) -> None:
    assert take(receiver, approval())
    record = read_build(receiver, 1)
    assert (record.trigger, record.origin["folder"]) == (
        Trigger("promotion", f"approved in {STACK}"),
        f"{STACK}-3f2a1c00-1",
    )
    assert take(receiver, approval())  # delivered again
    assert read_state(receiver).last_number == 1
    succeed(receiver)
    assert read_dead_letters(receiver) == []
    assert read_state(stack.service).last_number == 1


def test_an_approval_waits_for_the_end_of_both_builds(stack: Stack, receiver: Service) -> None:
    succeed(stack.service, ended_at="")
    assert not take(receiver, approval())
    succeed(stack.service)
    launch_builds(receiver, [LaunchRequest(Trigger("upload"), "first")])
    assert not take(receiver, approval())
    assert read_state(receiver).last_number == 1
    assert client("s3").list_objects_v2(Bucket=f"{PROD}-model")["KeyCount"] == 0


def test_a_model_that_cannot_be_promoted_is_a_dead_letter(receiver: Service) -> None:
    write_document(receiver, {"framework": "XGBOOST"}, overwrite=True)
    assert take(receiver, approval())
    (reason,) = read_dead_letters(receiver)
    assert "The model is of framework SCIKIT, and the parameter document of sagebuild-prod has XGBOOST" in reason


@pytest.mark.parametrize("status", ["failed", "withheld"])
def test_an_approved_model_that_did_not_go_live_stays(stack: Stack, receiver: Service, status: str) -> None:
    succeed(stack.service, status=status)
    assert take(receiver, approval())
    assert (read_state(receiver).last_number, read_dead_letters(receiver)) == (0, [])


def test_an_earlier_model_does_not_replace_a_later_one(receiver: Service) -> None:
    launch_builds(receiver, [LaunchRequest(Trigger("promotion"), "first", origin={"folder": f"{STACK}-3f2a1c00-2"})])
    succeed(receiver)
    assert take(receiver, approval())
    assert read_dead_letters(receiver) == []
    assert read_state(receiver).last_number == 1


def test_packages_and_pipelines_of_others_are_left_out(receiver: Service) -> None:
    assert take(receiver, approval(group=f"{STACK}-of-another-stack"))
    assert read_state(receiver).last_number == 0


class Bus:
    """EventBridge, which keeps what it was sent, or refuses it."""

    def __init__(self, failed: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self._failed = failed

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """PutEvents."""
        self.events += Entries
        return {"FailedEntryCount": int(bool(self._failed)), "Entries": [{"ErrorCode": self._failed}]}


def test_a_spoken_request_reaches_the_receiving_stack(stack: Stack, receiver: Service) -> None:
    bus = Bus()
    stack.service.__dict__["events"] = bus
    request_promotion(stack.service, 1, PROD, "request-1")
    (event,) = bus.events
    assert (event["Source"], event["DetailType"]) == ("sagebuild", f"{STACK} promotion")
    message = {"source": event["Source"], "id": "any", "detail": json.loads(event["Detail"])}
    assert message["detail"]["receiver"] == PROD
    assert take(receiver, Message("sqs-1", json.dumps(message)))
    assert read_build(receiver, 1).trigger == Trigger("promotion", f"requested by voice in {STACK}")
    assert take(receiver, Message("sqs-2", json.dumps(message | {"id": "other"})))  # Alexa delivered the yes twice
    assert read_state(receiver).last_number == 1


def test_requests_without_an_id_of_their_own_count_separately(receiver: Service) -> None:
    event = {"source": "sagebuild", "detail": {"number": 1}}
    for one in ("first", "first", "second"):
        assert take(receiver, Message("sqs", json.dumps(event | {"id": one}))) == (one == "first")
    assert read_state(receiver).last_number == 1, "the second waits for the end of the first"


def test_the_receivers_are_those_that_name_this_stack(stack: Stack) -> None:
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {
            "Ours": {"Value": "1", "Export": {"Name": f"{STACK}:promotes-to:{PROD}"}},
            "Other": {"Value": "1", "Export": {"Name": f"{STACK}-2:promotes-to:other"}},
        },
    }
    client("cloudformation").create_stack(StackName=PROD, TemplateBody=json.dumps(template))
    assert list_receivers(stack.service) == [PROD]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no JSON", "The message is not JSON"),
        ("[]", "it must be a JSON object"),
        ('{"source": "sagebuild"}', "The message is no event of EventBridge"),
        (
            '{"source": "sagebuild", "detail": {"number": "one"}}',
            'has the number "one"; it must be a build\'s, from 1 on',
        ),
        ('{"source": "sagebuild", "detail": {}}', "has the number null"),
        ('{"source": "sagebuild", "detail": {"number": 7}}', "There is no build 7"),
    ],
)
def test_a_message_that_is_no_request_is_a_dead_letter_with_the_reason(
    receiver: Service, body: str, reason: str
) -> None:
    assert take(receiver, Message("sqs-1", body)), "it is not delivered again"
    (found,) = read_dead_letters(receiver)
    assert reason in found


def test_a_request_from_a_stack_that_is_gone_is_a_dead_letter(
    receiver: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: OtherStack, **_request: str) -> None:
        error: Any = {"Code": "ValidationError", "Message": f"Stack with id {STACK} does not exist"}
        raise ClientError({"Error": error}, "DescribeStacks")

    monkeypatch.setattr(OtherStack, "describe_stacks", refuse)
    assert take(receiver, approval())
    (reason,) = read_dead_letters(receiver)
    assert reason == f"The stack {STACK} does not exist in eu-west-1; deploy it again."
