"""Shows a running build's progress: a line for each event, or a picture that a notebook redraws."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.client.descriptions import describe_outcome
from sagebuild.client.metrics import Curves
from sagebuild.client.trials import Trials, describe_state, describe_trial
from sagebuild.service import Service
from sagebuild.view.steps import Step, Steps

Value = TypeVar("Value")

# To read a whole log and all trials takes longer than everything else.
_SLOW_POLL_SECONDS = 3.0
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


class Watched(Protocol):
    """The part of a build that is shown while it runs."""

    @property
    def record(self) -> BuildRecord: ...
    def steps(self) -> Steps: ...
    def trials(self) -> Trials: ...
    def curves(self) -> Curves: ...


@dataclass(frozen=True)
class Snapshot:
    """What is shown of a build at one moment."""

    record: BuildRecord
    steps: Steps
    trials: Trials
    curves: Curves


class SnapshotReader:
    """Reads snapshots of one build; its trials and curves every three seconds, and at its end.

    A user who may not read the trainings or their logs sees a build without them.

    Parameters
    ----------
    with_curves
        Whether the metrics' curves are shown.
    """

    def __init__(self, with_curves: bool = False) -> None:
        self._with_curves = with_curves
        self._trials, self._curves = Trials(), Curves({})
        self._read_at = float("-inf")

    def read(self, build: Watched) -> Snapshot:
        """Read the build's present state."""
        record = build.record
        is_due = record.has_ended or time.monotonic() - self._read_at > _SLOW_POLL_SECONDS
        if is_due and (record.training_job or record.tuning_job):
            self._trials = read_if_allowed(build.trials, self._trials)
            self._curves = read_if_allowed(build.curves, self._curves) if self._with_curves else self._curves
            self._read_at = time.monotonic()
        return Snapshot(record, build.steps(), self._trials, self._curves)


def read_if_allowed(read: Callable[[], Value], otherwise: Value) -> Value:
    """Return what ``read`` returns; ``otherwise`` if AWS denies access."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] in _DENIED:
            return otherwise
        raise


class ProgressLines:
    """Writes a line with its time for each event of a build, and none twice.

    Events are: a step begins or ends, a trial of a tuning ends, the build asks for approval, the build ends.

    Parameters
    ----------
    service
        Bound to the build's pipeline.
    write
        Takes a line.
    """

    def __init__(self, service: Service, write: Callable[[str], Any]) -> None:
        self._service = service
        self._write = write
        self._written: set[str] = set()

    def update(self, snapshot: Snapshot) -> None:
        """Write the lines that are new, sorted by time."""
        events = [*_list_step_events(snapshot.steps), *_list_trial_events(snapshot.trials)]
        for moment, key, line in sorted(events, key=lambda event: event[0]):
            self._write_once(moment, key, line)
        record = snapshot.record
        outcome = describe_outcome(self._service, record).partition("\n\n")[0]  # the rest is lines of a log
        if record.awaits_approval:
            self._write_once(record.approval_requested_at, "request", outcome)
        if record.notified_at:
            self._write_once(record.ended_at, "outcome", outcome)

    def _write_once(self, moment: str, key: str, line: str) -> None:
        if key not in self._written:
            self._written.add(key)
            when = datetime.fromisoformat(moment).astimezone()
            self._write(f"{when:%H:%M:%S} {' '.join(line.split())}")


def describe_step(step: Step) -> str:
    """Return a step's name, state and, unless it is running, its time."""
    return f"{step.name}: {step.state}" + (f" ({step.seconds:.1f} s)" if step.state != "running" else "")


def _list_step_events(steps: Steps) -> Iterator[tuple[str, str, str]]:
    for step in steps:
        is_repeated = step.visits > 1 and step.state == "running"
        if step.has_begun and not is_repeated:
            yield step.ended_at or step.begun_at, f"{step.name} {step.state}", describe_step(step)


def _list_trial_events(trials: Trials) -> Iterator[tuple[str, str, str]]:
    completed = 0
    for trial in sorted((trial for trial in trials if trial.ended_at), key=lambda trial: trial.ended_at):
        completed += trial.state == "done"
        reason = f": {trial.reason}" if trial.reason else ""
        line = f"Trial {trial.label}: {describe_state(trial)}, {describe_trial(trials, trial)}{reason}"
        yield trial.ended_at, trial.name, f"{line} ({completed} of {trials.tuning.trainings} completed)"


def open_notebook_display() -> Callable[[Any], None] | None:
    """Return a function that draws an object in the cell's output, replacing the last; None outside a notebook."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython.display import display

    handle: Any = display(display_id=True)
    return lambda shown: handle.update(shown)
