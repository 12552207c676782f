"""moto's SageMaker backend, with training jobs and endpoints that really run."""

import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from local.sagemaker.components import ComponentOperations
from local.sagemaker.packages import PackageOperations
from local.sagemaker.processing import ProcessingOperations
from local.sagemaker.resources import Json
from local.sagemaker.transform import TransformOperations
from local.sagemaker.tuning import TuningOperations

_OPERATIONS = (
    *("create_training_job", "describe_training_job", "stop_training_job", "delete_training_job", "list_training_jobs"),
    "update_training_job",
    *("create_hyper_parameter_tuning_job", "describe_hyper_parameter_tuning_job", "stop_hyper_parameter_tuning_job"),
    *("delete_hyper_parameter_tuning_job", "list_hyper_parameter_tuning_jobs"),
    "list_training_jobs_for_hyper_parameter_tuning_job",
    *("create_processing_job", "describe_processing_job", "stop_processing_job", "delete_processing_job"),
    "list_processing_jobs",
    *("create_transform_job", "describe_transform_job", "stop_transform_job", "list_transform_jobs"),
    *("create_model", "describe_model", "delete_model", "list_models"),
    *("create_endpoint_config", "describe_endpoint_config", "delete_endpoint_config", "list_endpoint_configs"),
    *("create_endpoint", "describe_endpoint", "update_endpoint", "delete_endpoint", "list_endpoints"),
    "update_endpoint_weights_and_capacities",
    *("create_inference_component", "describe_inference_component", "update_inference_component"),
    *("update_inference_component_runtime_config", "list_inference_components", "delete_inference_component"),
    *("create_model_package_group", "describe_model_package_group", "delete_model_package_group"),
    *("list_model_package_groups", "list_model_packages"),
    *("create_model_package", "describe_model_package", "update_model_package", "delete_model_package"),
)
# moto reports these as completed at once, although nothing runs; so the engine does not serve them.
_NOT_SERVED = (
    "create_auto_ml_job_v2",
    "create_compilation_job",
    "start_pipeline_execution",
)


class SageMakerBackend(
    TuningOperations,
    ComponentOperations,
    PackageOperations,
    ProcessingOperations,
    TransformOperations,
    SageMakerModelBackend,  # type: ignore[misc]
):
    """SageMaker in one region. The operations take the request and return the answer as JSON objects."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.components = {}

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """Add tags, or replace those with the same keys."""
        with self.lock:
            resource = self._get_resource_from_arn(arn)
            keys = {tag["Key"] for tag in tags}
            resource.tags = [tag for tag in resource.tags if tag["Key"] not in keys] + tags
            return list(resource.tags)

    def _get_resource_from_arn(self, arn: str) -> Any:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind == "inference-component":
            resource: Any = self.components.get(name)
        else:
            resource = super()._get_resource_from_arn(arn)
        if resource is None:
            raise ValidationError(message=f"Could not find the resource {arn}.")
        return resource


# moto finds the URLs of a service by the module of its backend.
SageMakerBackend.__module__ = "moto.sagemaker.models"


def install() -> None:
    """Replace the backend, and route its operations to it."""
    sagemaker_backends.backend = SageMakerBackend
    for name in _OPERATIONS:
        setattr(SageMakerResponse, name, _answer(name))
    for name in _NOT_SERVED:
        delattr(SageMakerResponse, name)


def _answer(name: str) -> Callable[[Any], ActionResult]:
    def operation(response: Any) -> ActionResult:
        request: Json = response.params
        return ActionResult(getattr(response.sagemaker_backend, name)(request))

    return operation
