"""Deletes a stack's resources, each after its dependents, except those that are retained."""

from collections.abc import Iterable
from datetime import UTC, datetime

from local.cloudformation import resources, stacks
from local.cloudformation.errors import ValidationError, reason
from local.cloudformation.ordering import run_in_order
from local.cloudformation.stacks import Resource, Stack


def delete_all(stack: Stack, keep: frozenset[str]) -> None:
    """Delete a stack, except the resources that the caller or a DeletionPolicy retains."""
    try:
        stacks.check_exports(stack, [])
    except ValidationError as error:
        stack.set_status("DELETE_FAILED", f"Delete canceled. {reason(error)}")
        return
    for name in keep:
        stack.resources.pop(name, None)
    failed = delete_resources(stack, skip_retained(stack, stack.resources.values()))
    if failed:
        stack.set_status("DELETE_FAILED", describe_failed("delete", failed))
        return
    stack.resources.clear()
    stack.outputs, stack.deleted = [], datetime.now(UTC)
    stack.set_status("DELETE_COMPLETE")


def delete_resources(stack: Stack, unwanted: Iterable[Resource]) -> list[str]:
    """Delete resources, each after its dependents; return the logical ids of those that failed."""
    by_name = {f"{index}": resource for index, resource in enumerate(unwanted)}
    needs: dict[str, set[str]] = {key: set() for key in by_name}
    for key, resource in by_name.items():
        for other, needed in by_name.items():
            if needed.logical_id in resource.needs:
                needs[other].add(key)

    def remove(key: str) -> None:
        resource = by_name[key]
        resources.delete(stack, resource)
        if stack.resources.get(resource.logical_id) is resource:
            del stack.resources[resource.logical_id]

    return [by_name[key].logical_id for key in run_in_order(needs, remove)]


def exclude_retained(created: Iterable[Resource]) -> list[Resource]:
    """The resources that a rollback deletes: all except those with DeletionPolicy Retain."""
    return [resource for resource in created if resource.deletion_policy != "Retain"]


def skip_retained(stack: Stack, unwanted: Iterable[Resource]) -> list[Resource]:
    """The resources that a DeletionPolicy does not retain; the others are recorded as skipped."""
    kept = [resource for resource in unwanted if resource.deletion_policy != "Delete"]
    for resource in kept:
        stack.set_resource_status(resource, "DELETE_SKIPPED")
    return [resource for resource in unwanted if resource not in kept]


def describe_failed(verb: str, names: Iterable[str]) -> str:
    """CloudFormation's sentence about the resources that failed, or ""."""
    names = sorted(names)
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. " if names else ""
