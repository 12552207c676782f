"""The resources of a project's own: a CloudFormation template that `apply` deploys as a stack beside the pipeline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError, WaiterError

from sagebuild.builds.context import BuildContext
from sagebuild.client.connection import name_setting
from sagebuild.errors import InputError
from sagebuild.images.containers import choose_image
from sagebuild.names import name_endpoint
from sagebuild.project.content import Content
from sagebuild.project.template import read_template
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_HASH = "sagebuild:resources"  # the tag with the hash of the template and its parameters
_WAIT = {"Delay": 2, "MaxAttempts": 1800}  # an hour
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


def name_resources_stack(service: Service) -> str:
    """Return the name of the stack with a pipeline's own resources."""
    return f"{name_endpoint(service)}-resources"


def find_resources_change(content: Content) -> ResourcesChange | None:
    """Compare the project's template with its stack; None if nothing differs.

    Raises
    ------
    InputError
        A parameter of the template has no value, or another program created the stack.
    """
    service, name = content.service, content.definition.content.resources
    stack = name_resources_stack(service)
    found = _describe_stack(service, stack)
    tags = {"sagebuild:stack": service.stack_name, "sagebuild:pipeline": service.pipeline or "default"}
    now = {one["Key"]: one["Value"] for one in found.get("Tags", [])} if found else {}
    if found and {key: now.get(key) for key in tags} != tags:
        if not name:
            return None
        raise InputError(
            f"The stack {stack} exists, and no project created it; delete it, or give the pipeline another name."
        )
    if not name:
        return ResourcesChange("delete", stack, "", "", {}, {}) if found else None
    text, template = read_template(content.definition.folder / name)
    parameters = _choose_parameters(content, template)
    tags[_HASH] = sha256(repr((text, sorted(parameters.items()))).encode()).hexdigest()[:16]
    if found and now.get(_HASH) == tags[_HASH] and found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return None
    # A stack that was never created completely cannot be updated, only deleted:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    broken = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
    is_broken = found is not None and found["StackStatus"] in broken
    action: Literal["create", "update"] = "update" if found and not is_broken else "create"
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
    with aws_call(f"{change.action} the stack {change.stack}"):
        if change.must_delete_first or change.action == "delete":
            client.delete_stack(StackName=change.stack)
            _wait(client, "delete", change)
        if change.action != "delete":
            getattr(client, f"{change.action}_stack")(**request)
            _wait(client, change.action, change)


def _wait(client: Any, action: str, change: ResourcesChange) -> None:
    try:
        client.get_waiter(f"stack_{action}_complete").wait(StackName=change.stack, WaiterConfig=_WAIT)
    except WaiterError:
        events = client.describe_stack_events(StackName=change.stack)["StackEvents"]
        reasons = [
            f"{one['LogicalResourceId']}: {one['ResourceStatusReason']}"
            for one in events
            if one["ResourceStatus"].endswith("_FAILED") and one.get("ResourceStatusReason")
        ]
        message = f"CloudFormation could not {action} the stack {change.stack}. {' '.join(reasons[::-1][:3])}"
        raise InputError(f"{message.strip()} Correct {change.file or 'it'} and apply the project again.") from None


def _describe_stack(service: Service, name: str) -> StackTypeDef | None:
    try:
        found: StackTypeDef = service.open_client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        # ValidationError is CloudFormation's answer for a stack that does not exist.
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


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
