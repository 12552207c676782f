"""The package of a model in the registry, whose approval status follows the build's outcome."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.errors import AwsUnavailableError, PipelineNameError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.remove import remove_leftovers
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from sagebuild.parameters import parse_parameters
from sagebuild.steps.package import plan_package
from sagebuild.steps.package_group import claim_package_group, owns_package_group
from sagebuild.steps.package_status import answer_from_registry
from sagebuild.steps.registry import register_model
from tests.functional.conftest import REGION, STACK, Stack

Json = dict[str, Any]
DOCUMENT = {
    "framework": "PYTORCH",
    "trainentrypoint": "train.py",
    "trainsourcefile": "source.tar.gz",
    "hyperparameters": {"depth": 3},
}
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
EXECUTION = f"arn:aws:states:{REGION}:123456789012:execution:build:build-1"
ARTIFACTS = f"s3://{STACK}-model/builds/1/model.tar.gz"
METRICS = {"accuracy": 0.949999988, "loss": float("nan")}
STOPPED = Ending("ABORTED")
WITHHELD = Ending("SUCCEEDED", output=json.dumps({"withheld": "accuracy 0.8 is less than\nthe minimum 0.9"}))
DEPLOYED = Ending("SUCCEEDED")


class Sage:
    """moto's SageMaker with a training job that has metrics, and packages that can be deleted.

    Parameters
    ----------
    rest
        moto's client.
    number
        Of the build whose training it is.
    """

    def __init__(self, rest: Any, name: str) -> None:
        self._rest, self._name = rest, name
        self.deleted: list[str] = []
        self.exceptions = rest.exceptions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def describe_training_job(self, TrainingJobName: str) -> Json:  # noqa: N803
        """DescribeTrainingJob."""
        if TrainingJobName != self._name:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Unknown."}}, "DescribeTrainingJob")
        measured = [{"MetricName": name, "Value": value} for name, value in METRICS.items()]
        return {"TrainingJobStatus": "Completed", "FinalMetricDataList": measured, "BillableTimeInSeconds": 7}

    def delete_model_package(self, ModelPackageName: str) -> None:  # noqa: N803
        """DeleteModelPackage, which moto lacks."""
        self.deleted.append(ModelPackageName)

    def delete_model_package_group(self, ModelPackageGroupName: str) -> None:  # noqa: N803
        """DeleteModelPackageGroup, which moto lacks."""
        self.deleted.append(ModelPackageGroupName)


@pytest.fixture
def sage(stack: Stack) -> Sage:
    """A stack with a trained build, whose model package group a user has deleted."""
    launch_build(stack.service, Trigger("push", "owner/name (main)"))
    stack.service.s3.put_object(Bucket=f"{STACK}-code", Key="source.tar.gz", Body=b"any")
    name = name_resource(stack.service, 1)
    update_build(stack.service, 1, parameters=json.dumps(DOCUMENT), training_job=name, model=name, status="running")
    sage = Sage(stack.service.sagemaker, name)
    stack.service.__dict__["sagemaker"] = sage
    return sage


def plan(stack: Stack, artifacts: str | None = None, model: Json | None = None, **changes: Any) -> Any:
    channel = {"ChannelName": "training", "DataSource": {"S3DataSource": {"S3Uri": f"s3://{STACK}-data/train/"}}}
    bodies = {
        "training": {"AlgorithmSpecification": {"TrainingImage": "repository@sha256:1"}, "InputDataConfig": [channel]},
        "model": model or {"PrimaryContainer": {"Image": IMAGE, "Environment": {"A": "b"}, "Mode": "SingleModel"}},
    }
    return plan_package(BuildContext(stack.service, 1, parse_parameters(DOCUMENT | changes)), bodies, artifacts)


def register(stack: Stack, **changes: Any) -> Json:
    """The package of the build's model in the registry."""
    model = {"PrimaryContainer": {"Image": IMAGE, "Environment": {"A": "b"}, "Mode": "SingleModel"}}
    request = plan(stack) | {"number": 1, "model": model, "artifacts": ARTIFACTS, "execution": EXECUTION} | changes
    package = register_model(stack.service, request)
    return describe(stack, package)


def describe(stack: Stack, package: str = "") -> Json:
    name = package or read_build(stack.service, 1).model_package
    return stack.service.sagemaker.describe_model_package(ModelPackageName=name)  # type: ignore[return-value]


def read(stack: Stack, uri: str) -> Any:
    location = urlsplit(uri)
    answer = stack.service.s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))
    return json.load(answer["Body"])


def finish(stack: Stack, ending: Ending) -> None:
    finish_build(stack.service, 1, ending, sleep=lambda _: None)


def test_a_package_describes_the_model_and_its_origin(stack: Stack, sage: Sage) -> None:
    package = register(stack)
    assert read_build(stack.service, 1).model_package == package["ModelPackageArn"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container == {
        "Image": IMAGE,
        "Environment": {"A": "b"},
        "ModelDataUrl": ARTIFACTS,
        "Framework": "PYTORCH",
        "FrameworkVersion": "2.6.0",
    }
    files = f"s3://{STACK}-model/registry/{name_resource(stack.service, 1)}"
    head = stack.service.s3.head_object(Bucket=f"{STACK}-code", Key="source.tar.gz")
    assert package["CustomerMetadataProperties"] == {
        "build": "1",
        "stack": STACK,
        "trigger": "push owner/name -main-",
        "training job": name_resource(stack.service, 1),
        "parameters": f"{files}/parameters.json",
        "framework": "PYTORCH",
        "source": f"s3://{STACK}-code/source.tar.gz",
        "source version": head["ETag"].strip('"'),
        "training image": "repository@sha256:1",
        "data.training": f"s3://{STACK}-data/train/",
        "metric.accuracy": "0.95",
    }
    assert package["MetadataProperties"]["GeneratedBy"] == EXECUTION
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics == {"ContentType": "application/json", "S3Uri": f"{files}/metrics.json"}
    metrics = {"accuracy": {"value": METRICS["accuracy"], "standard_deviation": "NaN"}}
    assert read(stack, statistics["S3Uri"]) == {"multiclass_classification_metrics": metrics}
    assert read(stack, f"{files}/parameters.json") == DOCUMENT
    assert sage.deleted == []


def test_the_properties_stay_within_the_registrys_limits(stack: Stack, sage: Sage) -> None:
    origin = {f"data.{number}": f"s3://data/{'long/' * 80}" for number in range(60)}
    assert sage
    properties = register(stack, origin=origin)["CustomerMetadataProperties"]
    assert len(properties) == 50
    assert max(map(len, properties.values())) == 256


def test_only_new_models_are_registered(stack: Stack) -> None:
    pipeline = {"Containers": [{"ModelPackageName": "theirs"}, {"Image": IMAGE}]}
    assert plan(stack)["wanted"]
    assert not plan(stack, ARTIFACTS, skiptrain=True)["wanted"]
    assert plan(stack, ARTIFACTS, ModelArtifacts=ARTIFACTS)["wanted"]
    assert not plan(stack, model=pipeline)["wanted"]


def test_a_source_outside_the_code_bucket_has_no_version(stack: Stack) -> None:
    origin = plan(stack, trainsourcefile="s3://theirs/source.tar.gz", hostsourcefile="absent.tar.gz")["origin"]
    assert (origin["source"], origin["source version"]) == ("s3://theirs/source.tar.gz", "")
    assert (origin["serving source"], origin["serving source version"]) == (f"s3://{STACK}-code/absent.tar.gz", "")


@pytest.mark.usefixtures("sage")
@pytest.mark.parametrize(
    ("ending", "status", "description"),
    [
        (DEPLOYED, "Approved", "Build 1 succeeded."),
        (STOPPED, "Rejected", "Build 1 was stopped. Stopped by someone outside sagebuild"),
        (WITHHELD, "Rejected", "Build 1 was not deployed. accuracy 0.8 is less than the minimum 0.9"),
        (Ending("FAILED", "X", "why " * 400), "Rejected", "Build 1 failed. why why"),
    ],
)
def test_the_end_of_the_build_approves_or_rejects(stack: Stack, ending: Ending, status: str, description: str) -> None:
    register(stack)
    finish(stack, ending)
    package = describe(stack)
    assert package["ModelApprovalStatus"] == status
    assert package["ApprovalDescription"].startswith(description)
    assert len(package["ApprovalDescription"]) <= 1024


@pytest.mark.usefixtures("sage")
def test_a_users_approval_of_the_package_is_kept(stack: Stack) -> None:
    register(stack)
    stack.service.sagemaker.update_model_package(
        ModelPackageArn=read_build(stack.service, 1).model_package,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="It is unfair.",
    )
    finish(stack, WITHHELD)
    assert describe(stack)["ApprovalDescription"] == "It is unfair."


@pytest.mark.usefixtures("sage")
def test_a_package_whose_arn_was_lost_is_rejected(stack: Stack) -> None:
    package = register(stack)["ModelPackageArn"]
    update_build(stack.service, 1, model_package="")
    finish(stack, STOPPED)
    assert describe(stack, package)["ModelApprovalStatus"] == "Rejected"


@pytest.mark.usefixtures("sage")
def test_a_build_that_was_stopped_before_it_had_a_package_rejects_it(stack: Stack) -> None:
    finish(stack, STOPPED)
    assert register(stack)["ModelApprovalStatus"] == "Rejected"


@pytest.mark.usefixtures("sage")
def test_a_build_ends_although_its_package_was_deleted(stack: Stack) -> None:
    update_build(stack.service, 1, model_package=f"arn:aws:sagemaker:{REGION}:123456789012:model-package/{STACK}/7")
    finish(stack, DEPLOYED)
    assert read_build(stack.service, 1).has_succeeded


@pytest.mark.usefixtures("sage")
def test_an_approval_before_the_request_is_retried(stack: Stack) -> None:
    update_build(stack.service, 1, parameters=json.dumps(DOCUMENT | {"approval": "manual"}))
    package = register(stack)["ModelPackageArn"]
    with pytest.raises(AwsUnavailableError, match="Build 1 has not asked for approval yet"):
        answer_from_registry(stack.service, package, approved=True, comment="")


@pytest.mark.usefixtures("sage")
def test_other_changes_of_the_registry_change_no_build(stack: Stack) -> None:
    package = register(stack)["ModelPackageArn"]
    assert answer_from_registry(stack.service, package, approved=True, comment="") is None
    assert answer_from_registry(stack.service, f"{package}9", approved=True, comment="") is None
    finish(stack, DEPLOYED)
    assert answer_from_registry(stack.service, package, approved=True, comment="") is None


def test_no_package_is_left_after_the_removal(stack: Stack, sage: Sage) -> None:
    package = register(stack)["ModelPackageArn"]
    finish(stack, DEPLOYED)
    claim_package_group(stack.service)  # as an update of the stack does; nothing changes
    remove_leftovers(stack.service, sleep=lambda _: None)
    assert sage.deleted == [package, STACK]


def test_a_package_group_that_something_else_created_is_neither_taken_nor_deleted(stack: Stack) -> None:
    stack.service.sagemaker.create_model_package_group(ModelPackageGroupName=STACK)
    with pytest.raises(PipelineNameError, match=f"a model package group {STACK}, which does not belong to this stack;"):
        claim_package_group(stack.service)
    remove_leftovers(stack.service, sleep=lambda _: None)  # of a first deployment that failed
    groups = stack.service.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == [STACK]


@pytest.mark.usefixtures("sage")
def test_a_missing_group_is_created_with_the_tags_of_the_stack(stack: Stack) -> None:
    assert not owns_package_group(stack.service)
    register(stack)
    assert owns_package_group(stack.service)
