"""Creates, updates and deletes single resources, and records the stack's events."""

import threading
from typing import Any

from botocore.exceptions import ClientError

from local.cloudformation import providers, secrets
from local.cloudformation.errors import ResourceError, reason
from local.cloudformation.providers.base import Task, is_gone
from local.cloudformation.stacks import Resource, Stack

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class RecordedOperation:
    """Records the events at the start and the end of an operation on a resource."""

    def __init__(self, stack: Stack, resource: Resource, verb: str, start_reason: str | None = None) -> None:
        self._stack, self._resource, self._verb, self._start_reason = stack, resource, verb, start_reason

    def __enter__(self) -> None:
        self._stack.set_resource_status(self._resource, f"{self._verb}_IN_PROGRESS", self._start_reason)

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None:
            self._stack.set_resource_status(self._resource, f"{self._verb}_COMPLETE")
        elif isinstance(error, Exception):
            self._stack.set_resource_status(self._resource, f"{self._verb}_FAILED", reason(error))


def create(stack: Stack, resource: Resource, cancelled: threading.Event) -> None:
    """Create the physical resource; record its physical id even if a later step fails."""
    provider = providers.of(resource.type)
    task = _task(stack, resource, cancelled)
    task.properties = resource.properties = dict(resource.given)
    providers.generate_name(task, stack.name)
    task.properties = secrets.resolve(stack, resource.properties)
    try:
        resource.attributes = provider.create(task)
        task.physical_id = resource.attributes["Ref"]
        if provider.configure:
            provider.configure(task)
    finally:
        resource.physical_id = task.physical_id


def update(stack: Stack, former: Resource, resource: Resource, cancelled: threading.Event) -> None:
    """Update the physical resource in place."""
    provider = providers.of(resource.type)
    generated = {provider.name: former.properties[provider.name]} if provider.name else {}
    resource.properties = generated | resource.given
    resource.physical_id, resource.attributes = former.physical_id, former.attributes
    task = _task(stack, resource, cancelled)
    task.before = former.properties
    task.properties = secrets.resolve(stack, resource.properties)
    attributes = provider.update(task) if provider.update else None
    if provider.configure:
        provider.configure(task)
    if attributes:
        resource.attributes, resource.physical_id = attributes, attributes["Ref"]


def must_replace(former: Resource, resource: Resource) -> bool:
    """False when the physical resource is updated in place.

    Raises
    ------
    ResourceError
        When the resource must be replaced but has an unchanged custom name.
    """
    provider = providers.of(resource.type)
    in_place = provider.update or provider.configure
    if in_place and not providers.must_replace(resource.type, former.given, resource.given):
        return False
    name = former.given.get(provider.name)
    if name is not None and name == resource.given.get(provider.name) and not provider.has_versions:
        raise ResourceError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {name} and update the stack again."
        )
    return True


def delete(stack: Stack, resource: Resource) -> None:
    """Delete the physical resource; succeed if it does not exist."""
    if not resource.physical_id:
        return
    with RecordedOperation(stack, resource, "DELETE"):
        try:
            providers.of(resource.type).delete(_task(stack, resource, threading.Event()))
        except ClientError as error:
            if not is_gone(error):
                raise


def _task(stack: Stack, resource: Resource, cancelled: threading.Event) -> Task:
    return Task(
        providers.of(resource.type).service,
        stack.id,
        resource.logical_id,
        resource.type,
        resource.properties,
        physical_id=resource.physical_id,
        region=stack.region,
        role_arn=stack.role_arn,
        access_key=stack.access_key,
        cancelled=cancelled,
    )
