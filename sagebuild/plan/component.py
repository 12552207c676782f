"""Plans the inference component of a build or rollback, and examines whether the live endpoint can have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_component, name_endpoint
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.requests.component import build_component, build_component_update, has_same_instances
from sagebuild.running.endpoint import Endpoint, describe_config
from sagebuild.running.undo_component import EarlierCopies
from sagebuild.service import Service

Body = dict[str, Any]


class ComponentPlan(TypedDict):
    """The plan of the copies of a model on an endpoint whose configuration has none."""

    wanted: bool
    keepsInstances: bool
    name: NotRequired[str]
    model: NotRequired[str]
    create: NotRequired[Body]  # CreateInferenceComponent without its tags
    update: NotRequired[Body]  # UpdateInferenceComponent


def examine_component(
    service: Service, config: Mapping[str, Any], parameters: BuildParameters, live: Endpoint | None, findings: Findings
) -> None:
    """Examine whether the live endpoint, if there is one, serves its model in the same way.

    Parameters
    ----------
    config
        The request of CreateEndpointConfig, which a function of the user may have changed.
    """
    wants = bool(parameters.inferencecomponent)
    if wants and not _has_bare_instances(config):
        findings.problems.append(
            "inferencecomponent is given, which needs an endpoint configuration with one production variant, with "
            "ManagedInstanceScaling and without ModelName; the function endpointConfigFunction must keep that."
        )
    if live and live.status != "Failed" and parameters.deployEndpoint and wants != bool(live.instances):
        # No page of AWS describes an update from one to the other.
        given, has = ("given", "no") if wants else ("not given", "an")
        findings.problems.append(
            f"inferencecomponent is {given}, but the endpoint {name_endpoint(service)} has {has} inference component, "
            "and SageMaker cannot convert it; delete the endpoint first, with its inference component."
        )


def plan_component(
    context: BuildContext[BuildParameters], live: Endpoint | None, config: Mapping[str, Any], model: str
) -> tuple[ComponentPlan, dict[str, str]]:
    """Plan the component that serves a model.

    Parameters
    ----------
    config
        The new endpoint configuration.
    model
        The name of the model.

    Returns
    -------
    tuple
        The plan, and the attributes of the build's record.
    """
    if not context.parameters.inferencecomponent:
        return {"wanted": False, "keepsInstances": False}, {}
    copies = _count_copies(context.parameters, live)
    present = describe_config(context.service, live.instances) if live and live.status != "Failed" else None
    plan: ComponentPlan = {
        "wanted": True,
        "keepsInstances": present is not None and has_same_instances(dict(config), present),
        "name": name_component(context.service),
        "model": model,
        "create": build_component(context, model, copies),
        "update": build_component_update(context, model, copies),
    }
    earlier = EarlierCopies.of(live)
    record = {"component": name_component(context.service), "component_before": earlier.to_text() if earlier else ""}
    return plan, record


def _has_bare_instances(config: Mapping[str, Any]) -> bool:
    variants = config["ProductionVariants"]
    return len(variants) == 1 and "ModelName" not in variants[0] and "ManagedInstanceScaling" in variants[0]


def _count_copies(parameters: BuildParameters, live: Endpoint | None) -> int:
    """Return the number of copies after the deployment: at least one, which the smoke test asks."""
    scaling = parameters.autoscaling
    present = live.component.wanted if live and live.component and scaling else 0
    return max(min(present, scaling.maximum if scaling else 0), parameters.hostinstancecount)
