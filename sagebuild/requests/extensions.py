"""What a person may ask of SageMaker beside the usual build, written into the bodies of its requests."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_resource
from sagebuild.parameters import BuildParameters, Distribution, PipelineContainer
from sagebuild.parameters.kinds import SECONDS_PER_HOUR
from sagebuild.service import Service

Body = dict[str, Any]

CHECKPOINTS_FOLDER = "checkpoints"
ANSWERS_FOLDER = "asynchronous"
# Where a container finds the code channel.
ISOLATED_SOURCE = "/opt/ml/input/data/code"
MB_PER_GB = 1024


def extend_training(context: BuildContext[BuildParameters], body: Body) -> Body:
    """A training's request, or a tuning job's definition of one, with all that was asked for besides.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    parameters = context.parameters
    extended = body | _build_network(parameters) | _build_checkpoints(context)
    if parameters.environment:
        extended["Environment"] = dict(parameters.environment)
    if parameters.trafficencryption:
        extended["EnableInterContainerTrafficEncryption"] = True
    if parameters.spot and parameters.spotmaxwait is not None:
        wait = {"MaxWaitTimeInSeconds": round(parameters.spotmaxwait * SECONDS_PER_HOUR)}
        extended |= {"EnableManagedSpotTraining": True, "StoppingCondition": body["StoppingCondition"] | wait}
    if parameters.outputkmskey:
        extended["OutputDataConfig"] = body["OutputDataConfig"] | {"KmsKeyId": parameters.outputkmskey}
    resources = {"VolumeKmsKeyId": parameters.volumekmskey, "KeepAlivePeriodInSeconds": parameters.keepalive}
    extended["ResourceConfig"] = body["ResourceConfig"] | _given(resources)
    return extended


def build_distribution(parameters: BuildParameters) -> dict[str, Any]:
    """The hyperparameters by which a framework's container starts several processes.

    https://github.com/aws/sagemaker-training-toolkit, params.py; for mpi the framework's facts have the names.
    """
    distribution: Distribution | None = getattr(parameters, "distribution", None)
    if not distribution:
        return {}
    if distribution.strategy == "mpi":
        names = parameters.facts.mpi
        chosen = {names.processes: distribution.processes, names.options: distribution.options}
        return {names.enabled: True} | _given(chosen)
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
    """Where the training's container finds its script: in S3, or in a channel if it has no network."""
    if not source or not parameters.networkisolation:
        return source
    return f"{ISOLATED_SOURCE}/{PurePosixPath(source).name}"


def extend_model(context: BuildContext[BuildParameters], body: Body) -> Body:
    """A model's request with its network, and with the containers that a request passes before."""
    parameters = context.parameters
    extended = body | _build_network(parameters)
    if parameters.pipeline:
        before = [
            _given(
                {
                    "Image": name_pipeline_image(context.service, part),
                    "ModelDataUrl": part.artifacts,
                    "Environment": part.environment or None,
                }
            )
            for part in parameters.pipeline
        ]
        extended["Containers"] = [*before, extended.pop("PrimaryContainer")]
    return extended


def name_pipeline_image(service: Service, part: PipelineContainer) -> str:
    """The address of a pipeline's image, which may be a tag in the stack's own repository."""
    return part.image or f"{service.settings.image_repository_uri}:{part.tag}"


def extend_endpoint_config(context: BuildContext[BuildParameters], body: Body) -> Body:
    """An endpoint configuration's request with a key, without instances or with a queue.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
    """
    parameters = context.parameters
    extended = body | _given({"KmsKeyId": parameters.hostkmskey})
    if parameters.serverless:
        (variant,) = body["ProductionVariants"]
        kept = {key: value for key, value in variant.items() if key not in ("InstanceType", "InitialInstanceCount")}
        capacity = {
            "MemorySizeInMB": parameters.serverless.memory * MB_PER_GB,
            "MaxConcurrency": parameters.serverless.concurrency,
            "ProvisionedConcurrency": parameters.serverless.provisioned,
        }
        extended["ProductionVariants"] = [kept | {"ServerlessConfig": _given(capacity)}]
    if parameters.asynchronous:
        extended["AsyncInferenceConfig"] = _build_queue(context)
    return extended


def _build_queue(context: BuildContext[BuildParameters]) -> Body:
    asked = context.parameters.asynchronous
    assert asked
    topics = _given({"SuccessTopic": asked.successtopic, "ErrorTopic": asked.errortopic})
    output = {
        "S3OutputPath": asked.output or f"s3://{context.service.settings.model_bucket}/{ANSWERS_FOLDER}/",
        "KmsKeyId": context.parameters.outputkmskey,
        "NotificationConfig": topics or None,
    }
    client = {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": asked.concurrency}} if asked.concurrency else {}
    return {"OutputConfig": _given(output)} | client


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
    # A folder for each build: a training goes on from whatever checkpoints it finds.
    own = f"s3://{service.settings.model_bucket}/{CHECKPOINTS_FOLDER}/{name_resource(service, context.number)}/"
    uri = checkpoints.uri or own
    return {"CheckpointConfig": _given({"S3Uri": uri, "LocalPath": checkpoints.path})}


def _given(values: Body) -> Body:
    return {name: value for name, value in values.items() if value is not None}
