"""Plans a build: parameters read and checked, everything it needs looked for, every request written, nothing paid."""

from __future__ import annotations

from typing import Any

from sagebuild.builds.records import NOT_ENDED, read_build, update_build
from sagebuild.cost.estimate import plan_cost
from sagebuild.errors import BuildNotFoundError, HookError, ParameterError, PreflightError
from sagebuild.images.byod import plan_images
from sagebuild.images.containers import choose_image
from sagebuild.images.table import Scope
from sagebuild.names import name_endpoint, name_resource
from sagebuild.parameters import BuildParameters, ScriptModeParameters
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.parameters.store import read_document
from sagebuild.plan.budget import hold_maxcost
from sagebuild.plan.deployment import examine_deployment
from sagebuild.plan.preflight import Findings, examine_account, examine_bodies, examine_images, examine_inputs
from sagebuild.requests.bodies import build_endpoint, build_endpoint_config, build_model, build_tags, read_channels
from sagebuild.requests.guardrails import POLL_SECONDS, build_deployment_config, count_polls
from sagebuild.requests.hooks import plan_execution, replace_body
from sagebuild.requests.script_mode import plan_packing
from sagebuild.requests.training import TrainingPlan, plan_training
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.scaling import describe_scaling, find_scaling_problems, plan_scaling
from sagebuild.service import Service
from sagebuild.steps.approval import plan_approval
from sagebuild.steps.gate import find_gate_problems, plan_gate
from sagebuild.steps.package import plan_package
from sagebuild.steps.smoke_test import plan_smoke_test


def plan_build(service: Service, number: int) -> dict[str, Any]:
    """All that the state machine needs for one build.

    Returns
    -------
    dict
        ``images`` is what ``plan_images`` gives. ``mode`` is "train" with the body ``training``, "tune" with
        ``tuning``, or "none" with ``artifacts``.
        ``model``, ``endpointConfig`` and ``endpoint`` are the bodies of the SageMaker requests of those names;
        ``packing`` is None unless the serving script has to be put into the model's archive before that is deployed;
        ``deploy`` says whether the endpoint is wanted; ``tags`` belong to it, ``scaling`` is how it scales;
        ``guardrails`` is how the traffic of an update moves, ``smokeTest`` what the endpoint must answer then;
        ``register`` is what `plan_package` gives;
        ``quality`` says what is compared before anything is deployed, and ``approval`` whether a person is asked;
        ``pollSeconds`` and ``maximumPolls`` bound the wait for it. ``preprocess`` and ``postprocess`` start a person's
        own state machines, where there are any.

    Raises
    ------
    ParameterError
        The document asks for something that cannot be built.
    PreflightError
        Something that the build needs is not there.
    BuildNotFoundError
        No running build has that number.
    """
    text = read_document(service)
    parameters = parse_overridden(text, _read_overrides(service, number), service.setting("FRAMEWORK"))
    findings = Findings()
    images = plan_images(service, number, parameters)
    training = _plan_training(service, number, parameters, findings)
    serving_image = _find_image(service, number, parameters, "inference", findings)
    bodies = _build_bodies(service, number, parameters, training, serving_image, findings)
    live = describe_endpoint(service)
    scaled_before = describe_scaling(service) if live else None
    examine_inputs(service, parameters, training.artifacts, findings)
    are_right = examine_bodies(service, bodies, findings)
    bodies, cost_limit = hold_maxcost(service, parameters, bodies, findings) if are_right else (bodies, None)
    examine_images(service, parameters, findings)
    examine_account(service, parameters, live, findings)
    examine_deployment(service, parameters, findings)
    findings.problems += find_gate_problems(service, parameters, training.artifacts)
    served = live.config if live else ""
    instance_type = bodies["endpointConfig"]["ProductionVariants"][0].get("InstanceType")
    findings.problems += find_scaling_problems(service, scaled_before, served, instance_type)
    findings.raise_problems()
    scaling = plan_scaling(service, parameters, scaled_before, served, instance_type)
    planned = update_build(
        service,
        number,
        only_if=NOT_ENDED,
        status="running",
        parameters=text,
        notes=findings.notes,
        inference_image=serving_image,
        image_builds=[build["tag"] for build in images["builds"]],
        model=name_resource(service, number),
        endpoint_config=name_resource(service, number) if parameters.deployEndpoint else "",
        live_before=live.config if live and live.status != "Failed" else "",
        keep_builds=parameters.keepbuilds,
        changes_scaling=scaling["wanted"] or scaling["release"],
        scaling_before=scaled_before.to_text() if scaled_before else "",
        cost_limit=cost_limit,
        **plan_cost(service, parameters, bodies, len(images["builds"])),
        **training.record,
    )
    if not planned:
        raise _not_launched(number)
    return {
        "number": number,
        "preprocess": plan_execution(service, number, parameters, "preprocess", _name_channels(service, parameters)),
        "images": images,
        "mode": training.mode,
        "training": bodies.get("training"),
        "tuning": bodies.get("tuning"),
        "artifacts": training.artifacts,
        "quality": plan_gate(number, parameters),
        "packing": plan_packing(service, number, parameters) if isinstance(parameters, ScriptModeParameters) else None,
        "model": bodies["model"],
        "register": plan_package(service, parameters, bodies, training.artifacts),
        "endpointConfig": bodies["endpointConfig"],
        "endpoint": build_endpoint(service, number),
        "approval": plan_approval(number, parameters),
        "deploy": parameters.deployEndpoint,
        "tags": build_tags(service, number, parameters),
        "scaling": scaling,
        "guardrails": build_deployment_config(parameters),
        "smokeTest": plan_smoke_test(service, parameters),
        "postprocess": plan_execution(service, number, parameters, "postprocess", {"endpoint": name_endpoint(service)}),
        "pollSeconds": POLL_SECONDS,
        "maximumPolls": count_polls(parameters),
    }


def _read_overrides(service: Service, number: int) -> str:
    try:
        return read_build(service, number).overrides
    except BuildNotFoundError:
        raise _not_launched(number) from None


def _not_launched(number: int) -> BuildNotFoundError:
    return BuildNotFoundError(
        f"Build {number} was not launched or has ended; start a build by voice or through the launch topic, "
        "not by an execution of your own."
    )


def _plan_training(service: Service, number: int, parameters: BuildParameters, findings: Findings) -> TrainingPlan:
    image = _find_image(service, number, parameters, "training", findings) if parameters.has_training else ""
    try:
        training = plan_training(service, number, parameters, image)
    except ParameterError as error:
        findings.problems.append(str(error))
        return TrainingPlan("none", {})  # the rest of the build is looked at all the same
    findings.notes += training.notes
    return training


def _build_bodies(
    service: Service, number: int, parameters: BuildParameters, training: TrainingPlan, image: str, findings: Findings
) -> dict[str, dict[str, Any]]:
    """The requests of the build, as a person's own functions leave them."""
    asked = {
        "training": training.training,
        "tuning": training.tuning,
        "model": build_model(service, number, parameters, image),
        "endpointConfig": build_endpoint_config(service, number, parameters),
    }
    bodies = {kind: body for kind, body in asked.items() if body}
    for kind, body in bodies.items():
        try:
            bodies[kind] = replace_body(service, number, parameters, kind, body)
        except HookError as error:
            findings.problems.append(str(error))
    return bodies


def _find_image(service: Service, number: int, parameters: BuildParameters, scope: Scope, findings: Findings) -> str:
    try:
        image = choose_image(service, number, parameters, scope)
    except (ParameterError, PreflightError) as error:
        findings.problems.append(str(error))
        return "none"  # the rest of the request is looked at all the same
    if image.note and image.note not in findings.notes:
        findings.notes.append(image.note)
    return image.uri


def _name_channels(service: Service, parameters: BuildParameters) -> dict[str, Any]:
    channels = read_channels(service, parameters) if parameters.has_training else {}
    return {"channels": {name: channel.uri for name, channel in channels.items()}}
