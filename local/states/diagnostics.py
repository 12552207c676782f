"""Finds the problems of a state machine definition: errors, and warnings about likely mistakes."""

import json
import re
from collections.abc import Iterator
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import ASLParserException

from local.states.definition import expressions, read_program, workflows
from local.states.jsonata import QueryError, check
from local.states.problems import Problem, invalid
from local.states.state_rules import state_problems
from local.states.transitions import duplicate_problems, transition_problems

_SOURCE_CHARACTERS = 500
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")


def find_problems(definition: str, is_express: bool = False) -> list[Problem]:
    """The errors of a definition."""
    try:
        machine = json.loads(definition or "null")
    except RecursionError:
        return [Problem("INVALID_JSON_DESCRIPTION", "The definition is nested too deeply", None)]
    except ValueError as error:
        return [_syntax_problem(definition, error)] if definition.strip() else [_not_an_object()]
    if not isinstance(machine, dict):
        return [_not_an_object()]
    # The other checks need a definition that follows the grammar.
    problems = list(_structure_problems(machine, is_express)) or list(_grammar_problems(definition, machine))
    if problems:
        return problems
    for path, workflow in workflows(machine):
        problems += transition_problems(path, workflow)
    problems += duplicate_problems((name, location) for location, name, _ in _states(machine))
    return problems + list(_expression_problems(machine))


def find_warnings(definition: str) -> list[Problem]:
    """What is valid in a definition without errors, but probably not meant."""
    machine = json.loads(definition)
    return [
        warning
        for location, _, state in _states(machine)
        if state.get("QueryLanguage", machine.get("QueryLanguage")) != "JSONata"
        for warning in _path_warnings(location, state)
    ]


def _not_an_object() -> Problem:
    return invalid("Definition must be a valid JSON object", None)


def _syntax_problem(definition: str, error: ValueError) -> Problem:
    message, position = str(error), getattr(error, "pos", 0)
    token = re.compile(r"[A-Za-z_$][\w$]*").match(definition, position)
    if token:
        kinds = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        message, position = f"Unrecognized token '{token[0]}': was expecting {kinds}", token.end()
    before = definition[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    more = len(definition) - _SOURCE_CHARACTERS
    source = f'"{definition[:_SOURCE_CHARACTERS]}"' + (f"[truncated {more} chars]" if more > 0 else "")
    place = f"[Source: (String){source}; line: {line}, column: {column}]"
    return Problem("INVALID_JSON_DESCRIPTION", f"{message}\n at {place}", place)


def _structure_problems(machine: dict[str, Any], is_express: bool) -> Iterator[Problem]:
    language = machine.get("QueryLanguage", "JSONPath")
    for path, workflow in workflows(machine):
        missing = [field for field in ("States", "StartAt") if field not in workflow]
        if missing:
            yield invalid(f"These fields are required: [{', '.join(missing)}]", path or "/")
        states = workflow.get("States", {})
        if not isinstance(states, dict):
            yield invalid("The field 'States' must be an object", f"{path}/States")
            continue
        for name, state in states.items():
            yield from state_problems(f"{path}/States/{name}", state, language, is_express)


def _grammar_problems(definition: str, machine: dict[str, Any]) -> Iterator[Problem]:
    message = _grammar_error(definition)
    if message is None:
        return
    located = [problem for location, _, state in _states(machine) for problem in _template_problems(location, state)]
    yield from located or [invalid(message, "/")]


def _grammar_error(definition: str) -> str | None:
    try:
        read_program(definition)
    except ASLParserException as error:
        return "; ".join(error.errors)
    # moto's parser raises any type of exception for an invalid definition.
    except Exception as error:
        return str(error)
    return None


def _template_problems(location: str, state: dict[str, Any]) -> Iterator[Problem]:
    for field in _TEMPLATES:
        for name, value in _paths(state.get(field)):
            alone = {"Type": "Pass", "Parameters": {name: value}, "End": True}
            if _grammar_error(json.dumps({"StartAt": "Alone", "States": {"Alone": alone}})):
                kinds = "a valid JSONPath or a valid intrinsic function call"
                yield invalid(f"The value for the field '{name}' must be {kinds}", f"{location}/{field}")


def _paths(template: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(template, dict):
        for name, value in template.items():
            if name.endswith(".$"):
                yield name, value
            else:
                yield from _paths(value)
    elif isinstance(template, list):
        for value in template:
            yield from _paths(value)


def _states(machine: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, workflow in workflows(machine):
        for name, state in workflow["States"].items():
            yield f"{path}/States/{name}", name, state


def _expression_problems(machine: dict[str, Any]) -> Iterator[Problem]:
    for location, expression in expressions(machine, "", nested=True):
        try:
            check(expression)
        except QueryError as error:
            yield invalid(f"JSONata: {error}", f"/{location}")


def _path_warnings(location: str, state: dict[str, Any]) -> Iterator[Problem]:
    if state["Type"] == "Pass" and _looks_like_path(state.get("Result")):
        text = "The result of a Pass state is static; the path is not evaluated"
        yield Problem("PASS_RESULT_IS_STATIC", text, f"{location}/Result", "WARNING")
    for field in _TEMPLATES:
        for place, value in _fixed_values(state.get(field), f"{location}/{field}"):
            if _looks_like_path(value):
                text = (
                    f"The value looks like a path or an intrinsic function, but the name does not end in '.$': {value}"
                )
                yield Problem("NO_DOLLAR", text, place, "WARNING")
    for field in ("TimeoutSeconds", "HeartbeatSeconds", "MaxConcurrency", "Seconds", "Timestamp", "Error", "Cause"):
        if _looks_like_path(state.get(field)):
            yield Problem("NO_PATH", f"'{field}' has a path; use '{field}Path'", f"{location}/{field}", "WARNING")


def _fixed_values(template: Any, location: str) -> Iterator[tuple[str, Any]]:
    if isinstance(template, dict):
        for name, value in template.items():
            if not name.endswith(".$"):
                yield from _fixed_values(value, f"{location}/{name}")
    elif isinstance(template, list):
        for index, value in enumerate(template):
            yield from _fixed_values(value, f"{location}[{index}]")
    else:
        yield location, template


def _looks_like_path(value: Any) -> bool:
    return isinstance(value, str) and bool(re.match(r"\$(\$|\.|\[|$)|States\.\w+\(", value))
