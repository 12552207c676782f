"""Parses state machine definitions, and finds the expressions in them."""

import json
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from local.states import map_states
from local.states.map_states import take_unparsed, unparsed_fields

_reading = threading.RLock()


class _Preprocessor(Preprocessor):  # type: ignore[misc]
    # moto keeps the scopes in the class, so an invalid definition would break all later ones.
    def __init__(self) -> None:
        super().__init__()
        self._query_language_per_scope: list[Any] = []

    @staticmethod
    def _inner_string_of(parser_rule_context: Any) -> str | None:
        # moto keeps the escapes of JSON, such as "\n", as two characters, which only its readers of paths expect.
        text: str | None = Preprocessor._inner_string_of(parser_rule_context)
        if text is None or text.startswith(("$", "States.")):
            return text
        return str(json.loads(f'"{text}"', strict=False))

    def _open_query_language_scope(self, parse_tree: Any) -> None:
        # States inherit the language of the whole machine, not that of the state around them.
        scopes = self._query_language_per_scope
        self._query_language_per_scope = scopes[:1]
        super()._open_query_language_scope(parse_tree)
        self._query_language_per_scope = scopes + self._query_language_per_scope[-1:]


def install() -> None:
    """Parse every definition with its own scopes."""
    asl_parser.Preprocessor = _Preprocessor
    map_states.install(read_program)


@lru_cache(maxsize=256)
def _read(definition: str) -> Program:
    machine = json.loads(definition)
    token = unparsed_fields.set(take_unparsed(machine))
    try:
        # Decoded, because the grammar reads an escape such as "\u00e9" as six characters.
        return AmazonStateLanguageParser.parse(json.dumps(machine, ensure_ascii=False))[0]
    finally:
        unparsed_fields.reset(token)


def read_program(definition: str) -> Program:
    """The parsed program of a definition; it has no state, so all executions share it."""
    # The generated parsers share tables that they fill while parsing.
    with _reading:
        return _read(definition)


@lru_cache(maxsize=256)
def locations(definition: str) -> Mapping[tuple[str, str], str]:
    """The location of every JSONata expression, by state and expression, such as "Arguments/TrainingJobName"."""
    return {
        (name, expression): location
        for _, workflow in workflows(json.loads(definition))
        for name, state in workflow["States"].items()
        for location, expression in expressions(state, "")
    }


def workflows(workflow: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """A workflow and those in its Parallel and Map states, with their locations; parts of a wrong type are left out."""
    yield path, workflow
    for name, state in _items(workflow.get("States")):
        for location, inner in _inner_workflows(state):
            if isinstance(inner, dict):
                yield from workflows(inner, f"{path}/States/{name}/{location}")


def _inner_workflows(state: Any) -> Iterator[tuple[str, Any]]:
    for field, value in _items(state):
        if field in ("ItemProcessor", "Iterator"):
            yield field, value
        elif field == "Branches" and isinstance(value, list):
            for index, branch in enumerate(value):
                yield f"Branches[{index}]", branch


def _items(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else ()


def expressions(value: Any, path: str, nested: bool = False) -> Iterator[tuple[str, str]]:
    """The JSONata expressions in a part of a definition, with their locations; ``nested`` includes inner workflows."""
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        yield path, value[2:-2].strip()
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from expressions(item, f"{path}[{index}]", nested)
    elif isinstance(value, dict):
        for key, item in value.items():
            if nested or path or key not in ("Branches", "ItemProcessor", "Iterator"):
                yield from expressions(item, f"{path}/{key}" if path else key, nested)
