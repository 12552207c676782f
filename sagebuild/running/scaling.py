"""The scaling of the endpoint's instances, or of the copies of its component: plans, describes, ends and restores it.

An endpoint's instance type cannot change while its variant is a scalable target:
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord
from sagebuild.names import VARIANT, name_component, name_endpoint
from sagebuild.running.endpoint import RETAIN_CAPACITY, describe_endpoint, describe_instance_type
from sagebuild.running.waking import (
    WAKE_POLICY,
    WakePlan,
    delete_wake_alarm,
    has_waking,
    plan_waking,
    put_wake_alarm,
)
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

Body = dict[str, Any]

POLICY_NAME = "sagebuild"
# https://docs.aws.amazon.com/autoscaling/application/userguide/services-that-can-integrate-sagemaker.html
_INSTANCES = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
_COPIES = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}
_TARGET_PARTS = ("MinCapacity", "MaxCapacity")
_POLICY_PARTS = (
    "PolicyName",
    "PolicyType",
    "TargetTrackingScalingPolicyConfiguration",
    "StepScalingPolicyConfiguration",
)


@dataclass(frozen=True)
class Scaling:
    """How the endpoint scales: its bounds, and its policies in the form of Application Auto Scaling.

    Parameters
    ----------
    copies
        Whether the copies of an inference component scale, and not instances.
    """

    target: Mapping[str, Any]
    policies: list[Body] = field(default_factory=list)
    copies: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether a build set the scaling up; False if the user did."""
        return any(policy["PolicyName"] == POLICY_NAME for policy in self.policies)

    def to_text(self) -> str:
        """Return the JSON for a build's record."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Scaling | None:
        """Read the JSON of a build's record; None for an empty text."""
        return cls(**json.loads(text)) if text else None


class ScalingPlan(TypedDict):
    """The plan of the endpoint's scaling."""

    wanted: bool  # set scaling up after the deployment
    release: bool  # end it before the deployment
    wake: WakePlan
    variant: Body  # the scalable target of both requests
    update: Body  # members of UpdateEndpoint
    target: NotRequired[Body]  # members of RegisterScalableTarget
    policy: NotRequired[Body]  # members of PutScalingPolicy


def plan_scaling(
    context: BuildContext[BuildParameters], before: Scaling | None, live_config: str, instance_type: str | None
) -> ScalingPlan:
    """Plan what the state machine does about the endpoint's scaling.

    Parameters
    ----------
    before
        The endpoint's present scaling.
    live_config
        The endpoint configuration that is live.
    instance_type
        The new instance type; None for a serverless endpoint.
    """
    service, asked = context.service, context.parameters.autoscaling
    copies = bool(context.parameters.inferencecomponent)
    is_ours = before is not None and before.is_ours
    wake = plan_waking(context)
    wakes_in_vain = before is not None and has_waking(before.policies) and not wake["wanted"]
    # A component scales to zero as soon as it has a copy without requests, so its scaling rests until the smoke test.
    has_reason = copies or not asked or wakes_in_vain
    release = is_ours and (has_reason or describe_instance_type(service, live_config) != instance_type)
    keeps_count = before and not copies and (asked or not is_ours)
    plan: ScalingPlan = {
        "wanted": asked is not None,
        "release": release,
        "wake": wake,
        "variant": _identify_target(service, copies=copies),
        "update": RETAIN_CAPACITY if keeps_count else {},
    }
    if asked:
        plan["target"] = {"MinCapacity": asked.minimum, "MaxCapacity": asked.maximum}
        plan["policy"] = build_scaling_policy(context)
    return plan


def find_scaling_problems(
    service: Service, before: Scaling | None, live_config: str, instance_type: str | None
) -> Iterator[str]:
    """Yield a sentence if scaling that the user set up prevents another instance type."""
    if before and not before.is_ours and describe_instance_type(service, live_config) not in (None, instance_type):
        yield (
            f"The endpoint {name_endpoint(service)} has scaling that no build set up, so its instance type cannot "
            "change; deregister the scaling in the SageMaker console, or keep hostinstancetype."
        )


def build_scaling_policy(context: BuildContext[BuildParameters]) -> Body:
    """Build the members of PutScalingPolicy without the variant.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html, and for a queue
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    asked = context.parameters.autoscaling
    assert asked
    kind = "SageMakerVariantInvocationsPerInstance"
    if context.parameters.inferencecomponent:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
        kind = "SageMakerInferenceComponentInvocationsPerCopy"
    metric: Body = {"PredefinedMetricSpecification": {"PredefinedMetricType": kind}}
    if context.parameters.asynchronous:
        metric = {
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": name_endpoint(context.service)}],
                "Statistic": "Average",
            }
        }
    cooldowns = {"ScaleInCooldown": asked.scaleincooldown, "ScaleOutCooldown": asked.scaleoutcooldown}
    configuration = {"TargetValue": asked.target} | metric | {k: v for k, v in cooldowns.items() if v is not None}
    return {
        "PolicyName": POLICY_NAME,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }


def describe_scaling(service: Service, *, copies: bool) -> Scaling | None:
    """Describe the scaling of the endpoint's instances, or of its component's copies; return None if it has none.

    Each has its own: that of a deleted component may still be registered beside that of an endpoint without one.
    """
    known = _identify_target(service, copies=copies)
    with aws_call("describe the endpoint's scaling"):
        targets = service.autoscaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[known["ResourceId"]]
        )
        if not targets["ScalableTargets"]:
            return None
        policies = service.autoscaling.describe_scaling_policies(**known)
    return Scaling(
        target={name: targets["ScalableTargets"][0][name] for name in _TARGET_PARTS},
        policies=[
            {name: policy[name] for name in _POLICY_PARTS if name in policy} for policy in policies["ScalingPolicies"]
        ],
        copies=copies,
    )


def end_scaling(service: Service) -> None:
    """Deregister the endpoint and its component with all their policies; delete the alarm that wakes it."""
    for copies in (False, True):
        if describe_scaling(service, copies=copies):
            with aws_call("end the endpoint's scaling"):
                service.autoscaling.deregister_scalable_target(**_identify_target(service, copies=copies))
    delete_wake_alarm(service)


def clear_scaling(service: Service, record: BuildRecord) -> None:
    """End the scaling that a failed build set up, so that its deployment can be undone."""
    if not record.changes_scaling:
        return
    endpoint = describe_endpoint(service)
    is_deployed = endpoint and endpoint.config == record.endpoint_config
    before = Scaling.from_text(record.scaling_before)
    copies = before.copies if before else bool(record.component)
    if is_deployed or describe_scaling(service, copies=copies) != before:
        end_scaling(service)


def restore_scaling(service: Service, record: BuildRecord) -> None:
    """Restore the scaling as it was before a failed build."""
    before = Scaling.from_text(record.scaling_before)
    if not record.changes_scaling or not before or describe_scaling(service, copies=before.copies) == before:
        return
    target = _identify_target(service, copies=before.copies)
    with aws_call("restore the endpoint's scaling"):
        service.autoscaling.register_scalable_target(**target, **before.target)
        for policy in before.policies:
            arn = service.autoscaling.put_scaling_policy(**target, **policy)["PolicyARN"]
            if policy["PolicyName"] == WAKE_POLICY:
                put_wake_alarm(service, arn, copies=before.copies)


def _identify_target(service: Service, *, copies: bool) -> Any:
    if copies:
        return _COPIES | {"ResourceId": f"inference-component/{name_component(service)}"}
    return _INSTANCES | {"ResourceId": f"endpoint/{name_endpoint(service)}/variant/{VARIANT}"}
