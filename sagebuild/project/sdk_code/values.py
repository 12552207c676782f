"""The values of expressions in code that is read and not executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, repr=False)
class Unknown:
    """A value that only the running program knows.

    Parameters
    ----------
    text
        The expression.
    line
        From 1.
    """

    text: str
    line: int

    def __repr__(self) -> str:
        return self.text


@dataclass(eq=False, repr=False)
class Call:
    """An object of the SDK, or a call of one of its methods.

    Parameters
    ----------
    name
        The name of the class, function or method, without its module.
    owner
        The object whose method is called; None for a class or function.
    keywords
        The values of the arguments by their names.
    lines
        The line of each argument by its name, or by its place for one without a name.
    calls
        The calls of the object's methods, in their order.
    """

    name: str
    line: int
    text: str
    owner: Call | None = None
    arguments: list[Any] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    lines: dict[str | int, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def __repr__(self) -> str:
        return self.text

    def locate(self, argument: str | int = "") -> str:
        """Return the place of an argument for a report, such as "line 12: instance_type"."""
        place = argument if isinstance(argument, str) else f"argument {argument + 1}"
        return f"line {self.lines.get(argument, self.line)}: {place or self.name}"


def find_unknown(value: Any) -> Unknown | Call | None:
    """Return the first part of a value that is not known; None if all of it is."""
    return next(_list_unknown(value), None)


def _list_unknown(value: Any) -> Iterator[Unknown | Call]:
    if isinstance(value, Unknown | Call):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _list_unknown(key)
            yield from _list_unknown(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _list_unknown(one)
