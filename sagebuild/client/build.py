"""One build, from Python: its record, its steps, its logs and metrics, while it runs and after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, Trigger, describe_record, read_build
from sagebuild.client.logs import LogLine, follow_logs, read_logs
from sagebuild.client.metrics import Curves, collect_metrics, read_curves
from sagebuild.client.steps import Steps, read_steps
from sagebuild.cost.spent import Cost, describe_cost
from sagebuild.errors import BuildNotFoundError
from sagebuild.names import console_url
from sagebuild.running.stop import Stopped, stop_build
from sagebuild.service import Service

POLL_SECONDS = 1.0


class Build:
    """One build; what it tells is true at the moment of asking.

    Parameters
    ----------
    number
        Of a build that was started, or of the one that waits.
    made_by
        "command" or "notebook": who stops it, for the record.
    """

    def __init__(self, service: Service, number: int, made_by: str, record: BuildRecord | None = None) -> None:
        self._service = service
        self._made_by = made_by
        self._record = record if record and record.notified_at else None
        self.number = number
        self.is_drawn_above = False  # by `watch`, so that a notebook does not draw it a second time below

    @property
    def record(self) -> BuildRecord:
        """All that is known of it; of a build that waits, that it does.

        Raises
        ------
        BuildNotFoundError
            There is no such build, and none waits that will have this number.
        """
        if self._record:
            return self._record
        try:
            record = read_build(self._service, self.number)
        except BuildNotFoundError:
            return self._describe_waiting()
        if record.notified_at:
            self._record = record
        return record

    @property
    def status(self) -> str:
        """The outcome "waiting", "launching", "running", "succeeded", "failed", "stopped" or "withheld"."""
        return self.record.status

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric."""
        return self.record.metrics

    @property
    def console_url(self) -> str:
        """Where the AWS console shows it."""
        return console_url(self._service, self.number)

    def steps(self) -> Steps:
        """The state machine's steps, as they are now; in a notebook, drawn."""
        return read_steps(self._service, self.number)

    def curves(self) -> Curves:
        """What the training told of its metrics so far; in a notebook, plotted."""
        return read_curves(self._service, self.record)

    def logs(self, follow: bool = False) -> Iterator[LogLine]:
        """What functions, trainings and the endpoint said, merged in time.

        Parameters
        ----------
        follow
            Go on until the build has ended.
        """
        if follow:
            return follow_logs(self._service, lambda: self.record)
        return read_logs(self._service, self.record)

    def cost(self) -> Cost:
        """What it has cost until now, an estimate in US dollars, and what it was planned to cost at most."""
        return describe_cost(self._service, self.record)

    def stop(self, wait_seconds: float = 150.0) -> Stopped:
        """Stop it and what it pays for; see `Stack.stop`."""
        return stop_build(self._service, self.number, wait_seconds, requested_by=self._made_by)

    def wait(
        self,
        timeout_seconds: float | None = None,
        on_look: Callable[[Build], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Build:
        """Wait until it has ended and was told of; the build goes on whatever becomes of the wait.

        Parameters
        ----------
        timeout_seconds
            Default: none; a training may take days.
        on_look
            Called at each look.

        Raises
        ------
        TimeoutError
            It has not ended in time.
        """
        deadline = time.monotonic() + timeout_seconds if timeout_seconds is not None else float("inf")
        while True:
            ended = bool(self.record.notified_at)
            if on_look:
                on_look(self)
            if ended:
                return self
            if time.monotonic() >= deadline:
                raise TimeoutError(f"Build {self.number} is still {self.status} after {timeout_seconds:g} s.")
            sleep(POLL_SECONDS)

    def watch(self) -> Build:
        """Show it until it has ended: drawn anew at each look in a notebook, a line for each step elsewhere."""
        from sagebuild.client.watching import watch_build

        return watch_build(self)

    def to_dict(self) -> dict[str, Any]:
        """All of its record as plain values, for JSON."""
        record = self.record
        return describe_record(record) | {"seconds": round(record.seconds, 1), "console_url": self.console_url}

    def _describe_waiting(self) -> BuildRecord:
        state = read_state(self._service)
        if state.pending is None or self.number != state.last_number + 1:
            # It may have begun between the two looks.
            return read_build(self._service, self.number)
        pending = state.pending
        return BuildRecord(self.number, pending.trigger, pending.since, requests=pending.count, status="waiting")

    def __str__(self) -> str:
        from sagebuild.client.watching import describe_outcome

        return describe_outcome(self)

    def __repr__(self) -> str:
        return f"<Build {self.number} of {self._service.stack_name}: {self.status}>"

    def _repr_html_(self) -> str | None:
        if self.is_drawn_above:
            self.is_drawn_above = False
            return None  # the text will do
        from sagebuild.client.drawing import draw_build

        return draw_build(self)


@dataclass(frozen=True)
class Builds(Sequence[Build]):
    """Builds, newest first; in a notebook, a table."""

    builds: tuple[Build, ...] = field(repr=False)
    records: tuple[BuildRecord, ...] = field(repr=False)

    @overload
    def __getitem__(self, index: int) -> Build: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Build]: ...
    def __getitem__(self, index: int | slice) -> Build | Sequence[Build]:
        return self.builds[index]

    def __len__(self) -> int:
        return len(self.builds)

    def metrics(self) -> Curves:
        """The builds' metrics over their numbers; in a notebook, plotted."""
        return collect_metrics(self.records)

    def to_list(self) -> list[dict[str, Any]]:
        """The records as plain values, for JSON or a pandas.DataFrame."""
        return [describe_record(record) | {"seconds": round(record.seconds, 1)} for record in self.records]

    def __repr__(self) -> str:
        return "\n".join(repr(build) for build in self.builds) or "<no builds>"

    def _repr_html_(self) -> str:
        from sagebuild.client.drawing import draw_builds

        return draw_builds(self.records)


def describe_trigger(trigger: Trigger) -> str:
    """What started a build, as a person recognises it."""
    return f"{trigger.kind} {trigger.detail}".strip()
