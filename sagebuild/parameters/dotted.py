"""Reads and changes a document by dotted names, such as hyperparameters.epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.errors import InputError, ParameterNotFoundError
from sagebuild.parameters.channels import PLACES as CHANNEL_PLACES
from sagebuild.parameters.groups import S3Address
from sagebuild.parameters.places import find_place
from sagebuild.parameters.problems import explain_absence
from sagebuild.parameters.shown import show_name
from sagebuild.parameters.step_options import PLACES as INPUT_PLACES


def read_path(document: Mapping[str, Any], path: str, framework: str = "") -> Any:
    """Return the value at a dotted name.

    Parameters
    ----------
    framework
        The framework whose names a misspelt name is compared with.

    Raises
    ------
    ParameterNotFoundError
        The document has no such value; the message says whether it has a default, or names what is similar.
    """
    value: Any = document
    names = split_path(document, path)
    for at, name in enumerate(names):
        if not isinstance(value, Mapping) or name not in value:
            raise ParameterNotFoundError(explain_absence(document, names[: at + 1], value, framework))
        value = value[name]
    return value


def set_path(document: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted name; missing objects on the way are created.

    The S3 address of an object, such as a channel, sets its member for the address: channels.train.uri.

    Raises
    ------
    InputError
        A value on the way is not an object.
    """
    names = split_path(document, path)
    if not all(names):
        raise InputError(f"'{show_name(path)}' is not a name; a dot stands between two names: hyperparameters.epochs.")
    for at, parent in enumerate(names[:-1], 1):
        inner = document.get(parent)
        if inner in (None, "none") or (_may_be_object(names[:at]) and not isinstance(inner, dict | list)):
            inner = document[parent] = {}
        if not isinstance(inner, dict):
            given = show_name(".".join(names[:at]))
            raise InputError(f"{given} is not an object, so {show_name(path)} cannot be set; set {given} to an object.")
        document = inner
    member = _find_address_member(names, value)
    document[names[-1]] = _replace_address(document.get(names[-1]), member, value) if member else value


def remove_path(document: dict[str, Any], path: str, framework: str = "") -> None:
    """Remove the value at a dotted name.

    Raises
    ------
    ParameterNotFoundError
        The document has no such value.
    """
    read_path(document, path, framework)
    *parents, name = split_path(document, path)
    for parent in parents:
        document = document[parent]
    del document[name]


def split_path(document: Mapping[str, Any], path: str) -> list[str]:
    """Return the names in a dotted name. A name in the document that contains dots itself is one of them."""
    parts, names = path.split("."), []
    value: Any = document
    while parts:
        known = value if isinstance(value, Mapping) else {}
        count = next((n for n in range(len(parts), 1, -1) if ".".join(parts[:n]) in known), 1)
        name, parts = ".".join(parts[:count]), parts[count:]
        names.append(name)
        value = known.get(name)
    return names


def _may_be_object(names: list[str]) -> bool:
    """Return whether the models have fixed names for the place, as for a hyperparameter that becomes a range."""
    place = find_place(names)
    return bool(place and place.models)


def _find_address_member(names: list[str], value: Any) -> str | None:
    """Return the member of an object that takes the value, which is an S3 address; None for any other value."""
    if not (isinstance(value, str) and value.strip().startswith("s3://")):
        return None
    place = find_place(names)
    if place is None or place.kind:
        return None
    members = ((name, place.find(name)) for name in place.names)
    return next((name for name, inner in members if inner and inner.kind is S3Address), None)


def _replace_address(before: Any, member: str, address: str) -> dict[str, Any]:
    kept = before if isinstance(before, dict) else {}
    places = {*CHANNEL_PLACES, *INPUT_PLACES}
    if member in places:
        kept = {name: value for name, value in kept.items() if name not in places}
    return {**kept, member: address}
