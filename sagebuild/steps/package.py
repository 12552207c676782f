"""Builds the model registry's entry for a build's model: the request of CreateModelPackage and two files in S3."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord
from sagebuild.names import name_client_token, name_package_group
from sagebuild.parameters.json_text import read_raw_document
from sagebuild.parameters.merging import override_document
from sagebuild.requests.model_data import build_model_data
from sagebuild.requests.script_mode import locate_source
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call
from sagebuild.steps.package_group import describe_package

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html: CustomerMetadataProperties has
# 50 entries at most, names of 128 and values of 256 characters, in this character set.
_MAX_PROPERTIES = 50
_NAME_LENGTH = 128
_VALUE_LENGTH = 256
_NOT_ALLOWED = re.compile(r"[^\w .:/=+\-@]")
# The members that ModelPackageContainerDefinition shares with the containers of CreateModel.
_CONTAINER_KEYS = frozenset({"ContainerHostname", "Environment", "Image", "ModelDataSource", "ModelDataUrl"})
_FRAMEWORK_VERSION = re.compile(r"[0-9]\.[A-Za-z0-9.-]{1,8}")
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html: metrics of a regression.
_REGRESSION = frozenset({"mae", "mse", "rmse", "r2"})


class PackagePlan(TypedDict):
    """Whether the build registers its model, and the model's origin."""

    wanted: bool
    framework: NotRequired[dict[str, str]]
    origin: NotRequired[dict[str, str]]


def plan_package(
    context: BuildContext[BuildParameters], bodies: Mapping[str, Mapping[str, Any]], artifacts: str | None
) -> PackagePlan:
    """Plan the registration: whether it is ``wanted``, and the model's origin as known before the training.

    A model that an earlier build trained is already registered. Image builds later replace image tags by digests in
    the whole plan, including this part.

    Parameters
    ----------
    bodies
        The build's requests as they will be sent.
    artifacts
        The existing model of a build without a training.
    """
    parameters = context.parameters
    containers = bodies["model"].get("Containers") or [bodies["model"]["PrimaryContainer"]]
    is_new = artifacts is None or bool(parameters.ModelArtifacts) or parameters.brings_model
    if not is_new or any("Image" not in each for each in containers):
        return {"wanted": False}
    version = parameters.image_version if parameters.facts.has_script else None
    framework: dict[str, str] = {"Framework": parameters.framework} if version else {}
    if version and _FRAMEWORK_VERSION.fullmatch(version):
        framework["FrameworkVersion"] = version
    origin = _describe_sources(context) | _describe_training(bodies)
    return {"wanted": True, "framework": framework, "origin": {"framework": parameters.framework} | origin}


def build_package(service: Service, record: BuildRecord, request: Mapping[str, Any], files: str) -> dict[str, Any]:
    """Build the request of CreateModelPackage.

    The ClientToken is the build's, so that a repeated call returns the existing package.

    Parameters
    ----------
    record
        The record with the facts of the job.
    request
        ``model`` is the body of CreateModel, and ``artifacts`` the S3 address of the trained model. ``origin`` and
        ``framework`` are from `plan_package`. ``execution`` is the ARN of the build's execution.
    files
        The S3 prefix of the files with metrics and parameters.
    """
    model = request["model"]
    containers = [dict(each) for each in model.get("Containers") or [model["PrimaryContainer"]]]
    containers[-1] |= build_model_data(request["artifacts"]) | request["framework"]
    kept = _CONTAINER_KEYS | request["framework"].keys()
    known = [{name: value for name, value in each.items() if name in kept} for each in containers]
    statistics = {"ContentType": "application/json", "S3Uri": f"{files}/metrics.json"}
    return {
        "ModelPackageGroupName": name_package_group(service),
        "ModelPackageDescription": describe_package(service, record.number),
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": known},
        "CustomerMetadataProperties": build_properties(service, record, request["origin"], files),
        "MetadataProperties": {"GeneratedBy": request["execution"]},
        "ClientToken": name_client_token(service, record.number),
    } | ({"ModelMetrics": {"ModelQuality": {"Statistics": statistics}}} if record.metrics else {})


def build_properties(service: Service, record: BuildRecord, origin: Mapping[str, str], files: str) -> dict[str, str]:
    """Build the properties for search and comparison, cut to the registry's limits; the two files hold everything."""
    properties = {
        "build": str(record.number),
        "stack": service.stack_name,
        "pipeline": service.pipeline,
        "trigger": f"{record.trigger.kind} {record.trigger.detail}".strip(),
        "training job": record.training_job or record.tuning_job,
        "parameters": f"{files}/parameters.json",
        **origin,
        **_describe_promotion(record),
        **{f"metric.{name}": f"{value:.6g}" for name, value in sorted(record.metrics.items())},
    }
    fitting = {
        _NOT_ALLOWED.sub("-", name)[:_NAME_LENGTH]: _NOT_ALLOWED.sub("-", value)[:_VALUE_LENGTH]
        for name, value in properties.items()
        if value
    }
    return dict(list(fitting.items())[:_MAX_PROPERTIES])


def _describe_promotion(record: BuildRecord) -> dict[str, str]:
    """Return the stack and the build from which a model was promoted; empty for any other model."""
    names = ("stack", "account", "region", "pipeline", "build", "package", "artifact", "checksum")
    return {f"origin.{name}": str(record.origin[name]) for name in names if record.origin.get(name)}


def write_metrics(metrics: Mapping[str, float]) -> str:
    """Write the metrics in the format of SageMaker's model quality statistics, which the registry's console shows.

    The format needs the kind of problem: a model with one of `_REGRESSION`'s metrics counts as a regression.
    """
    values = {name: {"value": value, "standard_deviation": "NaN"} for name, value in metrics.items()}
    words = {word for name in metrics for word in re.split(r"[^a-z0-9]+", name.lower())}
    kind = "regression_metrics" if words & _REGRESSION else "multiclass_classification_metrics"
    return json.dumps({kind: values}, indent=2)


def write_parameters(record: BuildRecord) -> str:
    """Write the build's parameters: the document with the overrides of its requests."""
    overrides: dict[str, Any] = json.loads(record.overrides) if record.overrides else {}
    document = override_document(read_raw_document(record.parameters), overrides)
    return json.dumps(document, indent=2, ensure_ascii=False)


def _describe_sources(context: BuildContext[BuildParameters]) -> dict[str, str]:
    service, parameters = context.service, context.parameters
    training = locate_source(service, getattr(parameters, "trainsourcefile", None)) or ""
    serving = locate_source(service, getattr(parameters, "hostsourcefile", None)) or ""
    return {
        "source": training or getattr(parameters, "sourcelocation", None) or "",
        "source version": find_version(service, training) or getattr(parameters, "sourceversion", None) or "",
        "serving source": serving,
        "serving source version": find_version(service, serving),
    }


def find_version(service: Service, uri: str) -> str:
    """Return the version of a source archive, its ETag in an unversioned bucket, or empty if neither can be read."""
    bucket, key = split_s3_uri(uri)
    if bucket != service.settings.code_bucket:
        return ""
    with aws_call(f"describe {uri}"):
        try:
            found = service.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "403"):
                return ""
            raise
    return found.get("VersionId") or found["ETag"].strip('"')


def _describe_training(bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    body = bodies.get("training") or bodies.get("tuning", {}).get("TrainingJobDefinition", {})
    data = {
        f"data.{channel['ChannelName']}": channel["DataSource"].get("S3DataSource", {}).get("S3Uri", "")
        for channel in body.get("InputDataConfig", [])
    }
    return {"training image": body.get("AlgorithmSpecification", {}).get("TrainingImage", ""), **data}
