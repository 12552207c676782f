"""Finds the problems of a workflow's graph: missing targets, unreachable states, no end, duplicate names."""

from collections.abc import Iterator
from typing import Any

from local.states.problems import Problem

_TERMINAL = ("Succeed", "Fail")


def transition_problems(path: str, workflow: dict[str, Any]) -> Iterator[Problem]:
    """The problems of one workflow, without those in its states.

    The order and the words are those that the service has for these definitions, as measured in
    https://github.com/floci-io/floci/issues/2735.
    """
    states = workflow["States"]
    targets = {f"{path}/StartAt": workflow["StartAt"]}
    for name, state in states.items():
        targets |= {f"{path}/States/{name}/{field}": target for field, target in _targets(state)}
    for location, target in targets.items():
        if target not in states:
            yield Problem("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", location)
    if not any(state["Type"] in _TERMINAL or state.get("End") for state in states.values()):
        yield Problem("MISSING_END_STATE", "Workflow has no terminal state", None)
        return
    for name in states:
        if name not in targets.values():
            yield Problem("MISSING_TRANSITION_TARGET", f'State "{name}" is not reachable.', f"{path}/States/{name}")


def duplicate_problems(names: Iterator[tuple[str, str]]) -> Iterator[Problem]:
    """The repeated names of states, from the names and locations of all states of a machine."""
    seen = set()
    for name, location in names:
        if name in seen:
            yield Problem("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", location)
        seen.add(name)


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Catch", "Choices"):
        for index, rule in enumerate(state.get(field, [])):
            yield f"{field}[{index}]/Next", rule["Next"]
