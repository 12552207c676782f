"""Finds a pipeline that can be removed, and describes what its removal deletes and what stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sagebuild.builds.lock import list_states, read_state
from sagebuild.builds.pipelines import DEFAULT, explain_missing
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.resources_stacks import delete_resources_stack, find_resources_stack, name_resources_stack
from sagebuild.errors import AccessDeniedError, PipelineNotFoundError
from sagebuild.names import name_endpoint, name_package_group, resource_prefix
from sagebuild.parameters.store import name_document
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service


@dataclass(frozen=True)
class Removal:
    """What the removal of a pipeline deletes, and what stays; a line for each."""

    pipeline: str
    deleted: tuple[str, ...]
    kept: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"This deletes the pipeline {self.pipeline}:", *(f"  - {line}" for line in self.deleted)]
        return "\n".join([*lines, "These stay:", *(f"  - {line}" for line in self.kept)])


def find_removable(service: Service, name: str) -> Service:
    """Return the service bound to a pipeline, also to one whose removal began.

    Raises
    ------
    PipelineNotFoundError
        The stack has no such pipeline, or it is the default one.
    """
    if name.lower() in ("", DEFAULT):
        raise PipelineNotFoundError(
            f"The default pipeline belongs to the stack {service.stack_name}; npx serverless remove removes both."
        )
    state = read_state(service.for_pipeline(name))
    if state.version == 0 or state.pipeline.lower() != name.lower():
        known = [each.pipeline for each in list_states(service)]
        raise PipelineNotFoundError(explain_missing(service, name, known))
    return service.for_pipeline(state.pipeline)


def describe_removal(service: Service) -> Removal:
    """Describe what the removal of a pipeline deletes, and what stays."""
    state, endpoint, settings = read_state(service), describe_endpoint(service), service.settings
    prefix, stack = resource_prefix(service), name_resources_stack(service)
    own, unseen = _find_own_resources(service)
    deleted = (
        *([f"the running build {state.running}, which is stopped"] if state.running else []),
        "its schedule, if it has one",
        *([f"the stack {own} with its project's own resources"] if own else []),
        *([f"the endpoint {name_endpoint(service)}, which is {endpoint.status}"] if endpoint else []),
        f"the models, endpoint configurations, training and tuning jobs of its builds ({prefix}...), with their logs",
        f"the models' files in s3://{settings.model_bucket}/{service.folder}",
        f"the model package group {name_package_group(service)} with its packages",
        f"the parameter document {name_document(service)}, and the records of its builds",
    )
    kept = (
        f"its data in s3://{settings.data_bucket}/{service.folder}",
        f"its source code in s3://{settings.code_bucket}/{service.folder}",
        *([f"the stack {stack} with its project's own resources, if there is one: {unseen}"] if unseen else []),
        f"the images of its builds in {settings.image_repository_uri}",
    )
    return Removal(service.pipeline, deleted, kept)


def delete_own_resources(service: Service, report: Callable[[str], object]) -> None:
    """Delete the stack with the own resources of a pipeline's project, if it has one that the user may see."""
    own, _ = _find_own_resources(service)
    if own:
        report(f"Deleting the stack {own} with the project's own resources.")
        delete_resources_stack(service.open_client("cloudformation"), own)


def _find_own_resources(service: Service) -> tuple[str | None, str]:
    """Return the name of the stack, and why it is unknown whether there is one."""
    try:
        with translating_errors():
            return find_resources_stack(service), ""
    except AccessDeniedError as error:
        return None, str(error)
