"""The CloudFormation stacks with projects' own resources: their names and tags, and their removal.

`sagebuild apply` creates one for a pipeline; see sagebuild/project/resources.py. The removal of the pipeline, or of
sagebuild's stack, deletes it first: its schedules and machines cost money, and start builds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from sagebuild.errors import InputError
from sagebuild.names import name_endpoint
from sagebuild.service import Service

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_STACK_TAG = "sagebuild:stack"
_SUFFIX = "-resources"
_WAIT = {"Delay": 2, "MaxAttempts": 1800}  # an hour


def name_resources_stack(service: Service) -> str:
    """Return the name of the stack with a pipeline's own resources."""
    return f"{name_endpoint(service)}{_SUFFIX}"


def tag_resources_stack(service: Service) -> dict[str, str]:
    """Return the tags by which the stack of a pipeline is recognized."""
    return {_STACK_TAG: service.stack_name, "sagebuild:pipeline": service.pipeline or "default"}


def is_own(service: Service, found: StackTypeDef) -> bool:
    """Return False for a stack that no project of the pipeline created."""
    tags = {one["Key"]: one["Value"] for one in found.get("Tags", [])}
    return tag_resources_stack(service).items() <= tags.items()


def describe_stack(service: Service, name: str) -> StackTypeDef | None:
    """Return a stack; None if there is none."""
    try:
        found: StackTypeDef = service.open_client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        # ValidationError is CloudFormation's answer for a stack that does not exist.
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def find_resources_stack(service: Service) -> str | None:
    """Return the name of the pipeline's stack of own resources; None without one.

    Raises
    ------
    AccessDeniedError
        AWS refuses to describe it.
    """
    name = name_resources_stack(service)
    found = describe_stack(service, name)
    return name if found and is_own(service, found) else None


def list_resources_stacks(cloudformation: Any, stack: str) -> list[str]:
    """Return the names of all stacks of own resources that belong to a stack of sagebuild."""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return [
        found["StackName"]
        for page in pages
        for found in page["Stacks"]
        if found["StackName"].endswith(_SUFFIX)
        and {"Key": _STACK_TAG, "Value": stack} in found.get("Tags", [])
        and found["StackStatus"] != "DELETE_COMPLETE"
    ]


def delete_resources_stack(cloudformation: Any, name: str) -> None:
    """Delete a stack of own resources, and wait for the end.

    Raises
    ------
    InputError
        CloudFormation could not delete it; the message has its reasons.
    """
    cloudformation.delete_stack(StackName=name)
    wait_for_stack(
        cloudformation,
        name,
        "delete",
        "Delete what hinders it, such as the objects in a bucket, and repeat the removal; or keep its resources: "
        f"aws cloudformation delete-stack --deletion-mode FORCE_DELETE_STACK --stack-name {name}",
    )


def wait_for_stack(cloudformation: Any, name: str, action: str, advice: str) -> None:
    """Wait until a stack is created, updated or deleted.

    Raises
    ------
    InputError
        CloudFormation failed; the message has its reasons and the advice.
    """
    try:
        cloudformation.get_waiter(f"stack_{action}_complete").wait(StackName=name, WaiterConfig=_WAIT)
    except WaiterError:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [
            f"{one['LogicalResourceId']}: {one['ResourceStatusReason']}"
            for one in events
            if one["ResourceStatus"].endswith("_FAILED") and one.get("ResourceStatusReason")
        ]
        message = f"CloudFormation could not {action} the stack {name}. {' '.join(reasons[::-1][:3])}"
        raise InputError(f"{message.strip()} {advice}") from None
