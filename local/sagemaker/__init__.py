"""SageMaker: training jobs and endpoints as processes on this machine, and the model registry."""

MOTO_NAMES = (
    "moto.cloudwatch.models.cloudwatch_backends",
    "moto.core.exceptions.ServiceException",
    "moto.core.responses.ActionResult",
    "moto.core.responses.BaseResponse.use_raw_body",
    "moto.core.responses.BaseResponse.parse_parameters",
    "moto.sagemaker.exceptions.ResourceInUseException",
    "moto.sagemaker.exceptions.ResourceNotFound",
    "moto.sagemaker.exceptions.ValidationError",
    "moto.sagemaker.models.SageMakerModelBackend._get_resource_from_arn",
    "moto.sagemaker.models.SageMakerModelBackend.add_tags",
    "moto.sagemaker.models.sagemaker_backends",
    "moto.sagemaker.responses.SageMakerResponse.create_training_job",
    "moto.sagemaker.responses.SageMakerResponse.sagemaker_backend",
    "moto.sagemakerruntime.responses.SageMakerRuntimeResponse.invoke_endpoint",
    "moto.sagemakerruntime.responses.SageMakerRuntimeResponse.invoke_endpoint_async",
    "moto.sagemakerruntime.urls.response",
    "moto.sagemakerruntime.urls.url_paths",
)


def install() -> None:
    """Replace moto's SageMaker by this package."""
    # moto reads its environment at import time; the engine sets it before this call.
    from local.sagemaker import backend, runtime

    backend.install()
    runtime.install()
