"""Walks through the texts in a build's requests and parameters, and names them in sentences for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sagebuild.parameters import BuildParameters
from sagebuild.plan.preflight import OPERATIONS
from sagebuild.requests.bodies import read_kind

Path = tuple[str, ...]


def list_texts(value: Any, path: Path = ("",)) -> Iterator[tuple[Path, str]]:
    """Yield the path of each text in a request, and the text; a path has two names at least."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from list_texts(inner, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from list_texts(inner, (*path[:-1], f"{path[-1]}[{index}]"))
    elif isinstance(value, str):
        yield path, _read_json(value) if value.startswith('"') else value  # as the hyperparameters of script mode are


def name_member(kind: str, path: Path) -> str:
    """Return the name of a request's member for people, such as "CreateModel: PrimaryContainer.ModelDataUrl"."""
    return f"{OPERATIONS[read_kind(kind)]}: {'.'.join(path[1:])}"


def name_texts(parameters: BuildParameters, is_wanted: Callable[[Path, str], bool]) -> dict[str, str]:
    """Return the dotted names of the wanted texts in a parameter document, by text."""
    found: dict[str, list[str]] = {}
    for path, text in list_texts(parameters.model_dump()):
        if is_wanted(path, text):
            found.setdefault(text, []).append(".".join(path[1:]))
    return {text: " and ".join(names) for text, names in found.items()}


def _read_json(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text
