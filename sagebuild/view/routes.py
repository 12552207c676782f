"""Where a build can go from each step: the state machine's transitions, without those that the plan rules out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Transitions = tuple[tuple[str, str], ...]  # from one step to the next

_VARIABLE = re.compile(r"\$(\w+)")
_NOT_SPLIT = re.compile(r"[()]| or ")


def is_step(state: Mapping[str, Any]) -> bool:
    """Return False for a Choice and for a state that only ends the execution."""
    return state["Type"] in {"Task", "Pass", "Wait", "Parallel", "Map"}


def list_transitions(states: Mapping[str, Any], variables: Mapping[str, Any]) -> Transitions:
    """List the pairs of steps of which the second can follow the first without an error.

    Parameters
    ----------
    states
        The states of the machine's definition.
    variables
        The known variables by name, without ``$``. A choice that needs another one is open.
    """
    steps = (name for name, state in states.items() if is_step(state))
    return tuple((name, after) for name in steps for after in _list_next_steps(states, states[name], variables))


def find_reachable(first: str, transitions: Transitions, without: str = "") -> set[str]:
    """Return the steps that can follow a step.

    Parameters
    ----------
    without
        A step through which no way leads.
    """
    after: dict[str, list[str]] = {}
    for one, other in transitions:
        if without not in (one, other):
            after.setdefault(one, []).append(other)
    found: set[str] = set()
    unvisited = [first]
    while unvisited:
        new = set(after.get(unvisited.pop(), ())) - found
        found |= new
        unvisited += new
    return found


def find_optional(first: str, transitions: Transitions) -> set[str]:
    """Return the steps that can follow a step, but that some way to a later step leaves out."""
    after = {name: find_reachable(name, transitions) for name in find_reachable(first, transitions)}
    later = {name: {other for other in found if name not in after[other]} for name, found in after.items()}  # no loops
    return {name for name in after if later[name] & find_reachable(first, transitions, without=name)}


def decide(condition: str, variables: Mapping[str, Any]) -> bool | None:
    """Return the value of a Choice's JSONata condition; None if it depends on an unknown variable."""
    text = condition.removeprefix("{%").removesuffix("%}").strip()
    parts = [text] if _NOT_SPLIT.search(text) else text.split(" and ")
    values = [_evaluate(part, variables) for part in parts]
    if False in values:
        return False
    return None if None in values else True


def _list_next_steps(
    states: Mapping[str, Any],
    state: Mapping[str, Any],
    variables: Mapping[str, Any],
    seen: frozenset[str] = frozenset(),
) -> Iterable[str]:
    """Return the steps to which a state leads, each once; Choice states are left out."""
    found: dict[str, None] = {}
    for name in _list_next_states(state, variables):
        if name in seen:
            continue
        if is_step(states[name]):
            found[name] = None
        else:
            found |= dict.fromkeys(_list_next_steps(states, states[name], variables, seen | {name}))
    return found


def _list_next_states(state: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    for choice in state.get("Choices", []):
        value = decide(choice["Condition"], variables)
        if value is not False:
            yield choice["Next"]
        if value:
            return
    yield from (state[key] for key in ("Default", "Next") if key in state)


def _evaluate(expression: str, variables: Mapping[str, Any]) -> bool | None:
    if not set(_VARIABLE.findall(expression)) <= variables.keys():
        return None
    from jsonata import Jsonata
    from jsonata.jexception import JException

    try:
        value = Jsonata(expression).evaluate(None, {name: _mark_null(value) for name, value in variables.items()})
    except JException:  # a machine with another plan than this client knows
        return None
    return value if isinstance(value, bool) else None


def _mark_null(value: Any) -> Any:
    """Return a JSON value with jsonata-python's own null, because its None means "undefined"."""
    from jsonata.utils import Utils

    if isinstance(value, dict):
        return {key: _mark_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mark_null(item) for item in value]
    return Utils.NULL_VALUE if value is None else value
