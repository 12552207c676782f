"""The steps of one build: the state machine's tasks, how far each is and how long it took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, overload

from sagebuild.names import execution_arn
from sagebuild.service import Service, aws_call


@dataclass(frozen=True)
class Step:
    """One task of the state machine.

    Parameters
    ----------
    state
        "waiting", "running", "done", "failed", "stopped", or "skipped" for one that the build does not need.
    seconds
        In all its visits, so far.
    visits
        How often it was entered; the check of the endpoint is many times.
    """

    name: str
    state: str = "waiting"
    seconds: float = 0.0
    visits: int = 0


@dataclass(frozen=True)
class Steps(Sequence[Step]):
    """All steps in the order of the state machine, and which follows which."""

    steps: tuple[Step, ...]
    transitions: tuple[tuple[str, str], ...] = ()  # from step to step, choices left out

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
        """The one that runs."""
        return next((step for step in self.steps if step.state == "running"), None)

    def to_list(self) -> list[dict[str, Any]]:
        """Plain values, for JSON."""
        return [asdict(step) for step in self.steps]

    def _repr_html_(self) -> str:
        from sagebuild.client.drawing import draw_steps

        return draw_steps(self)


@dataclass
class _Visit:
    seconds: float = 0.0
    count: int = 0
    entered_at: datetime | None = None  # None: it was left again

    def measure(self, until: datetime) -> float:
        return self.seconds + ((until - self.entered_at).total_seconds() if self.entered_at else 0.0)


@dataclass
class History:
    """Which steps were entered and left, and when."""

    visits: dict[str, _Visit] = field(default_factory=dict)
    entered: list[str] = field(default_factory=list)

    def enter(self, name: str, time: datetime) -> None:
        """Note that a step began."""
        visit = self.visits.setdefault(name, _Visit())
        visit.count += 1
        visit.entered_at = time
        self.entered.append(name)

    def leave(self, name: str, time: datetime) -> None:
        """Note that it ended."""
        visit = self.visits[name]
        visit.seconds, visit.entered_at = visit.measure(time), None


def read_steps(service: Service, number: int) -> Steps:
    """The steps of a build as they are now; all of them "waiting" for one that has not begun."""
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
    """The steps out of a state machine's states and an execution's history, status and end (or the time now)."""
    names = [name for name, state in states.items() if _is_step(state)]
    # What a step has inside of it, such as the image builds, was entered after it.
    last = next((name for name in reversed(history.entered) if name in names), "")
    transitions = tuple((name, after) for name in names for after in _followers(states, states[name]))
    to_come = _find_reachable(last, transitions) if last else set(names)
    steps = (_build_step(name, name == last, history.visits.get(name), status, end) for name in names)
    passed = (replace(step, state="skipped") if _is_passed(step, to_come) else step for step in steps)
    return Steps(tuple(passed), transitions)


def _find_reachable(first: str, transitions: Iterable[tuple[str, str]]) -> set[str]:
    """The steps that may still come after one."""
    after: dict[str, list[str]] = {}
    for one, other in transitions:
        after.setdefault(one, []).append(other)
    found: set[str] = set()
    open_ends = [first]
    while open_ends:
        new = set(after.get(open_ends.pop(), ())) - found
        found |= new
        open_ends += new
    return found


def _is_passed(step: Step, to_come: set[str]) -> bool:
    return step.state == "waiting" and step.name not in to_come


def _build_step(name: str, is_last: bool, visit: _Visit | None, status: str, end: datetime) -> Step:
    if visit is None:
        return Step(name, "waiting" if status == "RUNNING" else "skipped")
    # A failed task that the machine caught was left, too; what came last is what ended the build.
    ended_by_it = is_last and status not in {"RUNNING", "SUCCEEDED"}
    ended = "stopped" if status == "ABORTED" else "failed"
    state = ended if ended_by_it else "running" if visit.entered_at and status == "RUNNING" else "done"
    return Step(name, state, round(visit.measure(end), 1), visit.count)


def _is_step(state: Mapping[str, Any]) -> bool:
    return state["Type"] in {"Task", "Pass", "Wait", "Parallel", "Map"}


def _followers(states: Mapping[str, Any], state: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> list[str]:
    """The steps to which a state leads when all goes well, each once."""
    found: dict[str, None] = {}
    for name in _successors(state):
        if name in seen:
            continue
        if _is_step(states[name]):
            found[name] = None
        else:
            found |= dict.fromkeys(_followers(states, states[name], seen | {name}))
    return list(found)


def _successors(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (choice["Next"] for choice in state.get("Choices", []))
    if "Next" in state:
        yield state["Next"]
