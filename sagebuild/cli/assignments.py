"""Reads the assignments NAME=VALUE of a command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters.typed_text import read_typed


def read_assignments(texts: Iterable[str], removed: Iterable[str] = ()) -> dict[str, Any]:
    """Return the values of texts like NAME=VALUE by name, each read by the kind of value that the parameter takes.

    Parameters
    ----------
    removed
        The names that the same command removes.

    Raises
    ------
    InputError
        A text is not an assignment, or a name is given twice; a line for each problem.
    ParameterError
        The JSON of a value repeats a name, or nests too deeply.
    """
    values: dict[str, Any] = {}
    problems: list[InputError | ParameterError] = []
    given = list(removed)
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            problems.append(InputError(f"'{text}' is not an assignment; it must be NAME=VALUE."))
            continue
        given.append(name)
        try:
            values[name] = read_typed(name, value)
        except ParameterError as error:
            problems.append(error)
    repeated = dict.fromkeys(name for name in given if given.count(name) > 1)
    problems += [InputError(f"{name} is given more than once.") for name in repeated]
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    return values
