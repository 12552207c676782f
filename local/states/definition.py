"""Parses state machine definitions, and finds their problems before anything runs."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from local.states.jsonata import QueryError, check

_reading = threading.RLock()


class _Preprocessor(Preprocessor):  # type: ignore[misc]
    # moto keeps the scopes in the class, so an invalid definition would break all later ones.
    def __init__(self) -> None:
        super().__init__()
        self._query_language_per_scope: list[Any] = []


@dataclass(frozen=True)
class Problem:
    """One problem of a definition, in the service's terms."""

    code: str
    message: str
    location: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location}"


def install() -> None:
    """Parse every definition with its own scopes."""
    asl_parser.Preprocessor = _Preprocessor


@lru_cache(maxsize=256)
def _read(definition: str) -> Program:
    # Decoded, because the grammar reads an escape such as "\u00e9" as six characters.
    return AmazonStateLanguageParser.parse(json.dumps(json.loads(definition), ensure_ascii=False))[0]


def read_program(definition: str) -> Program:
    """The parsed program of a definition; it has no state, so all executions share it."""
    # The generated parsers share tables that they fill while parsing.
    with _reading:
        return _read(definition)


def find_problems(definition: str) -> list[Problem]:
    """All problems of a definition."""
    try:
        machine = json.loads(definition)
    except ValueError as error:
        return [Problem("INVALID_JSON_DESCRIPTION", str(error), "/")]
    # The other checks need a definition that follows the grammar.
    if problems := _program_problems(definition):
        return problems
    for path, workflow in _workflows(machine, ""):
        problems += _transition_problems(path, workflow)
    return problems + list(_expression_problems(machine))


@lru_cache(maxsize=256)
def locations(definition: str) -> Mapping[tuple[str, str], str]:
    """The location of every JSONata expression, by state and expression, such as "Arguments/TrainingJobName"."""
    return {
        (name, expression): location
        for _, workflow in _workflows(json.loads(definition), "")
        for name, state in workflow["States"].items()
        for location, expression in _expressions(state, "")
    }


def _program_problems(definition: str) -> list[Problem]:
    try:
        read_program(definition)
    except ASLParserException as error:
        return [Problem("SCHEMA_VALIDATION_FAILED", "; ".join(error.errors), "/")]
    # moto's parser raises any type of exception for an invalid definition.
    except Exception as error:
        return [Problem("SCHEMA_VALIDATION_FAILED", str(error), "/")]
    return []


def _workflows(workflow: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, workflow
    for name, state in workflow["States"].items():
        for index, branch in enumerate(state.get("Branches", [])):
            yield from _workflows(branch, f"{path}/States/{name}/Branches[{index}]")
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield from _workflows(state[field], f"{path}/States/{name}/{field}")


def _transition_problems(path: str, workflow: dict[str, Any]) -> Iterator[Problem]:
    states = workflow["States"]
    targets = {f"{path}/StartAt": workflow["StartAt"]}
    for name, state in states.items():
        targets |= {f"{path}/States/{name}/{field}": target for field, target in _targets(state)}
        if state["Type"] not in ("Choice", "Succeed", "Fail") and "Next" not in state and not state.get("End"):
            yield Problem("SCHEMA_VALIDATION_FAILED", "The state has neither Next nor End", f"{path}/States/{name}")
    for location, target in targets.items():
        if target not in states:
            field = location.rsplit("/", 1)[1]
            yield Problem("MISSING_TRANSITION_TARGET", f"Missing '{field}' target: {target}", location)
    for name in sorted(states.keys() - set(targets.values())):
        yield Problem("MISSING_TRANSITION_TARGET", f"State '{name}' is not reachable", f"{path}/States/{name}")


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Catch", "Choices"):
        for index, rule in enumerate(state.get(field, [])):
            yield f"{field}[{index}]/Next", rule["Next"]


def _expression_problems(machine: dict[str, Any]) -> Iterator[Problem]:
    for location, expression in _expressions(machine, "", nested=True):
        try:
            check(expression)
        except QueryError as error:
            yield Problem("SCHEMA_VALIDATION_FAILED", f"JSONata: {error}", f"/{location}")


def _expressions(value: Any, path: str, nested: bool = False) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        yield path, value[2:-2].strip()
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _expressions(item, f"{path}[{index}]", nested)
    elif isinstance(value, dict):
        for key, item in value.items():
            if nested or path or key not in ("Branches", "ItemProcessor", "Iterator"):
                yield from _expressions(item, f"{path}/{key}" if path else key, nested)
