"""The deployment part of a plan, which builds and rollbacks share: scaling, traffic, smoke test, own machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import ImagesPlan
from sagebuild.names import name_endpoint
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.requests.bodies import Body, build_endpoint
from sagebuild.requests.guardrails import POLL_SECONDS, build_deployment_config, count_polls, examine_alarms
from sagebuild.requests.hooks import ExecutionPlan, plan_execution
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.running.scaling import Scaling, ScalingPlan, describe_scaling, find_scaling_problems, plan_scaling
from sagebuild.service import Service
from sagebuild.steps.smoke_test import SmokeTestPlan, find_sample_problems, plan_smoke_test


class DeploymentPlan(TypedDict):
    """The keys of a plan that a build and a rollback both have."""

    number: int
    mode: Literal["train", "tune", "none", "rollback"]
    preprocess: ExecutionPlan
    images: ImagesPlan
    artifacts: str | None  # S3 address of the model, where nothing is trained
    endpoint: Body  # UpdateEndpoint, and CreateEndpoint without its tags
    tags: list[dict[str, str]]
    scaling: ScalingPlan
    guardrails: Body  # members of UpdateEndpoint that move the traffic
    smokeTest: SmokeTestPlan
    postprocess: ExecutionPlan
    pollSeconds: int
    maximumPolls: int


@dataclass(frozen=True)
class Live:
    """The endpoint as it is before the deployment; all empty when there is none."""

    endpoint: Endpoint | None
    scaling: Scaling | None

    @property
    def config(self) -> str:
        """The endpoint configuration that it serves, or last served."""
        return self.endpoint.config if self.endpoint else ""

    @property
    def config_to_restore(self) -> str:
        """The configuration to return to when the deployment fails; empty for a failed endpoint."""
        return self.config if self.endpoint and self.endpoint.status != "Failed" else ""


def describe_live(service: Service) -> Live:
    """The stack's endpoint and its scaling."""
    endpoint = describe_endpoint(service)
    return Live(endpoint, describe_scaling(service) if endpoint else None)


def examine_deployment(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Examine the alarms that roll the update back, and the smoke test's sample request."""
    problems, notes = examine_alarms(context)
    findings.problems += [*problems, *find_sample_problems(context)]
    findings.notes += notes


def examine_scaling(service: Service, live: Live, instance_type: str | None, findings: Findings) -> None:
    """Examine whether the endpoint's present scaling allows the instance type."""
    findings.problems += find_scaling_problems(service, live.scaling, live.config, instance_type)


def plan_deployment(
    context: BuildContext[BuildParameters],
    live: Live,
    config: str,
    instance_type: str | None,
    tags: list[dict[str, str]],
) -> tuple[DeploymentPlan, dict[str, Any]]:
    """The shared keys of a plan, and the attributes that the build's record gets from the deployment.

    Parameters
    ----------
    config
        The name of the endpoint configuration that goes live.
    instance_type
        The type of its instances; None for a serverless endpoint.
    """
    endpoint = name_endpoint(context.service)
    scaling = plan_scaling(context, live.scaling, live.config, instance_type)
    plan: DeploymentPlan = {
        "number": context.number,
        "mode": "none",
        "preprocess": {"wanted": False},
        "images": {"wanted": False, "builds": []},
        "artifacts": None,
        "endpoint": build_endpoint(context.service, config),
        "tags": tags,
        "scaling": scaling,
        "guardrails": build_deployment_config(context.parameters),
        "smokeTest": plan_smoke_test(context),
        "postprocess": plan_execution(context, "postprocess", {"endpoint": endpoint}),
        "pollSeconds": POLL_SECONDS,
        "maximumPolls": count_polls(context.parameters),
    }
    record = {
        "live_before": live.config_to_restore,
        "changes_scaling": scaling["wanted"] or scaling["release"],
        "scaling_before": live.scaling.to_text() if live.scaling else "",
    }
    return plan, record
