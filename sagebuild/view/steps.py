"""The steps of one build: each task of the state machine, with its state and its time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, overload

from sagebuild.names import execution_arn
from sagebuild.service import Service, aws_call
from sagebuild.view.flow import Node, render_flow
from sagebuild.view.html import Html
from sagebuild.view.routes import Transitions, find_optional, find_reachable, is_step, list_transitions

PLAN = "plan"  # the variable of the state machine that holds the plan


@dataclass(frozen=True)
class Step:
    """One task of the state machine.

    Parameters
    ----------
    state
        "waiting", "running", "done", "failed" or "stopped"; "possible" if the build may still need it, for example if
        there is no endpoint yet; "skipped" if it does not need it.
    seconds
        The time in all its visits so far.
    visits
        How often it was entered. The check of the endpoint runs many times.
    begun_at, ended_at
        The begin of its first visit and the end of its last one, as ISO 8601 in UTC; empty if there is none yet.
    """

    name: str
    state: str = "waiting"
    seconds: float = 0.0
    visits: int = 0
    begun_at: str = ""
    ended_at: str = ""

    @property
    def has_begun(self) -> bool:
        """False while the step is waiting or possible, and if it is skipped."""
        return self.state not in {"waiting", "possible", "skipped"}


@dataclass(frozen=True)
class Steps(Sequence[Step]):
    """All steps in the order of the state machine; a notebook draws those that the build has had or may still have.

    Parameters
    ----------
    transitions
        Pairs of step names, without those that the plan rules out. Choice states are left out.
    is_planned
        Whether the build's plan is known, which rules out steps.
    """

    steps: tuple[Step, ...]
    transitions: Transitions = ()
    is_planned: bool = True

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

    @property
    def shown(self) -> Sequence[Step]:
        """The steps that the build has had or may still have; before its plan is known, those up to the plan."""
        if self.is_planned:
            return [step for step in self.steps if step.state != "skipped"]
        return [step for step in self.steps if step.has_begun] or self.steps[:1]

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain values, for JSON."""
        return [asdict(step) for step in self.steps]

    def _repr_html_(self) -> str:
        return render_steps(self) if self.shown else ""


@dataclass
class _Visit:
    seconds: float = 0.0
    count: int = 0
    entered_at: datetime | None = None  # None once the step was left
    begun_at: datetime | None = None
    ended_at: datetime | None = None

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
        visit.begun_at = visit.begun_at or time
        self.entered.append(name)

    def leave(self, name: str, time: datetime) -> None:
        """Record that a step ended."""
        visit = self.visits[name]
        visit.seconds, visit.entered_at, visit.ended_at = visit.sum_seconds(time), None, time


class StepReader:
    """Reads the steps of one build again and again; what never changes, once."""

    def __init__(self, service: Service, number: int) -> None:
        self._service = service
        self._number = number
        self._arn = execution_arn(service, number)
        self._definition: dict[str, Any] = {}
        self._transitions: Transitions = ()  # of the build's plan, once it is known

    def read(self) -> Steps:
        """Read the steps; none has begun before the build has."""
        states = self._service.stepfunctions
        with aws_call(f"describe build {self._number}"):
            try:
                execution = states.describe_execution(executionArn=self._arn)
            except states.exceptions.ExecutionDoesNotExist:
                machine = states.describe_state_machine(stateMachineArn=self._service.settings.state_machine_arn)
                return build_steps(json.loads(machine["definition"]), History(), "RUNNING", datetime.now(UTC))
            if not self._definition:
                own = states.describe_state_machine_for_execution(executionArn=self._arn)
                self._definition = json.loads(own["definition"])
        history = self._read_history()
        first = history.visits.get(self._definition["StartAt"])
        if first and not first.entered_at and not self._transitions and (plan := self._read_plan()):
            self._transitions = list_transitions(self._definition["States"], plan)
        end = execution.get("stopDate") or datetime.now(UTC)
        return build_steps(self._definition, history, execution["status"], end, self._transitions)

    def _read_history(self) -> History:
        history = History()
        pages = self._service.stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, includeExecutionData=False
        )
        with aws_call(f"read the history of build {self._number}"):
            for event in (event for page in pages for event in page["events"]):
                if event["type"].endswith("StateEntered"):
                    history.enter(event["stateEnteredEventDetails"]["name"], event["timestamp"])
                elif event["type"].endswith("StateExited"):
                    history.leave(event["stateExitedEventDetails"]["name"], event["timestamp"])
        return history

    def _read_plan(self) -> dict[str, Any]:
        """Return the plan, which the first step assigns to a variable and no other step changes in its choices."""
        pages = self._service.stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, includeExecutionData=True, PaginationConfig={"PageSize": 50}
        )
        with aws_call(f"read the plan of build {self._number}"):
            for event in (event for page in pages for event in page["events"]):
                if event["type"].endswith("StateExited"):
                    # The values are JSON, and never truncated in the API:
                    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StateExitedEventDetails.html
                    assigned = event["stateExitedEventDetails"].get("assignedVariables", {})
                    return {name: json.loads(text) for name, text in assigned.items() if name == PLAN}
        return {}


def build_steps(
    definition: Mapping[str, Any],
    history: History,
    status: str,
    end: datetime,
    transitions: Transitions = (),
) -> Steps:
    """Combine a state machine with an execution's history and status.

    Parameters
    ----------
    end
        When the execution ended, or the time now.
    transitions
        The transitions that the plan allows; empty while the plan is unknown, and all are possible.
    """
    states = definition["States"]
    names = [name for name, state in states.items() if is_step(state)]
    # The states inside a Parallel step, such as the image builds, are entered after it.
    last = next((name for name in reversed(history.entered) if name in names), "")
    possible = transitions or list_transitions(states, {})
    place = last or definition["StartAt"]
    reachable, optional = find_reachable(place, possible), find_optional(place, possible)
    steps = [_build_step(name, name == last, history.visits.get(name), status, end) for name in names]
    marked = (
        replace(step, state=_foresee(step.name, place, reachable, optional)) if step.state == "waiting" else step
        for step in steps
    )
    return Steps(tuple(marked), possible, is_planned=bool(transitions) or status != "RUNNING")


def _foresee(name: str, place: str, reachable: Set[str], optional: Set[str]) -> str:
    """Return the state of a step that has not begun in a running build."""
    if name in optional:
        return "possible"
    return "waiting" if name in reachable or name == place else "skipped"


def _build_step(name: str, is_last: bool, visit: _Visit | None, status: str, end: datetime) -> Step:
    if visit is None:
        return Step(name, "waiting" if status == "RUNNING" else "skipped")
    # The history also shows a caught task as left. The last step is the one that ended the build.
    ended_by_it = is_last and status not in {"RUNNING", "SUCCEEDED"}
    ended = "stopped" if status == "ABORTED" else "failed"
    state = ended if ended_by_it else "running" if visit.entered_at and status == "RUNNING" else "done"
    ended_at = visit.ended_at or end if state != "running" else None
    seconds = round(visit.sum_seconds(end), 1)
    return Step(name, state, seconds, visit.count, _to_text(visit.begun_at), _to_text(ended_at))


def _to_text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""


def render_steps(steps: Steps, *, with_skipped: bool = False) -> Html:
    """Render the steps that the build has had or may still have.

    Parameters
    ----------
    with_skipped
        Show the whole state machine.
    """
    names = [step.name for step in steps]
    return render_flow([_build_node(step) for step in (steps if with_skipped else steps.shown)], names)


def _build_node(step: Step) -> Node:
    caption = f"{step.state}, {step.seconds:.1f} s" if step.has_begun else step.state
    return Node(step.name, step.state, caption)
