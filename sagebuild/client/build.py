"""One build, from Python: its record, steps, logs, metrics and cost, while it runs and afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.client.descriptions import describe_fields, describe_outcome, name_build
from sagebuild.client.lineage.path import Lineage, read_lineage
from sagebuild.client.logs import LogLine, follow_logs, read_logs
from sagebuild.client.metrics import Curves, read_curves
from sagebuild.client.outcome import summarize_build
from sagebuild.client.progress import ProgressLines, SnapshotReader, open_notebook_display, read_if_allowed
from sagebuild.client.promotion import Receiver, plan_promotion
from sagebuild.client.public_record import describe_publicly
from sagebuild.client.reports import EvaluationReport, read_report_files
from sagebuild.client.trials import Trials, read_trials
from sagebuild.cost.spent import Cost, describe_cost
from sagebuild.errors import BuildNotFoundError
from sagebuild.names import console_url
from sagebuild.running.stop import Stopped, stop_build
from sagebuild.service import Service
from sagebuild.view.html import render_heading, render_table, stack_vertically
from sagebuild.view.steps import StepReader, Steps

POLL_SECONDS = 1.0
# The fields that a notebook shows above the picture of the steps.
_FIELDS_IN_NOTEBOOK = (
    "started by",
    "overrides",
    "took",
    "step",
    "reason",
    "metrics",
    "best values",
    "live metrics",
    "approval",
    "live after",
    "notes",
)


class Build:
    """One build; every property and method reads its current state.

    Parameters
    ----------
    number
        Of a build that was started, or of the one that waits.
    requested_by
        "command" or "notebook"; the record names it when the build is stopped.
    """

    def __init__(self, service: Service, number: int, requested_by: str, record: BuildRecord | None = None) -> None:
        self._service = service
        self._requested_by = requested_by
        self._record = record if record and record.notified_at else None
        self._is_displayed = False  # by `watch`: a notebook would draw the cell's value a second time
        self._steps = StepReader(service, number)
        self.number = number

    @property
    def service(self) -> Service:
        """The pipeline to which it belongs."""
        return self._service

    @property
    def record(self) -> BuildRecord:
        """The build's record; for a build that waits, a record with the status "waiting".

        Raises
        ------
        BuildNotFoundError
            No build has this number, and no build that waits will get it.
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
        """One of waiting, launching, running, stopping, succeeded, failed, stopped and withheld."""
        return self.record.status

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric."""
        return self.record.metrics

    @property
    def console_url(self) -> str:
        """The address of its execution in the AWS console."""
        return console_url(self._service, self.number)

    def steps(self) -> Steps:
        """Return the state machine's steps with their states; a notebook draws them."""
        return self._steps.read()

    def trials(self) -> Trials:
        """Return the trials of its tuning so far, with their values and objective; a notebook shows a table."""
        return read_trials(self._service, self.record)

    def curves(self) -> Curves:
        """Return the metrics that the training has logged so far; a notebook plots them.

        Of a tuning, they are those of the best trial, or of the best so far.
        """
        record = self.record
        best = self.trials().tuning.best if record.tuning_job and not record.training_job else ""
        return read_curves(self._service, record, best)

    def report(self) -> EvaluationReport:
        """Return the numbers of its evaluation, and the files beside the report; a notebook shows plots and pages."""
        return read_report_files(self._service, self.record)

    def logs(self, follow: bool = False) -> Iterator[LogLine]:
        """Return the log lines of functions, image builds, jobs and endpoint, sorted by time.

        Parameters
        ----------
        follow
            Wait for more lines until the build has ended. A new line waits three seconds for those of slower sources.
        """
        if follow:
            return follow_logs(self._service, lambda: self.record)
        return read_logs(self._service, self.record)

    def cost(self) -> Cost:
        """Estimate the cost so far and the maximum that was planned, in US dollars."""
        return describe_cost(self._service, self.record)

    def lineage(self) -> Lineage:
        """Return the path of its model: what it was made from, and every build that deployed it, in every known stack.

        Raises
        ------
        InputError
            The build has no model: it ended before its training.
        """
        return read_lineage(self._service, self.number)

    def stop(self, wait_seconds: float = 150.0) -> Stopped:
        """Stop the build and its paid jobs; see `Pipeline.stop`."""
        return stop_build(self._service, self.number, wait_seconds, requested_by=self._requested_by)

    def promote(
        self,
        to: str | Receiver,
        *,
        region: str | None = None,
        profile: str | None = None,
        report: Callable[[str], Any] = print,
    ) -> Build:
        """Deploy its model in another stack, as a build there that trains nothing.

        Parameters
        ----------
        to
            The receiving stack, or "STACK/PIPELINE"; default pipeline: the one with the same name. Or a stack or
            pipeline of `sagebuild.connect`, for one in another account.
        region, profile
            Of the receiving stack; default: those of this one. A profile without a region has its own region.
        report
            Called with a sentence that names what moves and what stays, before anything is copied.

        Returns
        -------
        Build
            The build of the receiving stack.

        Raises
        ------
        PromotionError
            The build has not succeeded, its model is missing, the receiving pipeline has another framework, or its
            stack an older version of sagebuild.
        ModelChangedError
            A file of the model, or its serving script, changed after the build.
        BuildRunningError
            A build of the receiving pipeline is running.
        """
        promotion = plan_promotion(self._service, self.number, to, region, profile)
        report(str(promotion))
        receiver, number = promotion.start(self._requested_by)
        return Build(receiver, number, self._requested_by)

    def wait(
        self,
        timeout_seconds: float | None = None,
        on_poll: Callable[[Build], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Build:
        """Wait until the build has ended, its notification was sent, and the next build can start.

        Interrupting leaves the build running.

        Parameters
        ----------
        timeout_seconds
            Default: no timeout; a training may take days.
        on_poll
            Called with the build each time its record was read.

        Raises
        ------
        TimeoutError
            The build has not ended in time.
        """
        deadline = time.monotonic() + timeout_seconds if timeout_seconds is not None else float("inf")
        while True:
            ended = bool(self.record.notified_at) and read_state(self._service).running != self.number
            if on_poll:
                on_poll(self)
            if ended:
                return self
            if time.monotonic() >= deadline:
                raise TimeoutError(f"Build {self.number} is still {self.status} after {timeout_seconds:g} s.")
            sleep(POLL_SECONDS)

    def watch(self) -> Build:
        """Show the build until it has ended: as a picture in a notebook, elsewhere as a line for each event."""
        update_display = open_notebook_display()
        lines, snapshots = ProgressLines(self._service, print), SnapshotReader()

        def show(build: Build) -> None:
            if update_display:
                update_display(build)
            else:
                lines.update(snapshots.read(build))

        try:
            self.wait(on_poll=show)
            if not update_display:
                print("\n".join(f"{name}: {value}" for name, value in self.summarize().items()))
        except KeyboardInterrupt:
            number = self.number
            print(f"Build {number} is still running. build({number}).watch() shows it again, .stop() stops it.")
        self._is_displayed = update_display is not None
        return self

    def summarize(self) -> dict[str, str]:
        """Return labelled text for after the build: metrics against the live ones, cost, what is live, what is next."""
        return summarize_build(self._service, self.record, read_if_allowed(self.trials, Trials()))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values; docs/command-line.md lists them."""
        return describe_publicly(self.record) | {"console_url": self.console_url}

    def _describe_waiting(self) -> BuildRecord:
        state = read_state(self._service)
        if state.pending is None or self.number != state.last_number + 1:
            # The build may have begun between the two reads.
            return read_build(self._service, self.number)
        pending = state.pending
        return BuildRecord(self.number, pending.trigger, pending.since, requests=pending.count, status="waiting")

    def __str__(self) -> str:
        return describe_outcome(self._service, self.record)

    def __repr__(self) -> str:
        return f"<Build {self.number} of {self._service.label}: {self.status}>"

    def _repr_html_(self) -> str | None:
        if self._is_displayed:
            self._is_displayed = False
            return None  # the notebook then shows the text
        record = self.record
        fields = [(name, value) for name, value in describe_fields(record).items() if name in _FIELDS_IN_NOTEBOOK]
        heading = render_heading(name_build(record).rstrip(","), record.status)
        summary = [(name, value) for name, value in self.summarize().items()] if record.notified_at else []
        trials = read_if_allowed(self.trials, Trials())
        parts = (render_table(dict(fields + summary).items()), self.steps()._repr_html_(), trials._repr_html_())
        return stack_vertically(heading, *parts)
