"""The resources of a project's own: a CloudFormation template that `apply` deploys as a stack beside the pipeline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from sagebuild.builds.context import BuildContext
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.resources_stacks import (
    describe_stack,
    is_own,
    name_resources_stack,
    tag_resources_stack,
    wait_for_stack,
)
from sagebuild.errors import AccessDeniedError, InputError
from sagebuild.images.containers import choose_image
from sagebuild.names import name_endpoint
from sagebuild.project.content import Content
from sagebuild.project.template import read_template
from sagebuild.service import Service, aws_call
from sagebuild.stack_outputs import name_setting

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_HASH = "sagebuild:resources"  # the tag with the hash of the template and its parameters
_OWN = ("PipelineName", "PipelineFolder", "EndpointName", "SourceArchive", "TrainingImage")


@dataclass(frozen=True)
class ResourcesChange:
    """What `apply` does with the stack of a project's own resources.

    Parameters
    ----------
    stack
        The name of the stack.
    file
        The template's path in the project; empty if the project has none any more.
    text
        The template.
    """

    action: Literal["create", "update", "delete"]
    stack: str
    file: str
    text: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    must_delete_first: bool = False

    def __str__(self) -> str:
        sign = {"create": "+", "update": "~", "delete": "-"}[self.action]
        return f"{sign} resources: stack {self.stack}" + (f" of {self.file}" if self.file else "")


def find_resources_change(content: Content) -> ResourcesChange | None:
    """Compare the project's template with its stack; None if nothing differs.

    Raises
    ------
    InputError
        A parameter of the template has no value, or another program created the stack.
    """
    service, name = content.service, content.definition.content.resources
    stack = name_resources_stack(service)
    found = _describe_stack(service, stack, is_needed=bool(name))
    if found and not is_own(service, found):
        if not name:
            return None
        raise InputError(
            f"The stack {stack} exists, and no project created it; delete it, or give the pipeline another name."
        )
    if not name:
        return ResourcesChange("delete", stack, "", "", {}, {}) if found else None
    text, template = read_template(content.definition.folder / name)
    parameters = _choose_parameters(content, template)
    mark = sha256(repr((text, sorted(parameters.items()))).encode()).hexdigest()[:16]
    is_same = found is not None and {"Key": _HASH, "Value": mark} in found.get("Tags", [])
    if found and is_same and found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return None
    # A stack that was never created completely cannot be updated, only deleted:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    broken = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
    is_broken = found is not None and found["StackStatus"] in broken
    action: Literal["create", "update"] = "update" if found and not is_broken else "create"
    tags = tag_resources_stack(service) | {_HASH: mark}
    return ResourcesChange(action, stack, name, text, parameters, tags, is_broken)


def apply_resources(service: Service, change: ResourcesChange) -> None:
    """Create, update or delete the stack, and wait for the end.

    Raises
    ------
    InputError
        CloudFormation could not; the message has its reasons.
    """
    client = service.open_client("cloudformation")
    request: Any = {
        "StackName": change.stack,
        "TemplateBody": change.text,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in change.parameters.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in change.tags.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    advice = f"Correct {change.file or 'it'} and apply the project again."
    with aws_call(f"{change.action} the stack {change.stack}"):
        if change.must_delete_first or change.action == "delete":
            client.delete_stack(StackName=change.stack)
            wait_for_stack(client, change.stack, "delete", advice)
        if change.action != "delete":
            getattr(client, f"{change.action}_stack")(**request)
            wait_for_stack(client, change.stack, change.action, advice)


def _describe_stack(service: Service, name: str, *, is_needed: bool) -> StackTypeDef | None:
    """Return the stack; None if there is none, or if a user who needs none may not describe it."""
    try:
        with translating_errors():
            return describe_stack(service, name)
    except AccessDeniedError:
        if is_needed:
            raise
        return None


def _choose_parameters(content: Content, template: Mapping[str, Any]) -> dict[str, str]:
    declared: dict[str, Any] = template.get("Parameters") or {}
    chosen = {}
    for name, declaration in declared.items():
        if (value := _find_value(content, name)) is not None:
            chosen[name] = value
        elif "Default" not in (declaration or {}):
            raise InputError(
                f"The parameter {name} of {content.definition.content.resources} has no value: give it a Default, or "
                f"the name of an output of the stack {content.service.stack_name}, or one of {', '.join(_OWN)}."
            )
    return chosen


def _find_value(content: Content, name: str) -> str | None:
    """Return the value of a parameter of the template; None if sagebuild has none."""
    service = content.service
    match name:
        case "PipelineName":
            return service.pipeline
        case "PipelineFolder":
            return service.folder
        case "EndpointName":
            return name_endpoint(service)
        case "SourceArchive":
            return f"{service.folder}{content.archive.name}" if content.archive else ""
        case "TrainingImage":
            return choose_image(BuildContext(service, 1, content.parameters), "training").uri
    return service.settings.read(name_setting(name)) or None
