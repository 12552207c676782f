"""The values of a parameter that a shell can offer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sagebuild.cost.prices import list_instance_types
from sagebuild.errors import ImageNotFoundError, ParameterNotFoundError
from sagebuild.images.table import list_versions
from sagebuild.parameters import MODELS
from sagebuild.parameters.dotted import read_path, split_path
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.kinds import Choice, Flag
from sagebuild.parameters.places import Place, find_place
from sagebuild.parameters.text_kinds import Version


def list_values(path: str, framework: str, document: Mapping[str, Any], region: str) -> list[str]:
    """Return the values that a parameter can have, where they are few; otherwise the one that it has.

    Parameters
    ----------
    path
        The parameter, as a dotted name.
    framework
        The document's framework; empty if it is unknown.
    region
        The region of the instance types; empty for all regions.
    """
    place = find_place(split_path(document, path), None if path == "framework" else framework or None) or Place()
    match place.kind:
        case Choice() as choice:
            return list(choice.words)
        case Flag():
            return ["true", "false"]
        case Version():
            return _list_versions(framework, document)
    if place.kind is InstanceType:
        return list_instance_types(region)
    value = _find_value(path, framework, document)
    return [value if isinstance(value, str) else json.dumps(value)] if value not in (None, "") else []


def _list_versions(framework: str, document: Mapping[str, Any]) -> list[str]:
    algorithm = str(document.get("algorithm", "")) if framework == "AMAZON" else None
    try:
        return list_versions(framework, algorithm)
    except ImageNotFoundError:
        return []


def _find_value(path: str, framework: str, document: Mapping[str, Any]) -> Any:
    try:
        value = read_path(document, path, framework)
    except ParameterNotFoundError:
        field = MODELS[framework].model_fields.get(path) if framework in MODELS else None
        value = field.default if field and not field.is_required() else None
    return value if isinstance(value, str | int | float | None) else None
