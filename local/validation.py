"""Validates request parameters against botocore's service models and refuses those that AWS refuses.

It differs from AWS in two ways on purpose. It refuses unknown members, which most services ignore, to reveal
misspellings. It skips patterns in Java's syntax that Python cannot compile (Unicode classes such as ``\\p{L}``).
"""

import json
import re
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from local import calls
from local.calls import Call
from local.errors import RefusedError

# S3's model has almost no constraints, and moto checks bucket names itself; EC2 is only moto's.
_UNCHECKED_PROTOCOLS = ("rest-xml", "ec2")

_CODES = {"sns": "InvalidParameter", "sqs": "InvalidParameterValue"}
_MISSING_CODES = _CODES | {"sqs": "MissingParameter"}

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def install() -> None:
    """Check every call from now on."""
    calls.add_check(check)


def check(call: Call) -> None:
    """Refuse a call whose parameters violate the service's model.

    Raises
    ------
    RefusedError
        With SerializationException for a wrong type, else with the service's code for invalid parameters. The message
        lists every violation.
    """
    shape = call.operation.input_shape
    if shape is None or call.protocol in _UNCHECKED_PROTOCOLS:
        return
    found = list(_structure(shape, call.parameters, ""))
    if found:
        codes = _MISSING_CODES if all(violation.endswith("must not be null") for violation in found) else _CODES
        code = codes.get(call.service, "ValidationError" if call.protocol == "query" else "ValidationException")
        plural = "s" if len(found) > 1 else ""
        raise RefusedError(code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}")


def _walk(shape: Any, value: Any, path: str) -> Iterator[str]:
    if value is None or shape.type_name in ("blob", "timestamp") or shape.serialization.get("jsonvalue"):
        return
    _check_type(shape, value, path)
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _bounds(shape, len(value), value, path, "length")
        for number, item in enumerate(value, 1):
            yield from _walk(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        yield from _bounds(shape, len(value), value, path, "length")
        for key, item in value.items():
            yield from _walk(shape.key, key, f"{path}.key")
            yield from _walk(shape.value, item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        yield from _string(shape, value, path)
    elif shape.type_name != "boolean":
        yield from _bounds(shape, value, value, path, "value")


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    if shape.is_document_type or shape.serialization.get("eventstream"):
        return
    members, unknown = shape.members, dict(value)
    for name, member in members.items():
        given = unknown.pop(name, None)
        wire_name = member.serialization.get("name", name)
        if wire_name not in members:
            given = unknown.pop(wire_name, given)
        if given is not None:
            yield from _walk(member, given, _join(path, name))
        elif name in shape.required_members:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    kinds = sum(each is not None for each in value.values())
    if shape.name == "AttributeValue" and kinds != 1:
        # Of DynamoDB: https://github.com/aws/aws-sdk-js/issues/381 has AWS's words for an empty one.
        found = "has more than one datatype" if kinds else "is empty"
        yield f"Supplied AttributeValue at '{path}' {found}, must contain exactly one of the supported datatypes"
    for name, given in unknown.items():
        yield f"{_at(shape, given, _join(path, name))}: Member is unknown, {shape.name} has {', '.join(members)}"


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _bounds(shape, len(value), value, path, "length")
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield f"{_at(shape, value, path)}: Member must satisfy enum value set: [{', '.join(enum)}]"
    source = shape.metadata.get("pattern")
    pattern = compiled(source) if source else None
    # A value that is too long is already refused; a backtracking pattern could take minutes on it.
    if pattern and len(value) <= shape.metadata.get("max", 100_000) and not pattern.fullmatch(value):
        yield f"{_at(shape, value, path)}: Member must satisfy regular expression pattern: {source}"


def _bounds(shape: Any, size: float, value: Any, path: str, kind: str) -> Iterator[str]:
    smallest, largest = shape.metadata.get("min"), shape.metadata.get("max")
    if smallest is not None and size < smallest:
        yield f"{_at(shape, value, path)}: Member must have {kind} greater than or equal to {smallest}"
    if largest is not None and size > largest:
        yield f"{_at(shape, value, path)}: Member must have {kind} less than or equal to {largest}"


@cache
def compiled(pattern: str) -> "re.Pattern[str] | None":
    """A model's pattern for Python; None when Python cannot compile it or interprets it differently from Java."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            return re.compile(pattern, re.ASCII)
    except (re.error, FutureWarning):
        return None


def _check_type(shape: Any, value: Any, path: str) -> None:
    kinds = _KINDS.get(shape.type_name, (object,))
    whole = isinstance(value, float) and value.is_integer() and int in kinds
    if not (isinstance(value, kinds) or whole) or (isinstance(value, bool) and bool not in kinds):
        given = f"{type(value).__name__} at '{path}'"
        raise RefusedError("SerializationException", f"{given} can not be converted to {shape.type_name}")


def _at(shape: Any, value: Any, path: str) -> str:
    if shape.metadata.get("sensitive"):
        return f"Value at '{path}' failed to satisfy constraint"
    shown = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"Value '{shown}' at '{path}' failed to satisfy constraint"


def _join(path: str, member: str) -> str:
    name = member[0].lower() + member[1:]
    return f"{path}.{name}" if path else name
