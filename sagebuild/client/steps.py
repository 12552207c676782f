"""The steps of one build: each task of the state machine, with its state and its time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, overload

from sagebuild.client.flow import Node, render_flow
from sagebuild.names import execution_arn
from sagebuild.service import Service, aws_call


@dataclass(frozen=True)
class Step:
    """One task of the state machine.

    Parameters
    ----------
    state
        "waiting", "running", "done", "failed", "stopped", or "skipped" if the build does not need it.
    seconds
        The time in all its visits so far.
    visits
        How often it was entered. The check of the endpoint runs many times.
    """

    name: str
    state: str = "waiting"
    seconds: float = 0.0
    visits: int = 0

    @property
    def has_begun(self) -> bool:
        """False while the step is waiting, and if it is skipped."""
        return self.state not in {"waiting", "skipped"}


@dataclass(frozen=True)
class Steps(Sequence[Step]):
    """All steps in the order of the state machine, with the transitions between them; a notebook draws them."""

    steps: tuple[Step, ...]
    transitions: tuple[tuple[str, str], ...] = ()  # pairs of step names; Choice states are left out

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        return self.steps[index]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def current(self) -> Step | None:
        """The running step; None if no step runs."""
        return next((step for step in self.steps if step.state == "running"), None)

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain values, for JSON."""
        return [asdict(step) for step in self.steps]

    def _repr_html_(self) -> str:
        return render_flow([_build_node(step) for step in self.steps], self.transitions)


@dataclass
class _Visit:
    seconds: float = 0.0
    count: int = 0
    entered_at: datetime | None = None  # None once the step was left

    def sum_seconds(self, until: datetime) -> float:
        return self.seconds + ((until - self.entered_at).total_seconds() if self.entered_at else 0.0)


@dataclass
class History:
    """When each step was entered and left."""

    visits: dict[str, _Visit] = field(default_factory=dict)
    entered: list[str] = field(default_factory=list)

    def enter(self, name: str, time: datetime) -> None:
        """Record that a step began."""
        visit = self.visits.setdefault(name, _Visit())
        visit.count += 1
        visit.entered_at = time
        self.entered.append(name)

    def leave(self, name: str, time: datetime) -> None:
        """Record that a step ended."""
        visit = self.visits[name]
        visit.seconds, visit.entered_at = visit.sum_seconds(time), None


def read_steps(service: Service, number: int) -> Steps:
    """Read the steps of a build; all are "waiting" if it has not begun."""
    arn, states = execution_arn(service, number), service.stepfunctions
    with aws_call(f"describe build {number}"):
        try:
            execution = states.describe_execution(executionArn=arn)
            definition = states.describe_state_machine_for_execution(executionArn=arn)["definition"]
        except states.exceptions.ExecutionDoesNotExist:
            machine = states.describe_state_machine(stateMachineArn=service.settings.state_machine_arn)
            return build_steps(json.loads(machine["definition"])["States"], History(), "RUNNING", datetime.now(UTC))
    end = execution.get("stopDate") or datetime.now(UTC)
    return build_steps(json.loads(definition)["States"], _read_history(service, number), execution["status"], end)


def _read_history(service: Service, number: int) -> History:
    history = History()
    pages = service.stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn(service, number), includeExecutionData=False
    )
    with aws_call(f"read the history of build {number}"):
        for event in (event for page in pages for event in page["events"]):
            if event["type"].endswith("StateEntered"):
                history.enter(event["stateEnteredEventDetails"]["name"], event["timestamp"])
            elif event["type"].endswith("StateExited"):
                history.leave(event["stateExitedEventDetails"]["name"], event["timestamp"])
    return history


def build_steps(states: Mapping[str, Any], history: History, status: str, end: datetime) -> Steps:
    """Combine a state machine's states with an execution's history and status.

    Parameters
    ----------
    end
        When the execution ended, or the time now.
    """
    names = [name for name, state in states.items() if _is_step(state)]
    # The states inside a Parallel step, such as the image builds, are entered after it.
    last = next((name for name in reversed(history.entered) if name in names), "")
    transitions = tuple((name, after) for name in names for after in _list_next_steps(states, states[name]))
    reachable = _find_reachable(last, transitions) if last else set(names)
    steps = (_build_step(name, name == last, history.visits.get(name), status, end) for name in names)
    marked = (replace(step, state="skipped") if _is_skipped(step, reachable) else step for step in steps)
    return Steps(tuple(marked), transitions)


def _find_reachable(first: str, transitions: Iterable[tuple[str, str]]) -> set[str]:
    """Return the steps that can follow a step."""
    after: dict[str, list[str]] = {}
    for one, other in transitions:
        after.setdefault(one, []).append(other)
    found: set[str] = set()
    unvisited = [first]
    while unvisited:
        new = set(after.get(unvisited.pop(), ())) - found
        found |= new
        unvisited += new
    return found


def _is_skipped(step: Step, reachable: set[str]) -> bool:
    return step.state == "waiting" and step.name not in reachable


def _build_step(name: str, is_last: bool, visit: _Visit | None, status: str, end: datetime) -> Step:
    if visit is None:
        return Step(name, "waiting" if status == "RUNNING" else "skipped")
    # The history also shows a caught task as left. The last step is the one that ended the build.
    ended_by_it = is_last and status not in {"RUNNING", "SUCCEEDED"}
    ended = "stopped" if status == "ABORTED" else "failed"
    state = ended if ended_by_it else "running" if visit.entered_at and status == "RUNNING" else "done"
    return Step(name, state, round(visit.sum_seconds(end), 1), visit.count)


def _is_step(state: Mapping[str, Any]) -> bool:
    return state["Type"] in {"Task", "Pass", "Wait", "Parallel", "Map"}


def _list_next_steps(
    states: Mapping[str, Any], state: Mapping[str, Any], seen: frozenset[str] = frozenset()
) -> list[str]:
    """Return the steps to which a state leads without an error, each once."""
    found: dict[str, None] = {}
    for name in _list_next_states(state):
        if name in seen:
            continue
        if _is_step(states[name]):
            found[name] = None
        else:
            found |= dict.fromkeys(_list_next_steps(states, states[name], seen | {name}))
    return list(found)


def _list_next_states(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (choice["Next"] for choice in state.get("Choices", []))
    if "Next" in state:
        yield state["Next"]


def _build_node(step: Step) -> Node:
    caption = f"{step.state}, {step.seconds:.1f} s" if step.has_begun else step.state
    return Node(step.name, step.state, caption)
