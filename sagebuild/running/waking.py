"""Wakes an asynchronous endpoint without instances for the first request.

Target tracking starts an instance only when more requests wait than its target. A step scaling policy on the metric
HasBacklogWithoutCapacity starts one for the first request. Application Auto Scaling creates no alarm for a step scaling
policy: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_endpoint
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

Body = dict[str, Any]

WAKE_POLICY = "sagebuild-wake"
_METRIC = "HasBacklogWithoutCapacity"
_PERIOD_SECONDS = 60


class WakePlan(TypedDict):
    """The step scaling policy and its alarm."""

    wanted: bool
    policy: Body  # members of PutScalingPolicy without the variant
    alarm: Body  # members of PutMetricAlarm without its action, the policy


def plan_waking(context: BuildContext[BuildParameters]) -> WakePlan:
    """Plan the policy and alarm of an endpoint; only one that scales to zero wants them."""
    parameters = context.parameters
    scaling = parameters.autoscaling
    wanted = bool(parameters.asynchronous and scaling and not scaling.minimum)
    return {"wanted": wanted, "policy": build_wake_policy(), "alarm": build_wake_alarm(context.service)}


def has_waking(policies: Iterable[Body]) -> bool:
    """Return whether one of an endpoint's scaling policies wakes it."""
    return any(policy["PolicyName"] == WAKE_POLICY for policy in policies)


def name_wake_alarm(service: Service) -> str:
    """Return the name of the endpoint's alarm; the permissions in resources/access.yml name it too."""
    return f"{_METRIC}-{name_endpoint(service)}"


def build_wake_policy() -> Body:
    """Build the members of PutScalingPolicy without the variant: start one instance."""
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    configuration = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 300, "StepAdjustments": [step]}
    return {"PolicyName": WAKE_POLICY, "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": configuration}


def build_wake_alarm(service: Service) -> Body:
    """Build the members of PutMetricAlarm without its action.

    The metric is 1 while requests wait and no instance runs.
    """
    endpoint = name_endpoint(service)
    return {
        "AlarmName": name_wake_alarm(service),
        "AlarmDescription": f"Requests wait and {endpoint} has no instance; the scaling policy {WAKE_POLICY} adds one.",
        "Namespace": "AWS/SageMaker",
        "MetricName": _METRIC,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
        "Period": _PERIOD_SECONDS,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
    }


def put_wake_alarm(service: Service, policy_arn: str) -> None:
    """Create or update the endpoint's alarm, whose action is the scaling policy."""
    with aws_call("set the alarm that wakes the endpoint"):
        service.cloudwatch.put_metric_alarm(**build_wake_alarm(service), AlarmActions=[policy_arn])


def delete_wake_alarm(service: Service) -> None:
    """Delete the endpoint's alarm; a missing one is no error.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    """
    with aws_call("delete the alarm that wakes the endpoint"):
        service.cloudwatch.delete_alarms(AlarmNames=[name_wake_alarm(service)])
