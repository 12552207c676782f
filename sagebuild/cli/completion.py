"""Shell completion: names and values of parameters, names of pipelines, and numbers of builds."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import typer
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sagebuild.builds.lock import list_states
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.builds.records import list_builds
from sagebuild.cli.bash_words import ASSIGNED
from sagebuild.cli.parameter_values import list_values
from sagebuild.client.connection import connect
from sagebuild.client.stack import Stack
from sagebuild.errors import SagebuildError
from sagebuild.parameters import MODELS
from sagebuild.parameters.dotted import split_path
from sagebuild.parameters.json_text import read_framework, read_leniently
from sagebuild.parameters.places import find_place

Result = TypeVar("Result")

_BUILDS = 50  # the newest
_LONGEST_READ_SECONDS = 5.0


class _Known(NamedTuple):
    """What is known of the document that a command changes; empty if the stack cannot be read."""

    framework: str
    document: Mapping[str, Any]
    region: str


def complete_framework(incomplete: str) -> list[str]:
    """Complete the name of a framework."""
    return [name for name in MODELS if name.startswith(incomplete.upper())]


def complete_name(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a parameter of the document's framework, or a dotted name inside one."""
    return _list_names(_read_known(context), incomplete)


def complete_assignment(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a parameter, and after "=" its value."""
    known = _read_known(context)
    if name := os.environ.get(ASSIGNED):
        return [value for value in _list_values(known, name) if value.startswith(incomplete)]
    if "=" in incomplete:
        return _assign(known, incomplete.partition("=")[0])
    names = _list_names(known, incomplete)
    # The shell completes the only name up to "=", and adds no space, because there are several candidates.
    return [f"{names[0]}=", *_assign(known, names[0])] if len(names) == 1 else [f"{name}=" for name in names]


def complete_number(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the number of a build, newest first, each with its status; nothing if the stack cannot be read."""
    pipeline = context.params.get("pipeline")
    records = _read(lambda: list_builds(_connect(context, pipeline).service, _BUILDS)) or []
    return [(str(one.number), one.status) for one in records if str(one.number).startswith(incomplete)]


def complete_pipeline(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a pipeline; nothing if the stack cannot be read."""
    states = _read(lambda: list_states(_connect(context, DEFAULT).service)) or []
    names = (state.pipeline or DEFAULT for state in states)
    return [name for name in names if name.startswith(incomplete)]


def _assign(known: _Known, name: str) -> list[str]:
    return [f"{name}={value}" for value in _list_values(known, name)]


def _list_values(known: _Known, name: str) -> list[str]:
    return list_values(name, known.framework, known.document, known.region)


def _list_names(known: _Known, incomplete: str) -> list[str]:
    """Return the names that begin with the text, each as a whole dotted name."""
    *outer, last = split_path(known.document, incomplete)
    place, inside = find_place(outer, known.framework or None), _look_up(known.document, outer)
    names = dict.fromkeys([*(place.names if place else ()), *(inside if isinstance(inside, Mapping) else ())])
    return sorted(".".join([*outer, name]) for name in names if name.startswith(last))


def _look_up(document: Mapping[str, Any], names: Iterable[str]) -> Any:
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _read_known(context: typer.Context) -> _Known:
    """Read the document; the framework that the same command line gives comes first."""
    assigned = [str(one).partition("=") for one in context.params.get("assignments") or ()]
    given = {name: value for name, _, value in assigned if name in ("framework", "algorithm")}
    if framework := context.params.get("framework"):
        given["framework"] = str(framework)
    if context.command.name == "create":  # a pipeline without a document yet
        return _Known(read_framework(given), given, "")
    read = _read(lambda: _read_document(_connect(context, context.params.get("pipeline"))))
    document, default, region = read or ({}, "", "")
    framework = read_framework({**document, **given}, default)
    return _Known(framework if framework in MODELS else "", {**document, **given}, region)


def _read_document(stack: Stack) -> tuple[dict[str, Any], str, str]:
    return read_leniently(stack.parameters.text), stack.service.settings.framework, stack.region


def _read(read: Callable[[], Result]) -> Result | None:
    """Return the result of reading AWS; None if it fails, or takes longer than a user waits for a completion."""
    results: list[Result] = []

    def run() -> None:
        try:
            results.append(read())
        except (SagebuildError, BotoCoreError, ClientError, ResponseParserError):
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_LONGEST_READ_SECONDS)
    return results[0] if results else None


def _connect(context: typer.Context, pipeline: str | None) -> Stack:
    options = context.params
    return connect(
        options.get("stack"), region=options.get("region"), profile=options.get("profile"), pipeline=pipeline
    )
