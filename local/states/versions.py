"""Versions and aliases of state machines.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html and
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html describe them. The messages are
those in localstack/localstack, tests/aws/services/stepfunctions/v2/test_sfn_api_versioning.snapshot.json and
test_sfn_api_aliasing.snapshot.json, recorded from AWS.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import AWSError
from moto.stepfunctions.exceptions import ResourceNotFound, StateMachineDoesNotExist, ValidationException
from moto.stepfunctions.models import StateMachine, StateMachineVersion
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

Routes = list[dict[str, Any]]
_NAME_PARTS = 7  # of the ARN of a state machine; a version's or alias' one has one more


class ConflictError(AWSError):  # type: ignore[misc]
    """A version or an alias contradicts what exists."""

    TYPE = "ConflictException"
    STATUS = 400


class Machine(StateMachine):  # type: ignore[misc]
    """moto's state machine, with an id for each revision; a revision has one version at most."""

    revision_id: str | None = None
    latest_version: Any

    def update(self, **changes: Any) -> None:
        """Make a new revision, unless nothing changes."""
        is_new = any(value not in (None, getattr(self, name)) for name, value in changes.items())
        super().update(**changes)
        if is_new:
            self.revision_id = str(uuid.uuid4())

    def publish(self, description: str | None) -> None:
        """Make a version of the revision, unless it has one."""
        if self.latest_version and self.latest_version.revision_id == self.revision_id:
            return
        super().publish(description)
        self.latest_version.revision_id = self.revision_id

    def publish_revision(self, revision_id: str | None, description: str | None) -> StateMachineVersion:
        """Publish the revision, which must be the current one if it is named."""
        if revision_id and revision_id != self.revision_id:
            raise ConflictError(
                f"Failed to publish the State Machine version for revision {revision_id}. The current State Machine "
                f"revision is {self.revision_id}."
            )
        self.publish(description)
        published: StateMachineVersion = self.latest_version
        return published

    def delete_version(self, version_arn: str) -> None:
        """Delete a version, to which no alias may refer."""
        users = [
            alias.name for alias in self.aliases.values() if version_arn in _read_arns(alias.routing_configuration)
        ]
        if users:
            raise ConflictError(
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
                f"version: [{', '.join(users)}]"
            )
        deleted = self.versions.pop(int(version_arn.rpartition(":")[2]), None)
        if deleted is self.latest_version:
            self.latest_version = None


@dataclass(frozen=True)
class Target:
    """What an execution runs.

    Parameters
    ----------
    machine
        The state machine.
    version
        The version, or None for the latest revision.
    alias_arn
        The alias that chose the version.
    """

    machine: Machine
    version: StateMachineVersion | None = None
    alias_arn: str | None = None


def split_arn(arn: str) -> tuple[str, str]:
    """The ARN of a state machine, and the number of the version or the name of the alias, or ""."""
    parts = arn.split(":")
    return ":".join(parts[:_NAME_PARTS]), ":".join(parts[_NAME_PARTS:])


def find_target(machines: Sequence[Machine], arn: str) -> Target:
    """What the ARN of a state machine, version or alias names; an alias chooses by the weights of its routes."""
    machine_arn, qualifier = split_arn(arn)
    machine = next((each for each in machines if each.arn == machine_arn), None)
    if machine and not qualifier:
        return Target(machine)
    if machine and qualifier.isdecimal() and (version := machine.versions.get(int(qualifier))):
        return Target(machine, version)
    if machine and (alias := machine.aliases.get(qualifier)):
        routes: Routes = alias.routing_configuration
        (route,) = random.choices(routes, [each["weight"] for each in routes])
        number = int(route["stateMachineVersionArn"].rpartition(":")[2])
        return Target(machine, machine.versions[number], arn)
    raise StateMachineDoesNotExist(f"State Machine Does Not Exist: '{arn}'")


def check_routes(routes: Routes) -> None:
    """Refuse routes of an alias that the service refuses."""
    arns, weights = _read_arns(routes), [each["weight"] for each in routes]
    received = f"Received: [{', '.join(arns)}]"
    if not all(split_arn(arn)[1].isdecimal() for arn in arns):
        raise ValidationException(f"Routing configuration must contain state machine version ARNs. {received}")
    if len(set(arns)) < len(arns):
        raise ValidationException(f"Routing configuration must contain distinct state machine version ARNs. {received}")
    if sum(weights) != 100:
        raise ValidationException(f"Sum of routing configuration weights must equal 100. Received: {weights}")
    if len({split_arn(arn)[0] for arn in arns}) > 1:
        raise ValidationException("Both stateMachineVersionArn values must belong to the same state machine.")


def _read_arns(routes: Routes) -> list[str]:
    return [each["stateMachineVersionArn"] for each in routes]


class VersionsBackend(StepFunctionsParserBackend):  # type: ignore[misc]
    """The operations on versions and aliases."""

    def find_machine(self, arn: str) -> Machine:
        """The state machine with an ARN, which may be that of a version or alias."""
        self._validate_machine_arn(arn)
        return find_target(self.state_machines, split_arn(arn)[0]).machine

    def delete_version(self, arn: str) -> None:
        """Delete a version; one that does not exist is no error."""
        machine_arn, number = split_arn(arn)
        for machine in self.state_machines:
            if machine.arn == machine_arn and number.isdecimal():
                machine.delete_version(arn)

    def create_state_machine_alias(self, name: str, routing_configuration: Routes, description: str | None) -> Any:
        """Create an alias; an identical request returns the existing one."""
        check_routes(routing_configuration)
        for each in routing_configuration:
            find_target(self.state_machines, each["stateMachineVersionArn"])
        existing = self.find_machine(routing_configuration[0]["stateMachineVersionArn"]).aliases.get(name)
        if not existing:
            return super().create_state_machine_alias(name, routing_configuration, description)
        if (existing.routing_configuration, existing.description) != (routing_configuration, description):
            raise ConflictError(
                "Failed to create alias because an alias with the same name and a different routing configuration "
                "already exists."
            )
        return existing

    def update_state_machine_alias(
        self, arn: str, description: str | None, routing_configuration: Routes | None
    ) -> Any:
        """Change the description or the routes of an alias."""
        machine_arn, name = split_arn(arn)
        if not any(machine.arn == machine_arn and name in machine.aliases for machine in self.state_machines):
            raise ResourceNotFound("Request references a resource that does not exist.")
        for each in routing_configuration or ():
            find_target(self.state_machines, each["stateMachineVersionArn"])
        return super().update_state_machine_alias(arn, description, routing_configuration)

    def delete_state_machine_alias(self, arn: str) -> None:
        """Delete an alias; one that does not exist is no error."""
        machine_arn, name = split_arn(arn)
        for machine in self.state_machines:
            if machine.arn == machine_arn:
                machine.aliases.pop(name, None)
