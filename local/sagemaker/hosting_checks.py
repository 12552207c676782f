"""Refuses CreateModel and CreateEndpointConfig requests that are invalid or unsupported."""

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.resources import Json, check_role, refuse, refuse_repeated

_UNSUPPORTED_CONTAINER = (
    *("ModelPackageName", "AdditionalModelDataSources", "MultiModelConfig"),
    *("ContainerMetricsConfig", "ImageConfig", "InferenceSpecificationName"),
)
_UNSUPPORTED_CONFIG = ("CrossRegionTrafficConfig", "ExplainerConfig", "MetricsConfig", "ShadowProductionVariants")
_UNSUPPORTED_VARIANT = ("AcceleratorType", "CapacityReservationConfig", "InstancePools")
# Of a configuration for inference components only.
_COMPONENTS_ONLY = ("EnableNetworkIsolation", "ExecutionRoleArn", "VpcConfig")
# Environment in https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
_ENVIRONMENT_BYTES = 32 * 1024


def read_containers(request: Json) -> list[Json]:
    """The containers of a new model; raise ValidationError if they are invalid or unsupported."""
    primary, pipeline = request.get("PrimaryContainer"), request.get("Containers") or []
    # A pipeline has Containers instead: https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html
    if bool(primary) == bool(pipeline):
        raise ValidationError(message="A model needs either a PrimaryContainer or Containers.")
    if (request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct":
        raise ValidationError(message="local/ does not support the Mode Direct of InferenceExecutionConfig.")
    containers = [primary] if primary else pipeline
    for container in containers:
        refuse(container, _UNSUPPORTED_CONTAINER, "a container")
        if container.get("Mode") == "MultiModel":
            raise ValidationError(message="local/ does not support the container mode MultiModel.")
        if not container.get("Image"):
            raise ValidationError(message="A container needs an Image.")
    _check_hostnames(pipeline)
    pairs = [pair for container in containers for pair in (container.get("Environment") or {}).items()]
    size = sum(len(f"{key}{value}".encode()) for key, value in pairs)
    if size > _ENVIRONMENT_BYTES:
        raise ValidationError(
            message=f"The Environment of all containers has {size} bytes; {_ENVIRONMENT_BYTES} are allowed."
        )
    return containers


def _check_hostnames(pipeline: list[Json]) -> None:
    # ContainerHostname in https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
    names = [container["ContainerHostname"] for container in pipeline if container.get("ContainerHostname")]
    if names and len(names) < len(pipeline):
        raise ValidationError(message="Either all Containers need a ContainerHostname or none.")
    refuse_repeated(names, "container hostnames of a model")


def check_configuration(request: Json) -> None:
    """Raise ValidationError if an endpoint configuration is invalid or unsupported."""
    refuse(request, _UNSUPPORTED_CONFIG, "an endpoint configuration")
    _check_capture(request)
    _check_asynchronous(request.get("AsyncInferenceConfig") or {})
    variants: list[Json] = request["ProductionVariants"]
    refuse_repeated([variant["VariantName"] for variant in variants], "variant names of an endpoint configuration")
    for variant in variants:
        refuse(variant, _UNSUPPORTED_VARIANT, "a variant")
        _check_capacity(variant, is_alone=len(variants) == 1)
    if any(is_bare(variant) for variant in variants):
        _check_bare(request)
        return
    refuse(request, _COMPONENTS_ONLY, "an endpoint configuration with models")
    for variant in variants:
        refuse(variant, ("ManagedInstanceScaling",), "a variant with a model")


def is_bare(variant: Json) -> bool:
    """Whether a variant has no model: inference components bring theirs."""
    return not variant.get("ModelName") and bool(variant.get("ManagedInstanceScaling"))


def check_serverless_model(model: Json) -> None:
    """Raise ValidationError if a serverless variant cannot use a model.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, feature exclusions. AWS does not document
    which call it refuses.
    """
    name = model["ModelName"]
    for member in ("VpcConfig", "EnableNetworkIsolation"):
        if model.get(member):
            raise ValidationError(message=f"A serverless variant cannot use the model {name}, which has {member}.")
    if len(model.get("Containers") or []) > 1:
        raise ValidationError(message=f"A serverless variant cannot use the model {name}, an inference pipeline.")
    refuse_data_source(model, "A serverless variant")


def refuse_data_source(model: Json, owner: str) -> None:
    """Raise ValidationError if a model has a ModelDataSource, for an owner that cannot use it.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html: ModelDataSource
    """
    primary = model.get("PrimaryContainer")
    if any(each.get("ModelDataSource") for each in ([primary] if primary else model["Containers"])):
        raise ValidationError(
            message=f"{owner} cannot use the model {model['ModelName']}, which has a ModelDataSource."
        )


def _check_capacity(variant: Json, *, is_alone: bool) -> None:
    # A variant has one of the two: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
    name, serverless = variant["VariantName"], variant.get("ServerlessConfig")
    has_instances = bool(variant.get("InstanceType") or variant.get("InitialInstanceCount"))
    if (serverless and has_instances) or not (serverless or variant.get("InstanceType")):
        raise ValidationError(message=f"The variant {name} needs either an InstanceType or a ServerlessConfig.")
    if not serverless:
        return
    # Feature exclusions in https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    if not is_alone:
        raise ValidationError(message=f"The serverless variant {name} must be the only variant.")
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
    if serverless["MemorySizeInMB"] % 1024:
        raise ValidationError(message=f"MemorySizeInMB of the variant {name} must be a multiple of 1024.")
    if (serverless.get("ProvisionedConcurrency") or 0) > serverless["MaxConcurrency"]:
        raise ValidationError(message=f"ProvisionedConcurrency of the variant {name} must not exceed MaxConcurrency.")


def _check_bare(request: Json) -> None:
    """Refuse a configuration for inference components that AWS or this engine refuses."""
    refuse(request, ("AsyncInferenceConfig", "DataCaptureConfig"), "an endpoint for inference components")
    for variant in request["ProductionVariants"]:
        if not is_bare(variant):
            raise ValidationError(message="local/ does not support variants with and without a model together.")
        refuse(variant, ("ServerlessConfig",), "a variant for inference components")
        scaling = variant["ManagedInstanceScaling"]
        if not scaling.get("MaxInstanceCount"):
            raise ValidationError(message="local/ needs the MaxInstanceCount of ManagedInstanceScaling.")
    # https://github.com/stdapi-ai/stdapi.ai/issues/43: AWS requires the role here.
    check_role(request.get("ExecutionRoleArn"))


def _check_capture(request: Json) -> None:
    if not (request.get("DataCaptureConfig") or {}).get("EnableCapture"):
        return
    is_serverless = any(variant.get("ServerlessConfig") for variant in request["ProductionVariants"])
    if is_serverless or request.get("AsyncInferenceConfig"):
        raise ValidationError(message="local/ captures the data of real-time endpoints only.")


def _check_asynchronous(settings: Json) -> None:
    output: Json = settings.get("OutputConfig") or {}
    refuse(output.get("NotificationConfig") or {}, ("IncludeInferenceResponseIn",), "NotificationConfig")
    if settings and not output.get("S3OutputPath"):
        raise ValidationError(message="local/ needs an S3OutputPath for an asynchronous endpoint.")
