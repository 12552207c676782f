"""Application Auto Scaling: moto stores targets and policies; this module carries out step scaling of SageMaker.

It changes the instances of an endpoint's variant, and the copies of an inference component.

Its error code for a missing target or policy is AWS's ObjectNotFoundException, where moto answers ValidationException,
and a deregistered target loses its policies:
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
"""

from enum import Enum
from functools import wraps
from typing import Any

from moto.applicationautoscaling import models, responses
from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, applicationautoscaling_backends
from moto.core.exceptions import JsonRESTError

from local import accounts, clients

COPIES = "sagemaker:inference-component:DesiredCopyCount"  # which moto does not know
_OPERATIONS = ("delete_scaling_policy", "deregister_scalable_target")
MOTO_NAMES = (
    "moto.applicationautoscaling.models.applicationautoscaling_backends",
    "moto.applicationautoscaling.exceptions.AWSValidationException",
    "moto.applicationautoscaling.models.ScalableDimensionValueSet",
    "moto.applicationautoscaling.responses.ScalableDimensionValueSet",
    "moto.applicationautoscaling.models.ApplicationAutoscalingBackend.describe_scaling_policies",
    *(f"moto.applicationautoscaling.models.ApplicationAutoscalingBackend.{operation}" for operation in _OPERATIONS),
)


def install() -> None:
    """Answer as AWS for missing targets and policies, delete a target's policies, and know inference components."""
    dimensions = {each.name: each.value for each in models.ScalableDimensionValueSet} | {"COPIES": COPIES}
    models.ScalableDimensionValueSet = responses.ScalableDimensionValueSet = Enum("Dimensions", dimensions)
    ApplicationAutoscalingBackend.describe_scaling_policies = _keep_exact(
        ApplicationAutoscalingBackend.describe_scaling_policies
    )
    ApplicationAutoscalingBackend.deregister_scalable_target = _delete_policies(
        ApplicationAutoscalingBackend.deregister_scalable_target
    )
    for operation in _OPERATIONS:
        renamed = _rename_error(getattr(ApplicationAutoscalingBackend, operation))
        setattr(ApplicationAutoscalingBackend, operation, renamed)


def _keep_exact(describe: Any) -> Any:
    """Leave out the policies of resources whose name is a part of the given one, which moto also returns."""

    @wraps(describe)
    def run(backend: Any, service_namespace: str, resource_id: str | None, *more: Any, **named: Any) -> Any:
        token, policies = describe(backend, service_namespace, resource_id, *more, **named)
        return token, [each for each in policies if resource_id in (None, each.resource_id)]

    return run


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


def run_policy(arn: str, excess: float, *, repeated: bool) -> None:
    """Carry out a step scaling policy, whose alarm is in ALARM.

    Parameters
    ----------
    excess
        The metric's value minus the alarm's threshold.
    repeated
        Whether the alarm was in ALARM before. On AWS, the cooldown then decides; here, a repeated action changes
        something only if there is no capacity.
    """
    region = arn.split(":")[3]
    backend = applicationautoscaling_backends[accounts.current()][region]
    policy = next((one for one in backend.policies.values() if one.policy_arn == arn), None)
    if policy is None or not policy.step_scaling_policy_configuration or policy.service_namespace != "sagemaker":
        raise ValueError(f"local/ carries out only step scaling policies of SageMaker, not {arn}")
    settings = policy.step_scaling_policy_configuration
    target = backend.targets[policy.scalable_dimension][policy.resource_id]
    client = clients.client("sagemaker", region)
    capacity = (_Copies if policy.resource_id.startswith("inference-component/") else _Instances)(
        client, policy.resource_id
    )
    change = next((step["ScalingAdjustment"] for step in settings["StepAdjustments"] if _holds(step, excess)), 0)
    wanted = change if settings["AdjustmentType"] == "ExactCapacity" else capacity.present + change
    wanted = min(max(wanted, target.min_capacity), target.max_capacity)
    is_over = repeated and capacity.present
    if wanted != capacity.present and not capacity.is_changing and not is_over:
        capacity.change(wanted)


class _Instances:
    """The instances of an endpoint's variant."""

    def __init__(self, client: Any, resource: str) -> None:
        _, self._endpoint, _, self._variant = resource.split("/")
        described = client.describe_endpoint(EndpointName=self._endpoint)
        variants = described["ProductionVariants"]
        self._client, self.is_changing = client, described["EndpointStatus"] != "InService"
        self.present: int = next(one["DesiredInstanceCount"] for one in variants if one["VariantName"] == self._variant)

    def change(self, wanted: int) -> None:
        self._client.update_endpoint_weights_and_capacities(
            EndpointName=self._endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": self._variant, "DesiredInstanceCount": wanted}],
        )


class _Copies:
    """The copies of an inference component."""

    def __init__(self, client: Any, resource: str) -> None:
        self._name = resource.partition("/")[2]
        described = client.describe_inference_component(InferenceComponentName=self._name)
        self._client, self.is_changing = client, described["InferenceComponentStatus"] != "InService"
        self.present: int = described["RuntimeConfig"]["DesiredCopyCount"]

    def change(self, wanted: int) -> None:
        self._client.update_inference_component_runtime_config(
            InferenceComponentName=self._name, DesiredRuntimeConfig={"CopyCount": wanted}
        )


def _holds(step: dict[str, Any], excess: float) -> bool:
    """Whether a step is for this excess over the threshold.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
    """
    lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return bool((lower is None or excess >= lower) and (upper is None or excess < upper))
