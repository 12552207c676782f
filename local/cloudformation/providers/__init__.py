"""The supported resource types."""

from collections.abc import Callable, Mapping
from typing import Any

from local.cloudformation import custom_resources, schemas
from local.cloudformation.errors import ResourceError, ValidationError
from local.cloudformation.providers import access, buckets, build, compute, events, messaging, schedules, storage
from local.cloudformation.providers.base import Provider, Task, random_suffix

_PROVIDERS: Mapping[str, Provider] = {
    **access.PROVIDERS,
    **buckets.PROVIDERS,
    **build.PROVIDERS,
    **compute.PROVIDERS,
    **events.PROVIDERS,
    **messaging.PROVIDERS,
    **schedules.PROVIDERS,
    **storage.PROVIDERS,
}


def exists(type_name: str) -> bool:
    """False for a resource type that is not supported here."""
    return is_custom(type_name) or type_name in _PROVIDERS


def is_custom(type_name: str) -> bool:
    """True for the type of a custom resource, False for other types."""
    return type_name.startswith("Custom::") or type_name == "AWS::CloudFormation::CustomResource"


def of(type_name: str) -> Provider:
    """The provider of a type."""
    return custom_resources.PROVIDER if is_custom(type_name) else _PROVIDERS[type_name]


def check_properties(logical_id: str, type_name: str, properties: Mapping[str, Any]) -> None:
    """Refuse properties that AWS supports and this engine does not, before anything is created."""
    if is_custom(type_name):
        if "ServiceToken" not in properties:
            raise ValidationError(f"Missing required property ServiceToken for resource {logical_id}")
        return
    unserved = set(properties) & schemas.properties(type_name) - set(of(type_name).takes.split())
    if unserved:
        names = ", ".join(sorted(unserved))
        raise ValidationError(f"local/ does not serve the properties [{names}] of {type_name} (resource {logical_id})")


def prepare(
    type_name: str,
    logical_id: str,
    properties: dict[str, Any],
    stack_tags: Mapping[str, str],
    resolve: Callable[[Any], Any],
) -> dict[str, Any]:
    """The properties for a provider: coerced to the schema's types, validated, and with the stack's tags in a map.

    They are validated as `resolve` returns them, with the secrets in place of references.
    """
    if is_custom(type_name):
        return properties
    coerced = schemas.coerce(type_name, properties)
    if violations := schemas.find_violations(type_name, resolve(coerced)):
        lines = "\n".join(violations)
        raise ResourceError(f"Properties validation failed for resource {logical_id} with message:\n{lines}")
    if "Tags" in of(type_name).takes.split():
        own = coerced.pop("Tags", {})
        tags = own if isinstance(own, dict) else {tag["Key"]: tag["Value"] for tag in own}
        coerced["Tags"] = {**stack_tags, **tags}
    return coerced


def must_replace(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """False when AWS updates the resource in place."""
    if is_custom(type_name):
        return False
    names = schemas.create_only(type_name) | set(of(type_name).replaces.split())
    return any(before.get(name) != after.get(name) for name in names)


def generate_name(task: Task, stack_name: str) -> None:
    """Generate the name of a resource as CloudFormation does, if the template has none."""
    provider = of(task.type)
    if not provider.name or provider.name in task.properties:
        return
    ending = random_suffix() + provider.suffix(task)
    room = min(schemas.longest(task.type, provider.name), 255) - len(ending) - 2
    logical_id = task.logical_id[: max(room - len(stack_name), room // 2)]
    name = f"{stack_name[: room - len(logical_id)]}-{logical_id}-{ending}"
    task.properties[provider.name] = name.lower() if provider.lower else name
