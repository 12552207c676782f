"""Stores the stacks with their resources, events and change sets."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local import accounts, calls, partitions
from local.cloudformation.errors import ValidationError


@dataclass
class Resource:
    """One resource of a stack.

    Parameters
    ----------
    given, properties
        The evaluated properties, without and with the generated name.
    needs
        The logical ids of the resources that it depends on.
    """

    logical_id: str
    type: str
    needs: set[str] = field(default_factory=set)
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    given: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    reason: str | None = None
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Plan:
    """The target of a stack: its template and parameters, evaluated as far as possible without resources.

    Parameters
    ----------
    resources, outputs
        The definitions whose condition is true; references to resources are unevaluated.
    values, names
        The parameters' texts, and the ``Ref`` values of parameters and pseudo parameters.
    imports
        The used exports of other stacks.
    """

    body: str
    template: dict[str, Any]
    values: Mapping[str, str]
    names: Mapping[str, Any]
    resources: Mapping[str, dict[str, Any]]
    outputs: Mapping[str, dict[str, Any]]
    tags: Mapping[str, str]
    imports: set[str] = field(default_factory=set)

    def same_as(self, other: "Plan | None") -> bool:
        """False when there is something to update."""
        return other is not None and (self.resources, self.outputs, self.tags) == (
            other.resources,
            other.outputs,
            other.tags,
        )


@dataclass
class Stack:
    """One stack."""

    name: str
    region: str
    id: str = ""
    status: str = ""
    reason: str | None = None
    plan: Plan | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    access_key: str = ""
    policy: str | None = None
    protected: bool = False
    disable_rollback: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None
    deleted: datetime | None = None

    def __post_init__(self) -> None:
        place = f"arn:{partitions.of(self.region)}:cloudformation:{self.region}:{accounts.current()}"
        self.id = self.id or f"{place}:stack/{self.name}/{uuid.uuid4()}"

    def take_caller(self, role_arn: str | None) -> None:
        """Make the operation's calls in its role, in that of the stack, or as the caller of the operation.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
        """
        call = calls.current()
        self.role_arn = role_arn or self.role_arn
        self.access_key = call.caller.access_key if call else ""

    @property
    def busy(self) -> bool:
        """False when no operation is in progress."""
        return self.status.endswith("IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Change the stack's status and record the event."""
        self.status, self.reason = status, reason
        self._record(self.name, self.id, "AWS::CloudFormation::Stack", status, reason)

    def set_resource_status(self, resource: Resource, status: str, reason: str | None = None) -> None:
        """Change a resource's status and record the event."""
        resource.status, resource.reason, resource.updated = status, reason, datetime.now(UTC)
        self._record(resource.logical_id, resource.physical_id, resource.type, status, reason)

    def _record(self, logical_id: str, physical_id: str, kind: str, status: str, reason: str | None) -> None:
        self.events.append(
            {
                "StackId": self.id,
                "StackName": self.name,
                "EventId": f"{logical_id}-{status}-{uuid.uuid4()}",
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
                "Timestamp": datetime.now(UTC),
            }
        )

    def describe_resource(self, resource: Resource) -> dict[str, Any]:
        """A resource's entry in the Describe and List calls."""
        return {
            "StackId": self.id,
            "StackName": self.name,
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "ResourceStatus": resource.status,
            "ResourceStatusReason": resource.reason,
            "Timestamp": resource.updated,
            "LastUpdatedTimestamp": resource.updated,
        }

    def summary(self) -> dict[str, Any]:
        """The stack's entry in ListStacks."""
        return {
            "StackId": self.id,
            "StackName": self.name,
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
            "DeletionTime": self.deleted,
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "TemplateDescription": self.plan.template.get("Description") if self.plan else None,
        }


_stacks: list[Stack] = []


def add(stack: Stack) -> Stack:
    """Store a new stack."""
    _stacks.append(stack)
    return stack


def of_region(region: str) -> list[Stack]:
    """All stacks of a region in the present account, including deleted ones."""
    return [each for each in _stacks if each.region == region and accounts.of_arn(each.id) == accounts.current()]


def find(region: str, name: str) -> Stack | None:
    """A stack by its id, or an existing one by its name."""
    for stack in of_region(region):
        if stack.id == name or (stack.name == name and stack.status != "DELETE_COMPLETE"):
            return stack
    return None


def get(region: str, name: str) -> Stack:
    """A stack by its id or name.

    Raises
    ------
    ValidationError
        When it does not exist.
    """
    stack = find(region, name)
    if stack is None:
        raise ValidationError(f"Stack with id {name} does not exist")
    return stack


def exports(region: str) -> Iterator[tuple[str, str, Stack]]:
    """The name, value and stack of every export."""
    for stack in of_region(region):
        for output in stack.outputs:
            if "ExportName" in output:
                yield output["ExportName"], output["OutputValue"], stack


def importers(region: str, export: str) -> list[str]:
    """The names of the stacks that use an export."""
    existing = [stack for stack in of_region(region) if stack.plan and stack.status != "DELETE_COMPLETE"]
    return [stack.name for stack in existing if stack.plan and export in stack.plan.imports]


def check_exports(stack: Stack, outputs: list[dict[str, str]]) -> None:
    """Refuse outputs with the export name of another stack, or that change or remove an export in use."""
    after = {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}
    for name, value, owner in list(exports(stack.region)):
        if owner is not stack and name in after:
            raise ValidationError(f"Export with name {name} is already exported by stack {owner.name}.")
        users = importers(stack.region, name)
        if owner is stack and after.get(name) != value and users:
            verb = "update" if name in after else "delete"
            raise ValidationError(f"Cannot {verb} export {name} as it is in use by {', '.join(users)}.")
