"""Application Auto Scaling: moto stores targets and policies; this module carries out step scaling of endpoints.

Its error code for a missing target or policy is AWS's ObjectNotFoundException, where moto answers ValidationException,
and a deregistered target loses its policies:
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
"""

from functools import wraps
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, applicationautoscaling_backends
from moto.core.exceptions import JsonRESTError

from local import accounts, clients

_OPERATIONS = ("delete_scaling_policy", "deregister_scalable_target")
MOTO_NAMES = (
    "moto.applicationautoscaling.models.applicationautoscaling_backends",
    "moto.applicationautoscaling.exceptions.AWSValidationException",
    *(f"moto.applicationautoscaling.models.ApplicationAutoscalingBackend.{operation}" for operation in _OPERATIONS),
)


def install() -> None:
    """Answer ObjectNotFoundException for a missing target or policy, and delete the policies of a target."""
    ApplicationAutoscalingBackend.deregister_scalable_target = _delete_policies(
        ApplicationAutoscalingBackend.deregister_scalable_target
    )
    for operation in _OPERATIONS:
        renamed = _rename_error(getattr(ApplicationAutoscalingBackend, operation))
        setattr(ApplicationAutoscalingBackend, operation, renamed)


def _rename_error(operation: Any) -> Any:
    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return operation(*arguments, **named)
        except AWSValidationException as error:
            raise JsonRESTError("ObjectNotFoundException", error.message) from error

    return run


def _delete_policies(deregister: Any) -> Any:
    @wraps(deregister)
    def run(backend: Any, namespace: str, r_id: str, dimension: str) -> None:
        deregister(backend, namespace, r_id, dimension)
        backend.policies = {
            key: policy
            for key, policy in backend.policies.items()
            if (policy.service_namespace, policy.resource_id, policy.scalable_dimension) != (namespace, r_id, dimension)
        }

    return run


def run_policy(arn: str, excess: float) -> None:
    """Carry out a step scaling policy, whose alarm is in ALARM.

    Parameters
    ----------
    excess
        The metric's value minus the alarm's threshold.
    """
    backend = applicationautoscaling_backends[accounts.current()][arn.split(":")[3]]
    policy = next((one for one in backend.policies.values() if one.policy_arn == arn), None)
    if policy is None or not policy.step_scaling_policy_configuration or policy.service_namespace != "sagemaker":
        raise ValueError(f"local/ carries out only step scaling policies of SageMaker's endpoints, not {arn}")
    settings = policy.step_scaling_policy_configuration
    target = backend.targets[policy.scalable_dimension][policy.resource_id]
    _, endpoint, _, variant = policy.resource_id.split("/")
    client = clients.client("sagemaker", arn.split(":")[3])
    variants = client.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    present = next(one["DesiredInstanceCount"] for one in variants if one["VariantName"] == variant)
    change = next((step["ScalingAdjustment"] for step in settings["StepAdjustments"] if _holds(step, excess)), 0)
    wanted = change if settings["AdjustmentType"] == "ExactCapacity" else present + change
    wanted = min(max(wanted, target.min_capacity), target.max_capacity)
    if wanted != present:
        client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": wanted}],
        )


def _holds(step: dict[str, Any], excess: float) -> bool:
    """Whether a step is for this excess over the threshold.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
    """
    lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return bool((lower is None or excess >= lower) and (upper is None or excess < upper))
