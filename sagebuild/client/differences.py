"""Parameter documents as values: versions, differences, and changes by dotted name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagebuild.client.html import render_differences
from sagebuild.errors import InputError

_ABSENT = object()


@dataclass(frozen=True)
class Version:
    """One version of the document."""

    number: int
    written_at: datetime
    written_by: str  # the ARN of a user or role
    document: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """The document before and after a change; `str` shows the differences."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def differences(self) -> list[str]:
        """A line for each value that was added (+), removed (-) or changed (~)."""
        return describe_differences(self.before, self.after)

    def __str__(self) -> str:
        return "\n".join(self.differences) or "No changes."

    def _repr_html_(self) -> str:
        return render_differences(self.differences)


def describe_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each value that was added (+), removed (-) or changed (~), by its dotted name."""
    return list(_find_differences(before, after, ""))


def _find_differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name in {**before, **after}:
        old, new, path = before.get(name, _ABSENT), after.get(name, _ABSENT), f"{prefix}{name}"
        if old is _ABSENT:
            yield f"+ {path}: {json.dumps(new)}"
        elif new is _ABSENT:
            yield f"- {path}: {json.dumps(old)}"
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _find_differences(old, new, f"{path}.")
        elif old != new or type(old) is not type(new):
            yield f"~ {path}: {json.dumps(old)} -> {json.dumps(new)}"


def set_path(document: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted name; missing objects on the way are created.

    Raises
    ------
    InputError
        A value on the way is not an object.
    """
    *parents, name = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
        if not isinstance(document, dict):
            raise InputError(f"{parent} is not an object, so {path} cannot be set; set {parent} to an object.")
    document[name] = value


def remove_path(document: dict[str, Any], path: str) -> None:
    """Remove the value at a dotted name.

    Raises
    ------
    InputError
        The document has no such value.
    """
    *parents, name = path.split(".")
    for parent in parents:
        inner = document.get(parent)
        document = inner if isinstance(inner, dict) else {}
    if name not in document:
        raise InputError(f"{path} is not in the document, so its default applies already.")
    del document[name]
