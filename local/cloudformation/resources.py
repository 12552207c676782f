"""Creates, updates and deletes single resources, and tells it in the stack's events."""

import threading
from typing import Any

from botocore.exceptions import ClientError

from local.cloudformation import providers
from local.cloudformation.errors import ResourceError, reason
from local.cloudformation.providers.base import Task, is_gone
from local.cloudformation.stacks import Resource, Stack

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class Attempt:
    """Tells that work on a resource begins, and how it ended."""

    def __init__(self, stack: Stack, resource: Resource, verb: str, why: str | None = None) -> None:
        self._stack, self._resource, self._verb, self._why = stack, resource, verb, why

    def __enter__(self) -> None:
        self._stack.tell_of(self._resource, f"{self._verb}_IN_PROGRESS", self._why)

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None:
            self._stack.tell_of(self._resource, f"{self._verb}_COMPLETE")
        elif isinstance(error, Exception):
            self._stack.tell_of(self._resource, f"{self._verb}_FAILED", reason(error))


def create(stack: Stack, resource: Resource, cancelled: threading.Event) -> None:
    """Make the physical resource; if that fails half-way, the resource has a physical id all the same."""
    provider = providers.of(resource.type)
    task = _task(stack, resource, cancelled)
    task.properties = resource.properties = dict(resource.given)
    providers.generate_name(task, stack.name)
    try:
        resource.attributes = provider.create(task)
        task.physical_id = resource.attributes["Ref"]
        if provider.configure:
            provider.configure(task)
    finally:
        resource.physical_id = task.physical_id


def update(stack: Stack, former: Resource, resource: Resource, cancelled: threading.Event) -> None:
    """Change the physical resource in place."""
    provider = providers.of(resource.type)
    generated = {provider.name: former.properties[provider.name]} if provider.name else {}
    resource.properties = generated | resource.given
    resource.physical_id, resource.attributes = former.physical_id, former.attributes
    task = _task(stack, resource, cancelled)
    task.before = former.properties
    attributes = provider.update(task) if provider.update else None
    if provider.configure:
        provider.configure(task)
    if attributes:
        resource.attributes, resource.physical_id = attributes, attributes["Ref"]


def must_replace(former: Resource, resource: Resource) -> bool:
    """Whether the change takes a new physical resource.

    Raises
    ------
    ResourceError
        When it does and the resource cannot be replaced, because its name is given and stays.
    """
    provider = providers.of(resource.type)
    in_place = provider.update or provider.configure
    if in_place and not providers.must_replace(resource.type, former.given, resource.given):
        return False
    name = former.given.get(provider.name)
    if name is not None and name == resource.given.get(provider.name):
        raise ResourceError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {name} and update the stack again."
        )
    return True


def delete(stack: Stack, resource: Resource) -> None:
    """Remove the physical resource; that it is gone already is no error."""
    if not resource.physical_id:
        return
    with Attempt(stack, resource, "DELETE"):
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
        cancelled=cancelled,
    )
