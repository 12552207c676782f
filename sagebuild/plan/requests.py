"""Writes a build's requests exactly as they will be sent, with images, the user's functions and maxcost applied."""

from __future__ import annotations

from dataclasses import dataclass

from sagebuild.builds.context import BuildContext
from sagebuild.cost.budget import limit_to_maxcost
from sagebuild.errors import ParameterError, PreflightError
from sagebuild.images.containers import choose_image
from sagebuild.images.table import Scope
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.instance_types import choose_instance_types, find_type_problems
from sagebuild.plan.preflight import find_body_problems
from sagebuild.plan.steps import find_step_facts
from sagebuild.requests.bodies import Bodies
from sagebuild.requests.hooks import replace_bodies
from sagebuild.requests.training import TrainingPlan, build_bodies, plan_training


@dataclass(frozen=True)
class PlannedRequests:
    """The requests of one build, and their origin.

    Parameters
    ----------
    context
        The build with what was found out for its requests.
    training
        Where the model comes from; None when there is no model to deploy. The findings then have that problem.
    bodies
        The requests by kind: ``training`` or ``tuning``, ``model``, ``endpointConfig``, ``processing:NAME``
        and ``transform``.
    images
        The addresses of the images that the build needs, by scope; without those that were not found.
    cost_limit
        ``maxcost`` in US dollars, if it shortened the training.
    are_valid
        False when a request has a value that SageMaker does not allow.
    """

    context: BuildContext[BuildParameters]
    training: TrainingPlan | None
    bodies: Bodies
    images: dict[Scope, str]
    cost_limit: float | None
    are_valid: bool


def plan_requests(context: BuildContext[BuildParameters], findings: Findings) -> PlannedRequests:
    """Write a build's requests as they will be sent; build, doctor and cost estimate all use this function.

    Problems are added to the findings, so that one run reports all of them.
    """
    context = find_step_facts(choose_instance_types(context, findings), findings)
    images = _choose_images(context, findings)
    training = _plan_training(context, images.get("training"), findings)
    bodies = build_bodies(context, images.get("training"), images.get("inference"))
    bodies, problems = replace_bodies(context, bodies)
    problems += find_body_problems(context.service, bodies)
    problems += find_type_problems(context.service.region, bodies)
    findings.problems += problems
    if problems:  # an invalid request has no price
        return PlannedRequests(context, training, bodies, images, None, are_valid=False)
    limited = limit_to_maxcost(context, bodies)
    findings.problems += [limited.problem] if limited.problem else []
    findings.add_note(limited.note)
    return PlannedRequests(context, training, limited.bodies, images, limited.limit, are_valid=True)


def list_scopes(parameters: BuildParameters) -> list[Scope]:
    """Return the scopes for which the build needs an image."""
    return ["training", "inference"] if parameters.has_training else ["inference"]


def _choose_images(context: BuildContext[BuildParameters], findings: Findings) -> dict[Scope, str]:
    images: dict[Scope, str] = {}
    for scope in list_scopes(context.parameters):
        try:
            image = choose_image(context, scope)
        except (ParameterError, PreflightError) as error:
            findings.problems.append(str(error))
            continue
        images[scope] = image.uri
        findings.add_note(image.note)
    return images


def _plan_training(
    context: BuildContext[BuildParameters], image: str | None, findings: Findings
) -> TrainingPlan | None:
    try:
        training = plan_training(context, image)
    except ParameterError as error:
        findings.problems.append(str(error))
        return None
    for note in training.notes:
        findings.add_note(note)
    return training
