"""Reads AWS's schema of each resource type: its properties, their constraints, and which force a replacement.

The schemas are data files of cfn-lint, whose code is not imported (4 s).
"""

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, ValidationError

# The schemas' patterns are for Java; Python's `re` has no Unicode classes.
_UNICODE_CLASSES = {
    r"\\p{L}": r"\\w",
    r"\\p{M}": r"\\u0300-\\u036f",
    r"\\p{N}": r"\\d",
    r"\\p{P}": r"!-/:-@\\[-`{-~",
    r"\\p{S}": r"$+<=>^`|~",
    r"\\p{Z}": r"\\s",
}


def exists(type_name: str) -> bool:
    """False when AWS has no such resource type."""
    return type_name in _index()


def properties(type_name: str) -> set[str]:
    """The names of all properties of a type, including attributes."""
    return set(_schema(type_name)["properties"])


def create_only(type_name: str) -> set[str]:
    """The properties whose change forces a replacement."""
    schema = _schema(type_name)
    pointers = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return {pointer.split("/")[2] for pointer in pointers}


def longest(type_name: str, name: str) -> int:
    """The maximum length of a property."""
    return int(_schema(type_name)["properties"].get(name, {}).get("maxLength", 64))


def coerce(type_name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The properties with strings, numbers and booleans converted to the schema's types."""
    schema = _schema(type_name)
    coerced = _coerce(values, schema, schema)
    assert isinstance(coerced, dict)
    return coerced


def find_violations(type_name: str, values: dict[str, Any]) -> list[str]:
    """The violations of the schema, in CloudFormation's wording."""
    return [line for error in _validator(type_name).iter_errors(values) for line in _describe(error)]


def _describe(error: ValidationError) -> Iterator[str]:
    place = "#" + "".join(f"/{step}" for step in error.path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        patterns = error.schema.get("patternProperties", {})
        for name in sorted(set(error.instance) - set(error.schema.get("properties", {}))):
            if not any(re.search(pattern, name) for pattern in patterns):
                yield f"{place}: extraneous key [{name}] is not permitted"
    elif error.validator == "required":
        for name in sorted(set(error.validator_value) - set(error.instance)):
            yield f"{place}: required key [{name}] not found"
    else:
        yield f"{place}: {error.message}"


def _coerce(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    while "$ref" in schema:
        schema = root["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    kinds = schema.get("type", [])
    if isinstance(value, dict):
        known = schema.get("properties", {})
        others: dict[str, Any] = next(iter(schema.get("patternProperties", {}).values()), {})
        return {name: _coerce(item, known.get(name, others), root) for name, item in value.items()}
    if isinstance(value, list):
        return [_coerce(item, schema.get("items", {}), root) for item in value]
    return _coerce_scalar(value, [kinds] if isinstance(kinds, str) else kinds)


def _coerce_scalar(value: Any, kinds: list[str]) -> Any:
    if isinstance(value, str) and kinds and "string" not in kinds:
        if "boolean" in kinds and value.lower() in ("true", "false"):
            return value.lower() == "true"
        try:
            return int(value) if "integer" in kinds else float(value) if "number" in kinds else value
        except ValueError:
            return value
    if isinstance(value, bool | int | float) and kinds == ["string"]:
        return text(value)
    return value


def text(value: Any) -> str:
    """A scalar as CloudFormation converts it to a string."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _validator(type_name: str) -> Draft7Validator:
    return Draft7Validator(_schema(type_name))


@cache
def _schema(type_name: str) -> dict[str, Any]:
    content = (_folder() / "resources" / f"{_index()[type_name]}.json").read_text()
    for java, python in _UNICODE_CLASSES.items():
        content = content.replace(java, python)
    schema: dict[str, Any] = json.loads(content)
    return schema


@cache
def _index() -> dict[str, str]:
    index: dict[str, str] = json.loads((_folder() / "providers" / "us-east-1.json").read_text())
    return index


@cache
def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0], "data", "schemas")
