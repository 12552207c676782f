"""The model registry in local/: versions, approval, events and refusals as on AWS."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, World, wait_until
from tests.roles import OPEN_QUEUE


class Registry(World):
    """A model package group, and a queue for its events."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.group = self.make_group()
        events, sqs = engine.client("events"), engine.client("sqs")
        self._sqs, self._queue = sqs, sqs.create_queue(QueueName=self.group, Attributes=OPEN_QUEUE)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelPackageGroupName": [self.group]},
        }
        events.put_rule(Name=self.group, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=self.group, Targets=[{"Id": "queue", "Arn": arn}])
        self.data = self.put(f"{self.group}/model.tar.gz", b"any")

    def make_group(self) -> str:
        """Create a group; return its name."""
        name = f"group-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_model_package_group(ModelPackageGroupName=name)
        return name

    def request(self, **changes: Any) -> dict[str, Any]:
        """The CreateModelPackage request."""
        containers = [{"Image": IMAGE, "ModelDataUrl": self.data}]
        given = {"ModelPackageGroupName": self.group, "InferenceSpecification": {"Containers": containers}}
        return given | changes

    def register(self, **changes: Any) -> str:
        """Create a version; return its ARN."""
        return str(self.sagemaker.create_model_package(**self.request(**changes))["ModelPackageArn"])

    def hear(self) -> dict[str, Any]:
        """Wait for the next event."""
        (message,) = wait_until(
            lambda: self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=1).get("Messages", []), bool
        )
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def registry(engine: Engine) -> Registry:
    return Registry(engine)


def test_registration_and_approval_of_a_version_publish_events(registry: Registry) -> None:
    arn = registry.register(CustomerMetadataProperties={"build": "1", "team": "a"})
    assert arn.endswith(f":model-package/{registry.group}/1")
    event = registry.hear()
    assert (event["resources"], event["detail"]["ModelApprovalStatus"]) == ([arn], "PendingManualApproval")
    assert "UpdatedModelPackageFields" not in event["detail"]

    registry.sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="too slow",
        CustomerMetadataProperties={"build": "2"},
        CustomerMetadataPropertiesToRemove=["team"],
    )
    detail = registry.hear()["detail"]
    assert (detail["ModelPackageArn"], detail["ModelPackageGroupName"]) == (arn, registry.group)
    assert (detail["ModelPackageVersion"], detail["ModelApprovalStatus"]) == (1, "Rejected")
    assert "ModelApprovalStatus" in detail["UpdatedModelPackageFields"]
    described = registry.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ApprovalDescription"] == "too slow"
    assert described["CustomerMetadataProperties"] == {"build": "2"}
    assert described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == registry.data


def test_a_repeated_client_token_returns_the_same_version(registry: Registry) -> None:
    token = uuid.uuid4().hex
    arn = registry.register(ClientToken=token)
    assert registry.register(ClientToken=token) == arn
    with pytest.raises(ClientError, match="ConflictException"):
        registry.register(ClientToken=token, ModelPackageDescription="another")
    assert registry.register() != arn


def test_versions_are_listed_and_numbers_of_deleted_ones_are_not_reused(registry: Registry) -> None:
    group = registry.make_group()
    client = registry.sagemaker
    arns = [registry.register(ModelPackageGroupName=group) for _ in range(3)]
    client.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")

    def listed(**asked: Any) -> list[str]:
        pages = client.get_paginator("list_model_packages").paginate(PaginationConfig={"PageSize": 2}, **asked)
        return [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]

    assert listed(ModelPackageGroupName=group) == arns
    assert listed(ModelPackageGroupName=group, ModelApprovalStatus="Approved") == [arns[1]]
    assert set(arns) <= set(listed(ModelPackageType="Both"))
    assert listed() == []
    assert group in str(client.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"])
    with pytest.raises(ClientError, match=r"ConflictException.*3 model packages"):
        client.delete_model_package_group(ModelPackageGroupName=group)
    client.delete_model_package(ModelPackageName=arns[2])
    assert registry.register(ModelPackageGroupName=group).endswith("/4")
    for arn in listed(ModelPackageGroupName=group):
        client.delete_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_model_package_group(ModelPackageGroupName=group)


def test_invalid_requests_are_refused(registry: Registry) -> None:
    client = registry.sagemaker
    absent = {"Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{registry.bucket}/absent"}]}
    files = {"S3Uri": f"s3://{registry.bucket}/no-files/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    empty = {"Containers": [{"Image": IMAGE, "ModelDataSource": {"S3DataSource": files}}]}
    own = {"Containers": [{"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/none:latest"}]}
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: client.create_model_package_group(ModelPackageGroupName=registry.group), "already exists"),
        (lambda: registry.register(ModelPackageGroupName="none"), "does not exist"),
        (lambda: registry.register(ModelApprovalStatus="Perhaps"), "enum|Perhaps"),
        (lambda: registry.register(Tags=[{"Key": "a", "Value": "b"}]), "cannot have Tags"),
        (lambda: registry.register(InferenceSpecification=absent), "cannot be read.*absent"),
        (lambda: registry.register(InferenceSpecification=empty), "no-files/ of a model package.*no objects"),
        (lambda: registry.register(InferenceSpecification=own), "cannot be read.*none"),
        (lambda: registry.register(CustomerMetadataProperties={"a": "b, c"}), "characters"),
        (lambda: registry.register(ModelLifeCycle={"Stage": "a", "StageStatus": "b"}), "does not support"),
        (lambda: client.describe_model_package(ModelPackageName="none"), "does not exist"),
    ]
    for call, message in refused:
        with pytest.raises(ClientError, match=message):
            call()
