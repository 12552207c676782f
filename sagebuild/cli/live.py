"""Shows a running build: redrawn in a terminal, line by line in a pipe, one object per change in JSON."""

from __future__ import annotations

import time
from dataclasses import asdict

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from sagebuild.cli.session import FAILED, INTERRUPTED, WITHHELD, Session, print_json
from sagebuild.cli.show import STYLES, show_curves, show_steps
from sagebuild.client.build import Build
from sagebuild.client.descriptions import suggest
from sagebuild.client.metrics import Curves
from sagebuild.client.progress import ProgressLines

# Reading a whole log takes longer than everything else that is drawn.
_CURVES_POLL_SECONDS = 3.0


def watch(session: Session, build: Build) -> None:
    """Show a build until it has ended, and exit with a code for its outcome."""
    try:
        if session.as_json:
            build.wait(on_poll=JsonChanges().update)
            print_json({"build": build.to_dict()}, indent=None)
        elif session.is_live:
            _watch_live(session, build)
        else:
            lines = ProgressLines(session.stack.service, session.print)
            build.wait(on_poll=lambda build: lines.update(build.record, build.steps()))
    except KeyboardInterrupt:
        number = build.number
        again, stop = (suggest(session.stack.service, command) for command in (f"watch {number}", "stop"))
        hint = f"'{again}' shows it again, '{stop}' stops it."
        typer.echo(f"Build {number} is still running. {hint}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    record = build.record
    if not record.has_succeeded:
        raise typer.Exit(WITHHELD if record.status == "withheld" else FAILED)


class JsonChanges:
    """Prints a JSON object, in one line, when a step changes its state and when the build asks for approval."""

    def __init__(self) -> None:
        self._printed: set[tuple[str, str]] = set()

    def update(self, build: Build) -> None:
        """Print the changes that are new."""
        for step in build.steps():
            if step.has_begun and (step.name, step.state) not in self._printed:
                self._printed.add((step.name, step.state))
                print_json({"number": build.number, "step": asdict(step)}, indent=None)
        if build.record.awaits_approval and ("", "request") not in self._printed:
            self._printed.add(("", "request"))
            print_json({"number": build.number, "awaits_approval": build.to_dict()}, indent=None)


class LiveView:
    """Draws a build's outcome, steps and metrics."""

    def __init__(self) -> None:
        self._curves = Curves({})
        self._read_at = float("-inf")

    def draw(self, build: Build) -> Group:
        """Draw the build's current state."""
        record = build.record
        if record.training_job and (record.has_ended or time.monotonic() - self._read_at > _CURVES_POLL_SECONDS):
            self._curves, self._read_at = build.curves(), time.monotonic()
        parts: list[RenderableType] = [
            Text(str(build), style=STYLES.get(record.status, "")),
            show_steps(build.steps()),
        ]
        return Group(*parts, *([show_curves(self._curves)] if self._curves or self._curves.notes else []))


def _watch_live(session: Session, build: Build) -> None:
    view = LiveView()
    with Live(console=session.console, auto_refresh=False) as live:
        build.wait(on_poll=lambda build: live.update(view.draw(build), refresh=True))
