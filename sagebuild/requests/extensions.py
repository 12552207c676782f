"""Adds SageMaker's optional features to the bodies of a build's requests."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sagebuild.builds.context import BuildContext
from sagebuild.images.named import is_named, resolve_named
from sagebuild.names import name_resource
from sagebuild.requests.component import leave_model_out
from sagebuild.requests.machine_images import choose_machine_image
from sagebuild.service import Service
from sagebuild.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters, Distribution, PipelineContainer

Body = dict[str, Any]

CHECKPOINTS_FOLDER = "checkpoints"
ANSWERS_FOLDER = "asynchronous"
CAPTURE_FOLDER = "datacapture"
CAPTURE_MODES = ("Input", "Output")
CAPTURE_TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
# The folder of the code channel in a container.
ISOLATED_SOURCE = "/opt/ml/input/data/code"
MB_PER_GB = 1024


def extend_training(context: BuildContext[BuildParameters], body: Body) -> Body:
    """Return the body of a training with the options that the document sets.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    parameters = context.parameters
    extended = body | _build_network(parameters) | _build_checkpoints(context)
    if parameters.environment:
        extended["Environment"] = dict(parameters.environment)
    if parameters.trafficencryption:
        extended["EnableInterContainerTrafficEncryption"] = True
    if parameters.retryattempts:
        extended["RetryStrategy"] = {"MaximumRetryAttempts": parameters.retryattempts}
    if parameters.spot and parameters.spotmaxwait is not None:
        wait = {"MaxWaitTimeInSeconds": round(parameters.spotmaxwait * SECONDS_PER_HOUR)}
        extended |= {"EnableManagedSpotTraining": True, "StoppingCondition": body["StoppingCondition"] | wait}
    if parameters.outputkmskey:
        extended["OutputDataConfig"] = body["OutputDataConfig"] | {"KmsKeyId": parameters.outputkmskey}
    resources = {"VolumeKmsKeyId": parameters.volumekmskey, "KeepAlivePeriodInSeconds": parameters.keepalive}
    extended["ResourceConfig"] = body["ResourceConfig"] | _drop_none(resources)
    return extended


def build_distribution(parameters: BuildParameters) -> dict[str, Any]:
    """Return the hyperparameters by which a framework's container starts several processes.

    https://github.com/aws/sagemaker-training-toolkit, params.py; for mpi, the names are from the framework's facts.
    """
    distribution: Distribution | None = getattr(parameters, "distribution", None)
    if not distribution:
        return {}
    if distribution.strategy == "mpi":
        names = parameters.facts.mpi
        chosen = {names.processes: distribution.processes, names.options: distribution.options}
        return {names.enabled: True} | _drop_none(chosen)
    if distribution.strategy == "smdistributed":
        return {
            "sagemaker_distributed_dataparallel_enabled": True,
            "sagemaker_distributed_dataparallel_custom_mpi_options": distribution.options or "",
            "sagemaker_instance_type": parameters.traininstancetype,
        }
    enabled: dict[str, Any] = {f"sagemaker_{distribution.strategy}_enabled": True}
    if distribution.strategy == "torch_distributed":
        return enabled | {"sagemaker_instance_type": parameters.traininstancetype}
    return enabled


def place_source(parameters: BuildParameters, source: str | None) -> str | None:
    """Return the place of the script's archive for the container: an S3 URI, or a path with networkisolation."""
    if not source or not parameters.networkisolation:
        return source
    return f"{ISOLATED_SOURCE}/{PurePosixPath(source).name}"


def extend_model(context: BuildContext[BuildParameters], body: Body) -> Body:
    """Return the body of a model with its network and the containers of its inference pipeline."""
    parameters = context.parameters
    extended = body | _build_network(parameters)
    if parameters.pipeline:
        before = [
            _drop_none(
                {
                    "Image": name_pipeline_image(context.service, part, parameters.hostinstancetype),
                    "ModelDataUrl": part.artifacts,
                    "Environment": part.environment or None,
                }
            )
            for part in parameters.pipeline
        ]
        extended["Containers"] = [*before, extended.pop("PrimaryContainer")]
    return extended


def name_pipeline_image(service: Service, part: PipelineContainer, instance_type: str) -> str:
    """Return the address of a pipeline container's image; a tag means the stack's own repository.

    Raises
    ------
    ImageNotFoundError
        The image is given by its name in the SageMaker SDK's tables, which do not have it.
    """
    if is_named(part.image):
        return resolve_named(str(part.image), service.region, instance_type, "inference")
    return part.image or f"{service.settings.image_repository_uri}:{part.tag}"


def extend_endpoint_config(context: BuildContext[BuildParameters], body: Body, image: str | None) -> Body:
    """Return the body of an endpoint configuration with its options, or without a model for a component.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
    """
    parameters = context.parameters
    start = {
        "ModelDataDownloadTimeoutInSeconds": parameters.downloadtimeout,
        "ContainerStartupHealthCheckTimeoutInSeconds": parameters.starttimeout,
        "InferenceAmiVersion": choose_machine_image(parameters, image),
    }
    extended = body | _drop_none({"KmsKeyId": parameters.hostkmskey})
    extended["ProductionVariants"] = [variant | _drop_none(start) for variant in body["ProductionVariants"]]
    if parameters.serverless:
        (variant,) = body["ProductionVariants"]
        kept = {key: value for key, value in variant.items() if key not in ("InstanceType", "InitialInstanceCount")}
        capacity = {
            "MemorySizeInMB": parameters.serverless.memory * MB_PER_GB,
            "MaxConcurrency": parameters.serverless.concurrency,
            "ProvisionedConcurrency": parameters.serverless.provisioned,
        }
        extended["ProductionVariants"] = [kept | {"ServerlessConfig": _drop_none(capacity)}]
    if parameters.asynchronous:
        extended["AsyncInferenceConfig"] = _build_async_config(context)
    if parameters.datacapture:
        extended["DataCaptureConfig"] = _build_data_capture(context)
    if parameters.inferencecomponent:
        return leave_model_out(context, extended, _build_network(parameters))
    return extended


def _build_async_config(context: BuildContext[BuildParameters]) -> Body:
    asked = context.parameters.asynchronous
    assert asked
    topics = _drop_none({"SuccessTopic": asked.successtopic, "ErrorTopic": asked.errortopic})
    output = {
        "S3OutputPath": asked.output
        or f"s3://{context.service.settings.model_bucket}/{context.service.folder}{ANSWERS_FOLDER}/",
        "KmsKeyId": context.parameters.outputkmskey,
        "NotificationConfig": topics or None,
    }
    client = {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": asked.concurrency}} if asked.concurrency else {}
    return {"OutputConfig": _drop_none(output)} | client


def _build_data_capture(context: BuildContext[BuildParameters]) -> Body:
    """Return the DataCaptureConfig as the sdk's class of this name writes it (model_monitor/data_capture_config.py)."""
    asked, service = context.parameters.datacapture, context.service
    assert asked
    own = f"s3://{service.settings.model_bucket}/{service.folder}{CAPTURE_FOLDER}/"
    captured = {
        "EnableCapture": True,
        "InitialSamplingPercentage": asked.percentage,
        "DestinationS3Uri": asked.prefix or own,
        "KmsKeyId": context.parameters.outputkmskey,
        "CaptureOptions": [{"CaptureMode": mode} for mode in CAPTURE_MODES],
        "CaptureContentTypeHeader": CAPTURE_TYPES,  # SageMaker encodes all other types in Base64
    }
    return _drop_none(captured)


def _build_network(parameters: BuildParameters) -> Body:
    network: Body = {"EnableNetworkIsolation": True} if parameters.networkisolation else {}
    if parameters.subnets:
        network["VpcConfig"] = {
            "Subnets": list(parameters.subnets),
            "SecurityGroupIds": list(parameters.securitygroups),
        }
    return network


def _build_checkpoints(context: BuildContext[BuildParameters]) -> Body:
    service, checkpoints = context.service, context.parameters.checkpoints
    if not checkpoints:
        return {}
    # A folder for each build: a training continues from any checkpoints in its folder.
    folder = f"{service.folder}{CHECKPOINTS_FOLDER}/{name_resource(service, context.number)}"
    own = f"s3://{service.settings.model_bucket}/{folder}/"
    uri = checkpoints.uri or own
    return {"CheckpointConfig": _drop_none({"S3Uri": uri, "LocalPath": checkpoints.path})}


def _drop_none(values: Body) -> Body:
    return {name: value for name, value in values.items() if value is not None}
