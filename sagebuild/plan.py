"""Plans a build: parameters read and checked, everything it needs looked for, every request written, nothing paid."""

from __future__ import annotations

from typing import Any

from sagebuild import requests
from sagebuild.containers import choose_image
from sagebuild.document import read_document
from sagebuild.endpoint import describe_endpoint
from sagebuild.errors import HookError, ParameterError
from sagebuild.hooks import plan_execution, replace_body
from sagebuild.images import Scope
from sagebuild.names import name_endpoint, name_resource
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.preflight import Findings, examine_account, examine_bodies, examine_inputs
from sagebuild.records import NOT_ENDED, update_build
from sagebuild.scaling import describe_scaling, find_scaling_problems, plan_scaling
from sagebuild.service import Service

# An update takes 3 to 10 minutes; an hour means that something hangs.
POLL_SECONDS = 30
MAXIMUM_POLLS = 120


def plan_build(service: Service, number: int) -> dict[str, Any]:
    """All that the state machine needs for one build.

    Returns
    -------
    dict
        ``training``, ``model``, ``endpointConfig`` and ``endpoint`` are the bodies of the SageMaker requests of those
        names; ``tags`` belong to the endpoint, ``scaling`` is how it scales; ``pollSeconds`` and ``maximumPolls`` bound
        the wait for it. ``preprocess`` and ``postprocess`` start a person's own state machines, where there are any.

    Raises
    ------
    ParameterError
        The document asks for something that cannot be built.
    PreflightError
        Something that the build needs is not there.
    """
    text = read_document(service)
    parameters = parse_document(text, default_framework=service.setting("FRAMEWORK"))
    refuse_other_builds(parameters)
    findings = Findings()
    bodies = _build_bodies(service, number, parameters, findings)
    live = describe_endpoint(service)
    scaled_before = describe_scaling(service) if live else None
    examine_inputs(service, parameters, findings)
    examine_bodies(service, bodies, findings)
    examine_account(service, parameters, live, findings)
    served = live.config if live else ""
    instance_type = bodies["endpointConfig"]["ProductionVariants"][0].get("InstanceType")
    findings.problems += find_scaling_problems(service, scaled_before, served, instance_type)
    findings.raise_problems()
    scaling = plan_scaling(service, parameters, scaled_before, served, instance_type)
    name = name_resource(service, number)
    update_build(
        service,
        number,
        only_if=NOT_ENDED,
        status="running",
        parameters=text,
        notes=findings.notes,
        training_image=bodies["training"].get("AlgorithmSpecification", {}).get("TrainingImage", ""),
        training_job=name,
        model=name,
        endpoint_config=name,
        live_before=live.config if live and live.status != "Failed" else "",
        changes_scaling=scaling["wanted"] or scaling["release"],
        scaling_before=scaled_before.to_text() if scaled_before else "",
    )
    return {
        "number": number,
        "preprocess": plan_execution(service, number, parameters, "preprocess", _name_channels(service, parameters)),
        "training": bodies["training"],
        "model": bodies["model"],
        "endpointConfig": bodies["endpointConfig"],
        "endpoint": requests.build_endpoint(service, number),
        "tags": requests.build_tags(service, number, parameters),
        "scaling": scaling,
        "postprocess": plan_execution(service, number, parameters, "postprocess", {"endpoint": name_endpoint(service)}),
        "pollSeconds": POLL_SECONDS,
        "maximumPolls": MAXIMUM_POLLS,
    }


def _build_bodies(
    service: Service, number: int, parameters: BuildParameters, findings: Findings
) -> dict[str, dict[str, Any]]:
    """The requests of the build, as a person's own functions leave them."""
    training_image = _find_image(service, parameters, "training", findings)
    inference_image = _find_image(service, parameters, "inference", findings)
    bodies = {
        "training": requests.build_training_job(service, number, parameters, training_image),
        "model": requests.build_model(service, number, parameters, inference_image),
        "endpointConfig": requests.build_endpoint_config(service, number, parameters),
    }
    for kind, body in bodies.items():
        try:
            bodies[kind] = replace_body(service, number, parameters, kind, body)
        except HookError as error:
            findings.problems.append(str(error))
    return bodies


def _find_image(service: Service, parameters: BuildParameters, scope: Scope, findings: Findings) -> str:
    try:
        image = choose_image(parameters, service.region, scope)
    except ParameterError as error:
        findings.problems.append(str(error))
        return "none"  # the rest of the request is looked at all the same
    if image.note and image.note not in findings.notes:
        findings.notes.append(image.note)
    return image.uri


def _name_channels(service: Service, parameters: BuildParameters) -> dict[str, Any]:
    return {"channels": {name: channel.uri for name, channel in requests.read_channels(service, parameters).items()}}


def refuse_other_builds(parameters: BuildParameters) -> None:
    """Refuse what the document may say and this version does not build, rather than build something else.

    Raises
    ------
    ParameterError
        With all of it.
    """
    asked = {
        "configtrain SAGEMAKERHPO": parameters.configtrain != "SAGEMAKER",
        "skiptrain": parameters.skiptrain,
        "train false": not getattr(parameters, "train", True),
        "ModelArtifacts": parameters.ModelArtifacts is not None,
        "deployEndpoint false": not parameters.deployEndpoint,
        "pipeline with a tag": any(part.tag for part in parameters.pipeline),
    }
    refused = [name for name, is_asked in asked.items() if is_asked]
    if refused:
        raise ParameterError(
            f"This version of sagebuild trains one model and deploys it; it does not know how to do "
            f"{', '.join(refused)}. Take that out of the document."
        )
