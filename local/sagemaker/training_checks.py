"""Refuses CreateTrainingJob requests that are invalid or unsupported."""

import regex
from moto.sagemaker.exceptions import ValidationError

from local.sagemaker import checkpoints, training_channels
from local.sagemaker.resources import CONTAINER_BASE, Json, refuse, refuse_repeated, refuse_volume_key

MAX_RUNTIME_SECONDS = 86_400  # AWS's default
# 28 days: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
_LONGEST_RUNTIME_SECONDS = 2_419_200
_MAX_INSTANCES = 4  # each is a process on this machine
_UNSUPPORTED = (
    "DebugRuleConfigurations",
    "ExperimentConfig",
    "MlflowConfig",
    "ModelPackageConfig",
    "ProfilerRuleConfigurations",
    "RemoteDebugConfig",
    "ServerlessJobConfig",
    "SessionChainingConfig",
    "TensorBoardOutputConfig",
)
_UNSUPPORTED_ALGORITHM = ("AlgorithmName", "ContainerEntrypoint", "ContainerArguments", "TrainingImageConfig")
_UNSUPPORTED_RESOURCES = (
    *("InstanceGroups", "TrainingPlanArn", "InstancePlacementConfig", "InstancePreferences"),
    *("SelectedInstanceType", "SelectedInstanceCount"),
)
# Other folders below /opt/ml.
_OCCUPIED = tuple(f"{CONTAINER_BASE}{name}" for name in ("input", "model", "output", "code"))


def check_request(request: Json) -> None:
    """Raise ValidationError if a request is invalid or unsupported."""
    refuse(request, _UNSUPPORTED, "a training job")
    algorithm: Json = request.get("AlgorithmSpecification") or {}
    refuse(algorithm, _UNSUPPORTED_ALGORITHM, "AlgorithmSpecification")
    if not algorithm.get("TrainingImage"):
        raise ValidationError(message="AlgorithmSpecification must name a TrainingImage.")
    for definition in algorithm.get("MetricDefinitions") or []:
        try:
            regex.compile(definition["Regex"])
        except regex.error as error:
            raise ValidationError(message=f"The regex of metric {definition['Name']} is invalid: {error}") from error
    _check_resources(request.get("ResourceConfig") or {})
    if (request["OutputDataConfig"].get("CompressionType") or "GZIP") != "GZIP":
        raise ValidationError(message="local/ does not support CompressionType NONE of OutputDataConfig.")
    _check_times(request)
    _check_checkpoints(request.get("CheckpointConfig") or {})
    _check_channels(training_channels.read(request))


def _check_resources(resources: Json) -> None:
    refuse(resources, _UNSUPPORTED_RESOURCES, "ResourceConfig")
    # InstanceGroups and InstancePreferences, which bring their own types, are refused above:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
    if not resources.get("InstanceType"):
        raise ValidationError(message="ResourceConfig must name an InstanceType.")
    refuse_volume_key(resources)
    if int(resources.get("InstanceCount") or 1) > _MAX_INSTANCES:
        raise ValidationError(
            message=f"local/ trains in at most {_MAX_INSTANCES} processes; InstanceCount must not be more."
        )


def _check_channels(channels: list[training_channels.Channel]) -> None:
    # Each is a folder with its name, in
    # https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
    refuse_repeated([channel.name for channel in channels], "channels of a training job")
    for channel in channels:
        channel.check()


def _check_times(request: Json) -> None:
    limits: Json = request.get("StoppingCondition") or {}
    wait, longest = limits.get("MaxWaitTimeInSeconds"), limits.get("MaxRuntimeInSeconds") or MAX_RUNTIME_SECONDS
    if longest > _LONGEST_RUNTIME_SECONDS:
        raise ValidationError(
            message=f"MaxRuntimeInSeconds must be at most {_LONGEST_RUNTIME_SECONDS} (28 days); it is {longest}."
        )
    if request.get("EnableManagedSpotTraining"):
        if wait is None or wait < longest:
            raise ValidationError(
                message="Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                "MaxRuntimeInSeconds"
            )
        if (request.get("ResourceConfig") or {}).get("KeepAlivePeriodInSeconds"):
            raise ValidationError(message="KeepAlivePeriodInSeconds is not supported with managed spot training.")
    elif wait is not None:
        raise ValidationError(message="MaxWaitTimeInSeconds needs EnableManagedSpotTraining.")


def _check_checkpoints(settings: Json) -> None:
    path = settings.get("LocalPath") or checkpoints.DEFAULT_PATH
    if not path.startswith(CONTAINER_BASE) or path.startswith(_OCCUPIED):
        raise ValidationError(
            message=f"local/ needs a separate folder below {CONTAINER_BASE} for checkpoints, not {path}."
        )
