"""A stack's resources on moto, and the service that works on them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws
from moto.core.model_instances import reset_model_data
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from sagebuild import service
from sagebuild.parameters.store import write_document
from sagebuild.service import Service
from skill import access
from skill.app import handler
from tests import bucket_access
from tests.alexa import SKILL_ID, Conversation

REGION = "eu-west-1"
STACK = "sagebuild-test"

# A parameter document that trains a script.
SCRIPT = {"framework": "SCIKIT", "trainentrypoint": "a.py", "trainsourcefile": "a.tar.gz"}

_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
# Waits for ever, so that a started execution stays RUNNING until it is stopped.
_WAITING_MACHINE = {
    "StartAt": "Train Model",
    "States": {"Train Model": {"Type": "Wait", "Seconds": 86400, "End": True}},
}


@dataclass(frozen=True)
class Stack:
    """The service, the settings that it reads, and a queue that receives its notifications."""

    service: Service
    settings: dict[str, str]
    notifications: str

    def read_notifications(self) -> list[str]:
        """The bodies of all notifications since the last call."""
        answer = boto3.client("sqs", region_name=REGION).receive_message(
            QueueUrl=self.notifications, MaxNumberOfMessages=10
        )
        return [message["Body"] for message in answer.get("Messages", [])]

    def read_texts(self) -> list[str]:
        """The texts of all notifications since the last call."""
        return [json.loads(facts)["text"] for facts in self.read_notifications()]

    def executions(self) -> list[str]:
        """The names of the executions that were started, oldest first."""
        answer = self.service.stepfunctions.list_executions(stateMachineArn=self.service.settings.state_machine_arn)
        return sorted(execution["name"] for execution in answer["executions"])


@pytest.fixture(scope="package", autouse=True)
def moto() -> Iterator[None]:
    """One moto for all tests, because it takes a while to start."""
    with (
        mock_aws(),
        patch.object(boto3, "DEFAULT_SESSION", _session()),
        patch.object(SageMakerResponse, "describe_inference_component", _find_no_component, create=True),
    ):
        yield


def _find_no_component(response: SageMakerResponse) -> None:
    """Answer as SageMaker without inference components, which moto lacks."""
    raise ValidationError(f"Could not find inference component {response.params['InferenceComponentName']}.")


@pytest.fixture
def empty_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide this machine's own AWS settings."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture
def stack(empty_aws: None) -> Stack:  # noqa: ARG001
    """One stack on an empty moto."""
    empty_moto()
    return create_stack()


@pytest.fixture
def alexa(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Conversation]:
    """Speak to the skill of the stack on moto; its document trains a script."""
    limits = {"CALL_TIMEOUT_SECONDS": "30", "LAST_CALL_SECONDS": "30"}
    for name, value in (stack.settings | limits | {"SKILL_ID": SKILL_ID, "AWS_DEFAULT_REGION": REGION}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(access, "_access", None)
    service._create_from_environment.cache_clear()
    write_document(stack.service, SCRIPT, overwrite=True)
    yield Conversation(lambda envelope: handler(envelope, None))
    service._create_from_environment.cache_clear()


def empty_moto() -> None:
    """Delete all resources in moto."""
    mock_aws().reset()
    reset_model_data()


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@cache
def _client(name: str) -> Any:
    return client(name)


def client(name: str) -> Any:
    """A client of moto."""
    return boto3.client(name, region_name=REGION)  # type: ignore[call-overload]


def create_stack() -> Stack:
    """A stack on the present moto."""
    create_builds_table(_client("dynamodb"))
    role = _client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=_TRUST)["Role"]["Arn"]
    topic = _client("sns").create_topic(Name="results")["TopicArn"]
    queue = _client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    _client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:123456789012:heard",
        Attributes={"RawMessageDelivery": "true"},  # moto makes an RSA key to sign the other kind
    )
    for bucket in ("data", "code", "model"):
        _client("s3").create_bucket(
            Bucket=f"{STACK}-{bucket}", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    machine = _client("stepfunctions").create_state_machine(
        name="build", definition=json.dumps(_WAITING_MACHINE), roleArn=role
    )
    settings = {
        "STACK_NAME": STACK,
        "STACK_ID": f"arn:aws:cloudformation:{REGION}:123456789012:stack/{STACK}/3f2a1c00-0000-4000-8000-000000000000",
        "AWS_REGION": REGION,
        "BUILDS_TABLE": "builds",
        "PARAMETERS_NAME": f"/{STACK}/parameters",
        "ACCESS_NAME": f"/{STACK}/alexa",
        "UPLOAD_PREFIX": "train/",
        "STATE_MACHINE_ARN": machine["stateMachineArn"],
        "RESULTS_TOPIC_ARN": topic,
        "DATA_BUCKET": f"{STACK}-data",
        "CODE_BUCKET": f"{STACK}-code",
        "MODEL_BUCKET": f"{STACK}-model",
        "TRAINING_ROLE_ARN": role,
        "HOSTING_ROLE_ARN": role,
        "BUCKET_ACCESS": bucket_access.setting(STACK),
        "FRAMEWORK": "SCIKIT",
        "IMAGE_PROJECT": f"{STACK}-images",
        "IMAGE_REPOSITORY_URI": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/{STACK}-images",
        "SOURCE_PROJECT": f"{STACK}-sources",
        "VPC_ACCESS": "false",
    }
    return Stack(Service(settings, client), settings, queue)


def create_builds_table(client: Any) -> None:
    """The table of resources/storage.yml."""
    client.create_table(
        TableName="builds",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "kind", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
    )


class FakeQuotas:
    """Service Quotas of an account, a page for each quota, which moto lacks."""

    def __init__(self, quotas: dict[str, float]) -> None:
        self.quotas = quotas
        self.pages_read = 0

    def get_paginator(self, operation: str) -> "FakeQuotas":
        """Itself."""
        assert operation == "list_service_quotas"
        return self

    def paginate(self, **_request: Any) -> Iterator[dict[str, Any]]:
        """One quota after another."""
        for name, value in self.quotas.items():
            self.pages_read += 1
            yield {"Quotas": [{"QuotaName": name, "Value": value}]}
