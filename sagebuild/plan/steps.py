"""Examines the processing and evaluation jobs of a build: images, scripts, data, reused outputs and the live model."""

from __future__ import annotations

from dataclasses import replace

from sagebuild.builds.context import BuildContext, StepFacts
from sagebuild.builds.records import read_build
from sagebuild.errors import BuildNotFoundError, ParameterError, PreflightError
from sagebuild.images.containers import choose_step_image
from sagebuild.names import parse_resource_name
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.evaluation_names import EVALUATION, LIVE_EVALUATION
from sagebuild.parameters.step_options import Step
from sagebuild.parameters.step_rules import list_steps, read_inputs
from sagebuild.plan.archives import ArchiveError, Unreadable, read_scripts
from sagebuild.plan.findings import Findings
from sagebuild.plan.step_cache import find_reused
from sagebuild.plan.storage import has_objects
from sagebuild.requests.step_places import locate_input, locate_step_source
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service


def find_step_facts(context: BuildContext[BuildParameters], findings: Findings) -> BuildContext[BuildParameters]:
    """Return the context with the images of the jobs, the outputs that are reused, and the live model to evaluate."""
    parameters = context.parameters
    if not parameters.processing and not parameters.evaluation:
        return context
    images = _choose_images(context, findings)
    with_images = replace(context, steps=StepFacts(images))
    keys, reused = find_reused(with_images, findings)
    live = _find_live_model(context.service, findings) if parameters.evaluatelive else ""
    if live and EVALUATION in images:
        images[LIVE_EVALUATION] = images[EVALUATION]
    return replace(context, steps=StepFacts(images, reused, keys, live))


def examine_steps(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Examine whether the scripts are in their archives, and whether the inputs have data."""
    for path, step in list_steps(context.parameters):
        _examine_script(context, path, step, findings)
        for name, given in read_inputs(context.parameters, step).items():
            if not given.output:
                _examine_input(context, f"{path}.inputs.{name}", locate_input(context, given), findings)


def _choose_images(context: BuildContext[BuildParameters], findings: Findings) -> dict[str, str]:
    images: dict[str, str] = {}
    for path, step in list_steps(context.parameters):
        try:
            image = choose_step_image(context, step)
        except (ParameterError, PreflightError) as error:
            findings.problems.append(f"{path}: {error}")
            continue
        images[getattr(step, "name", EVALUATION)] = image.uri
        findings.add_note(image.note)
    return images


def _find_live_model(service: Service, findings: Findings) -> str:
    """Return the S3 address of the live model; empty, with a note, if it cannot be evaluated."""
    endpoint = describe_endpoint(service)
    if endpoint is None or endpoint.status == "Failed":
        findings.add_note("evaluatelive: the live model is not evaluated, because nothing is live yet.")
        return ""
    number = parse_resource_name(service, endpoint.config)
    try:
        artifacts = read_build(service, number).artifacts if number else ""
    except BuildNotFoundError:
        artifacts = ""
    if not artifacts:
        reason = f"no build made the live endpoint configuration {endpoint.config}"
        findings.add_note(f"evaluatelive: the live model is not evaluated, because {reason}.")
    return artifacts


def _examine_script(context: BuildContext[BuildParameters], path: str, step: Step, findings: Findings) -> None:
    source = locate_step_source(context, step)
    if not source or not step.script or (not step.source and getattr(context.parameters, "git_config", None)):
        return  # the build packs the source from git
    try:
        read_scripts(context.service, source, [step.script])
    except Unreadable as reason:
        findings.add_note(str(reason))
    except ArchiveError as problem:
        findings.problems.append(f"{path}.script is {step.script}, in the archive {source}, which {problem}.")


def _examine_input(context: BuildContext[BuildParameters], name: str, uri: str, findings: Findings) -> None:
    found = has_objects(context.service, uri)
    if found is None:
        findings.add_note(f"{name} was not examined: the bucket of {uri} denies access.")
    elif not found and context.service.settings.preprocess_state_machine:
        findings.add_note(f"{name} had no objects at {uri} before preprocessing.")
    elif not found:
        findings.problems.append(f"{name} has no objects at {uri}; upload the data there.")
