"""Shows a running build: redrawn in a terminal, a line for each event in a pipe, one object per change in JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from sagebuild.cli.session import FAILED, INTERRUPTED, WITHHELD, Session, print_json
from sagebuild.cli.show import STYLES, show_curves, show_steps, show_summary
from sagebuild.cli.show_trials import show_trials
from sagebuild.client.build import Build
from sagebuild.client.descriptions import describe_outcome, suggest
from sagebuild.client.progress import ProgressLines, Snapshot, SnapshotReader
from sagebuild.client.trials import SHOWN
from sagebuild.service import Service

# Lines of the view besides the steps, the curves and the rows of trials.
_OTHER_LINES = 8
_FEWEST_TRIALS = 3


def watch(session: Session, build: Build) -> None:
    """Show a build until it has ended, and exit with a code for its outcome."""
    try:
        if session.as_json:
            build.wait(on_poll=JsonChanges().update)
            print_json({"build": build.to_dict()}, indent=None)
        else:
            view = BuildView(build.service, session.console, session.is_live)
            with view.showing() as update:
                build.wait(on_poll=update)
            view.print_outcome(build)
    except KeyboardInterrupt:
        number = build.number
        stack = build.service.stack_name  # of a promotion, the receiving one
        where = "" if stack == session.stack.name else f" --stack {stack}"
        again, stop = (f"{suggest(build.service, command)}{where}" for command in (f"watch {number}", "stop"))
        hint = f"'{again}' shows it again, '{stop}' stops it."
        typer.echo(f"Build {number} is still running. {hint}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    record = build.record
    if not record.has_succeeded:
        raise typer.Exit(WITHHELD if record.status == "withheld" else FAILED)


class BuildView:
    """Shows one build: redrawn in a terminal, a line for each event in a pipe.

    Parameters
    ----------
    is_live
        False for a pipe.
    """

    def __init__(self, service: Service, console: Console, is_live: bool) -> None:
        self._service = service
        self._console = console
        self._is_live = is_live
        self._snapshots = SnapshotReader(with_curves=is_live)
        self._lines = ProgressLines(service, partial(_print_line, console))

    @contextmanager
    def showing(self) -> Iterator[Callable[[Build], None]]:
        """Yield a function that shows the build's present state; the view may be entered several times."""
        if not self._is_live:
            yield lambda build: self._lines.update(self._snapshots.read(build))
            return
        with Live(console=self._console, auto_refresh=False) as live:
            yield lambda build: live.update(self.draw(self._snapshots.read(build)), refresh=True)

    def draw(self, snapshot: Snapshot) -> Group:
        """Draw what is known of the build; the outcome of one that has ended is printed below, by `print_outcome`."""
        record, parts = snapshot.record, list[RenderableType]()
        if not record.notified_at:
            style = STYLES.get(record.status, "")
            parts.append(Text(describe_outcome(self._service, record), style=style, overflow="fold"))
        parts.append(show_steps(snapshot.steps.shown))
        if snapshot.trials:
            used = len(snapshot.steps.shown) + len(snapshot.curves) + _OTHER_LINES
            limit = max(_FEWEST_TRIALS, min(SHOWN, self._console.height - used))
            # The summary has the outcome of a tuning that has ended.
            over = bool(record.notified_at)
            parts.append(show_trials(snapshot.trials, SHOWN if over else limit, with_outcome=not over))
        if snapshot.curves or snapshot.curves.notes:
            parts.append(show_curves(snapshot.curves))
        return Group(*parts)

    def print_outcome(self, build: Build) -> None:
        """Print the outcome of a build that has ended, with the end of a log, and the summary."""
        record = build.record
        outcome, _, details = describe_outcome(self._service, record).partition("\n\n")
        if self._is_live:  # the outcome comes after the lines of the log, so that a small terminal shows it
            self._console.print(Text(f"{details}\n" if details else "", style="dim", overflow="fold"), end="")
            self._console.print(Text(outcome, style=STYLES.get(record.status, ""), overflow="fold"))
        elif details:  # an event's line has the outcome
            for line in details.splitlines():
                _print_line(self._console, f"  {line}" if line else "")
        summary = build.summarize()
        self._console.print(show_summary(summary, self._is_live), soft_wrap=not self._is_live)


class JsonChanges:
    """Prints a JSON object, in one line, for each change of a step or a trial, and when the build asks for approval."""

    def __init__(self) -> None:
        self._snapshots = SnapshotReader()
        self._printed: set[tuple[str, str]] = set()

    def update(self, build: Build) -> None:
        """Print the changes that are new."""
        snapshot = self._snapshots.read(build)
        changes = [("step", step.name, step.state, asdict(step)) for step in snapshot.steps if step.has_begun]
        changes += [("trial", trial.name, trial.state, asdict(trial)) for trial in snapshot.trials]
        if snapshot.record.awaits_approval:
            changes.append(("awaits_approval", "", "request", build.to_dict()))
        for kind, name, state, value in changes:
            if (name, state) not in self._printed:
                self._printed.add((name, state))
                print_json({"number": build.number, kind: value}, indent=None)


def _print_line(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)
