"""Plans the deployment of a build or rollback: scaling, traffic, smoke test and the user's own state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import ImagesPlan
from sagebuild.names import name_endpoint
from sagebuild.parameters import BuildParameters
from sagebuild.plan.component import ComponentPlan, plan_component
from sagebuild.plan.findings import Findings
from sagebuild.requests.bodies import Body, build_endpoint
from sagebuild.requests.guardrails import POLL_SECONDS, build_deployment_config, count_polls, examine_alarms
from sagebuild.requests.hooks import ExecutionPlan, plan_execution
from sagebuild.requests.source_request import SourcePlan
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.running.scaling import Scaling, ScalingPlan, describe_scaling, find_scaling_problems, plan_scaling
from sagebuild.service import Service
from sagebuild.steps.evaluation import JobsPlan
from sagebuild.steps.smoke_test import SmokeTestPlan, find_sample_problems, plan_smoke_test


class DeploymentPlan(TypedDict):
    """The keys that the plans of builds and rollbacks share."""

    number: int
    pipeline: str  # empty for the default pipeline
    mode: Literal["train", "tune", "none", "rollback"]
    preprocess: ExecutionPlan
    source: SourcePlan
    images: ImagesPlan
    processing: JobsPlan
    artifacts: str | None  # S3 address of the model, when the build trains none
    verify: dict[str, list[str]]  # the ``models`` whose files must not have changed
    endpoint: Body  # UpdateEndpoint, and CreateEndpoint without its tags
    tags: list[dict[str, str]]
    component: ComponentPlan
    scaling: ScalingPlan
    guardrails: Body  # members of UpdateEndpoint that shift the traffic
    smokeTest: SmokeTestPlan
    postprocess: ExecutionPlan
    pollSeconds: int
    maximumPolls: int


@dataclass(frozen=True)
class Live:
    """The endpoint and its scaling before the deployment; both None when there is no endpoint."""

    endpoint: Endpoint | None
    scaling: Scaling | None

    @property
    def config(self) -> str:
        """The endpoint configuration that it serves, or last served; empty without an endpoint."""
        return self.endpoint.config if self.endpoint else ""

    @property
    def config_to_restore(self) -> str:
        """The configuration to restore when the deployment fails; empty if the endpoint is Failed or does not exist."""
        return self.config if self.endpoint and self.endpoint.status != "Failed" else ""


def describe_live(service: Service) -> Live:
    """Describe the stack's endpoint and its scaling."""
    endpoint = describe_endpoint(service)
    return Live(endpoint, describe_scaling(service, copies=bool(endpoint.instances)) if endpoint else None)


def examine_deployment(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Examine the alarms that roll the update back, and the smoke test's sample request."""
    problems, notes = examine_alarms(context)
    findings.problems += [*problems, *find_sample_problems(context)]
    findings.notes += notes


def examine_scaling(service: Service, live: Live, instance_type: str | None, findings: Findings) -> None:
    """Examine whether the endpoint's present scaling allows the new instance type."""
    findings.problems += find_scaling_problems(service, live.scaling, live.config, instance_type)


def list_models(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the models in an endpoint configuration; none in that of an inference component."""
    variants = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
    return [variant["ModelName"] for variant in variants if "ModelName" in variant]


def read_instance_type(config: Mapping[str, Any]) -> str | None:
    """Return the type of an endpoint configuration's instances; None for a serverless endpoint."""
    variants = config["ProductionVariants"]
    return variants[0].get("InstanceType") if variants else None


def plan_deployment(
    context: BuildContext[BuildParameters],
    live: Live,
    config: Mapping[str, Any],
    model: str,
    tags: list[dict[str, str]],
) -> tuple[DeploymentPlan, dict[str, Any]]:
    """Plan the deployment of an endpoint configuration.

    Parameters
    ----------
    config
        The endpoint configuration that goes live.
    model
        The name of the build's model.
    tags
        The tags of a new endpoint.

    Returns
    -------
    tuple
        The shared keys of the plan, and the deployment's attributes for the build's record.
    """
    endpoint = name_endpoint(context.service)
    scaling = plan_scaling(context, live.scaling, live.config, read_instance_type(config))
    component, component_record = plan_component(context, live.endpoint, config, model)
    plan: DeploymentPlan = {
        "number": context.number,
        "pipeline": context.service.pipeline,
        "mode": "none",
        "preprocess": {"wanted": False},
        "source": {"wanted": False},
        "images": {"wanted": False, "builds": []},
        "processing": {"wanted": False, "jobs": []},
        "artifacts": None,
        "verify": {"models": list_models(config) or [model]},
        "endpoint": build_endpoint(context.service, config["EndpointConfigName"]),
        "tags": tags,
        "component": component,
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
        **component_record,
    }
    return plan, record
