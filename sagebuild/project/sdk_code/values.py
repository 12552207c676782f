"""The values of expressions in code that is read and not executed."""

from __future__ import annotations

import ast
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


@dataclass(frozen=True, eq=False, repr=False)
class Class(Unknown):
    """A class of the script.

    Parameters
    ----------
    methods
        Its functions by their names.
    attributes
        The values of its own attributes.
    fields
        The names that a dataclass takes as arguments, in their order.
    """

    methods: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Instance(Unknown):
    """An object of a class of the script; the document can have its attributes, but not the object."""

    kind: Class | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


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
    loop
        The line of the loop that may repeat the call; 0 outside of loops.
    """

    name: str
    line: int
    text: str
    owner: Call | None = None
    arguments: list[Any] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    lines: dict[str | int, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    loop: int = 0

    def __repr__(self) -> str:
        return self.text

    def locate(self, argument: str | int = "") -> str:
        """Return the place of an argument for a report, such as "line 12: instance_type"."""
        place = argument if isinstance(argument, str) else f"argument {argument + 1}"
        return f"line {self.lines.get(argument, self.line)}: {place or self.name}"


def mark_unknown(container: dict[Any, Any] | list[Any], unknown: Unknown) -> None:
    """Add to a dict or list that a part of it is not known."""
    if isinstance(container, dict):
        container[unknown] = unknown
    else:
        container.append(unknown)


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
