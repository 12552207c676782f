"""Wakes an endpoint without instances for the first request.

Target tracking starts an instance of an asynchronous endpoint only when more requests wait than its target, and none of
an inference component, which has no load without a copy. A step scaling policy on another metric starts one for the
first request. Application Auto Scaling creates no alarm for a step scaling policy:
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_component, name_endpoint
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

Body = dict[str, Any]

WAKE_POLICY = "sagebuild-wake"
_BACKLOG, _FAILURES = "HasBacklogWithoutCapacity", "NoCapacityInvocationFailures"
_PERIOD_SECONDS = 60


class WakePlan(TypedDict):
    """The step scaling policy and its alarm."""

    wanted: bool
    policy: Body  # members of PutScalingPolicy without the variant
    alarm: Body  # members of PutMetricAlarm without its action, the policy


def plan_waking(context: BuildContext[BuildParameters]) -> WakePlan:
    """Plan the policy and alarm of an endpoint; only one that scales to zero wants them."""
    parameters = context.parameters
    scaling, copies = parameters.autoscaling, bool(parameters.inferencecomponent)
    wanted = bool((parameters.asynchronous or copies) and scaling and not scaling.minimum)
    alarm = build_wake_alarm(context.service, copies=copies)
    return {"wanted": wanted, "policy": build_wake_policy(copies=copies), "alarm": alarm}


def has_waking(policies: Iterable[Body]) -> bool:
    """Return whether one of an endpoint's scaling policies wakes it."""
    return any(policy["PolicyName"] == WAKE_POLICY for policy in policies)


def name_wake_alarm(service: Service, *, copies: bool) -> str:
    """Return the name of the endpoint's alarm; the permissions in resources/access.yml name it too."""
    return f"{_FAILURES if copies else _BACKLOG}-{name_endpoint(service)}"


def build_wake_policy(*, copies: bool) -> Body:
    """Build the members of PutScalingPolicy without the target: start one instance, or one copy."""
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    # A copy took nine minutes to start in https://github.com/huggingface/skills/pull/215. Until then the alarm repeats
    # its action, which adds no more copies within the cooldown.
    cooldown = 600 if copies else 300
    configuration = {"AdjustmentType": "ChangeInCapacity", "Cooldown": cooldown, "StepAdjustments": [step]}
    return {"PolicyName": WAKE_POLICY, "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": configuration}


def build_wake_alarm(service: Service, *, copies: bool) -> Body:
    """Build the members of PutMetricAlarm without its action.

    The metric is 1 while requests wait and no instance runs; that of a component counts the requests that failed.
    """
    endpoint = name_endpoint(service)
    watched = {
        "AlarmDescription": f"Requests wait and {endpoint} has no instance; the scaling policy {WAKE_POLICY} adds one.",
        "MetricName": _BACKLOG,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
    }
    if copies:
        watched = {
            "AlarmDescription": f"Requests fail and {endpoint} has no copy; the scaling policy {WAKE_POLICY} adds one.",
            "MetricName": _FAILURES,
            "Dimensions": [{"Name": "InferenceComponentName", "Value": name_component(service)}],
            "Statistic": "Sum",
        }
    periods = 1 if copies else 2
    return watched | {
        "AlarmName": name_wake_alarm(service, copies=copies),
        "Namespace": "AWS/SageMaker",
        "Period": _PERIOD_SECONDS,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": periods,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
    }


def put_wake_alarm(service: Service, policy_arn: str, *, copies: bool) -> None:
    """Create or update the endpoint's alarm, whose action is the scaling policy."""
    with aws_call("set the alarm that wakes the endpoint"):
        service.cloudwatch.put_metric_alarm(**build_wake_alarm(service, copies=copies), AlarmActions=[policy_arn])


def delete_wake_alarm(service: Service) -> None:
    """Delete the endpoint's alarm; a missing one is no error.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    """
    with aws_call("delete the alarm that wakes the endpoint"):
        service.cloudwatch.delete_alarms(AlarmNames=[name_wake_alarm(service, copies=each) for each in (False, True)])
