"""The differences of two parameter documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sagebuild.view.html import render_differences

_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """A value that differs, by its dotted name; `str` shows it with +, - or ~ for added, removed or changed."""

    name: str
    before: Any
    after: Any

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON: the name, and the value before and after, each only if there is one."""
        values = {"before": self.before, "after": self.after}
        return {"name": self.name} | {key: value for key, value in values.items() if value is not _ABSENT}

    def __str__(self) -> str:
        if self.before is _ABSENT:
            return f"+ {self.name}: {json.dumps(self.after, ensure_ascii=False)}"
        if self.after is _ABSENT:
            return f"- {self.name}: {json.dumps(self.before, ensure_ascii=False)}"
        before, after = (json.dumps(value, ensure_ascii=False) for value in (self.before, self.after))
        return f"~ {self.name}: {before} -> {after}"


@dataclass(frozen=True)
class Change:
    """The document before and after a change; `str` shows the differences.

    Parameters
    ----------
    restored
        The number of the version that an undo has restored; None for another change.
    undone
        The number of the version that was current before an undo.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    restored: int | None = None
    undone: int | None = None

    @property
    def differences(self) -> list[str]:
        """A line for each value that was added (+), removed (-) or changed (~)."""
        return describe_differences(self.before, self.after)

    def to_list(self) -> list[dict[str, Any]]:
        """Return the differences as plain values, for JSON."""
        return list_differences(self.before, self.after)

    def __str__(self) -> str:
        return "\n".join(self.differences) or "No changes."

    def _repr_html_(self) -> str:
        return render_differences(self.differences)


def describe_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each value that was added (+), removed (-) or changed (~), by its dotted name."""
    return [str(difference) for difference in _find_differences(before, after, "")]


def list_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the differences as plain values, for JSON; see `Difference.to_dict`."""
    return [difference.to_dict() for difference in _find_differences(before, after, "")]


def _find_differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[Difference]:
    for name in {**before, **after}:
        old, new, path = before.get(name, _ABSENT), after.get(name, _ABSENT), f"{prefix}{name}"
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _find_differences(old, new, f"{path}.")
        elif old != new or type(old) is not type(new):
            yield Difference(path, old, new)
