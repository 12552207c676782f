"""The JSON Schema of the parameter document, as an editor needs it: the parameters of one framework."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# A wheel has the documentation inside the package, a clone beside it.
_HERE = Path(__file__).parents[1]
_PLACES = (_HERE / "assistants" / "docs", _HERE.parent / "docs")
_FILE = "parameters.schema.json"


@dataclass(frozen=True)
class Field:
    """One parameter.

    Parameters
    ----------
    kind
        "choice", "number", "text" or "json".
    choices
        Of a choice: the possible values.
    """

    name: str
    description: str
    kind: str
    choices: tuple[Any, ...]
    default: Any
    minimum: float | None
    maximum: float | None


@cache
def read_schema() -> dict[str, Any]:
    """Read the schema that `make docs` generates."""
    path = next(folder / _FILE for folder in _PLACES if (folder / _FILE).is_file())
    return dict(json.loads(path.read_text(encoding="utf-8")))


def list_fields(framework: str) -> list[Field]:
    """List the parameters of a framework, in the order of the schema; none for an unknown framework."""
    schema = read_schema()
    for rule in schema["allOf"]:
        if rule["if"]["properties"]["framework"]["const"] == framework:
            own = _resolve(schema, rule["then"])["properties"]
            return [_build_field(name, _resolve(schema, value)) for name, value in own.items()]
    return []


def _build_field(name: str, schema: dict[str, Any]) -> Field:
    options = list(_list_options(schema))
    types = {option.get("type") for option in options} - {None, "null"}
    choices = [
        value for option in options for value in option.get("enum", [option["const"]] if "const" in option else [])
    ]
    if types == {"boolean"}:
        choices = [False, True]
    kind = "json"
    if choices and len(options) == 1:
        kind = "choice"
    elif types and types <= {"integer", "number"}:
        kind = "number"
    elif types == {"string"}:
        kind = "text"
    bounds = [min_max for option in options for min_max in (option.get("minimum"), option.get("maximum"))]
    low, high = (bounds[0], bounds[1]) if len(options) == 1 else (None, None)
    return Field(name, schema.get("description", ""), kind, tuple(choices), schema.get("default"), low, high)


def _list_options(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for option in schema.get("anyOf", [schema]):
        if option.get("type") != "null":
            yield option


def _resolve(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        found: Any = schema
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = {**found, **{key: other for key, other in value.items() if key != "$ref"}}
    return value
