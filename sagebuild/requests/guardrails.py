"""Guardrails of an endpoint update: how traffic shifts, which alarms roll it back, and how long it may take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sagebuild.builds.context import BuildContext
from sagebuild.service import aws_call

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters
    from sagebuild.parameters.deployment_options import Guardrails

Body = dict[str, Any]

# An update takes 3 to 10 minutes; one that takes an hour longer than its configured waits hangs.
POLL_SECONDS = 30
PATIENCE_SECONDS = 3600


def build_deployment_config(parameters: BuildParameters) -> Body:
    """Build UpdateEndpoint's ``DeploymentConfig``; empty without guardrails, and for an inference component.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
    """
    asked = parameters.guardrails
    if not asked or parameters.inferencecomponent:
        return {}
    routing: Body = {"Type": asked.shifting, "WaitIntervalInSeconds": asked.wait}
    if asked.shifting != "ALL_AT_ONCE":
        size: Body = {"Type": "CAPACITY_PERCENT", "Value": asked.percent}
        if asked.instances:
            size = {"Type": "INSTANCE_COUNT", "Value": asked.instances}
        routing["CanarySize" if asked.shifting == "CANARY" else "LinearStepSize"] = size
    policy: Body = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": asked.terminationwait}
    if asked.timeout:
        policy["MaximumExecutionTimeoutInSeconds"] = asked.timeout
    return {"DeploymentConfig": {"BlueGreenUpdatePolicy": policy} | _watch_alarms(asked)}


def build_rolling_config(parameters: BuildParameters) -> Body:
    """Build UpdateInferenceComponent's ``DeploymentConfig``; empty without guardrails.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentRollingUpdatePolicy.html
    """
    asked = parameters.guardrails
    if not asked:
        return {}
    size: Body = {"Type": "CAPACITY_PERCENT", "Value": asked.percent}
    if asked.instances:
        size = {"Type": "COPY_COUNT", "Value": asked.instances}
    policy: Body = {"MaximumBatchSize": size, "WaitIntervalInSeconds": asked.wait}
    if asked.timeout:
        policy["MaximumExecutionTimeoutInSeconds"] = asked.timeout
    return {"DeploymentConfig": {"RollingUpdatePolicy": policy} | _watch_alarms(asked)}


def _watch_alarms(asked: Guardrails) -> Body:
    if not asked.alarms:
        return {}
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in asked.alarms]}}


def count_polls(parameters: BuildParameters) -> int:
    """Return the maximum number of polls of an endpoint, one every POLL_SECONDS; after them, the deployment fails."""
    asked = parameters.guardrails
    longest = (asked.timeout or asked.waiting_seconds(parameters.largest_count)) if asked else 0
    longest += (parameters.downloadtimeout or 0) + (parameters.starttimeout or 0)
    return math.ceil((PATIENCE_SECONDS + longest) / POLL_SECONDS)


def examine_alarms(context: BuildContext[BuildParameters]) -> tuple[list[str], list[str]]:
    """Examine the alarms that roll an update back.

    Returns
    -------
    tuple
        Problems: a sentence for each alarm that does not exist. Notes: one for each alarm in state ALARM.
    """
    guardrails = context.parameters.guardrails
    names = list(guardrails.alarms) if guardrails else []
    if not names:
        return [], []
    with aws_call("describe the alarms"):
        found = context.service.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
    missing = [
        f"guardrails.alarms names {name}, but there is no metric alarm with that name; create it in CloudWatch, or "
        "correct the name."
        for name in names
        if name not in states
    ]
    raised = [
        f"The alarm {name} is in ALARM; until that ends, SageMaker rolls back every deployment."
        for name in names
        if states.get(name) == "ALARM"
    ]
    return missing, raised
