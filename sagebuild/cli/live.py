"""A build while it runs: drawn anew in a terminal, line by line in a pipe, object by object in JSON."""

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
from sagebuild.client.metrics import Curves
from sagebuild.client.watching import Lines, describe_outcome

# Reading a whole log costs more than the rest of a look.
_CURVES_EVERY = 3.0  # seconds


def watch(session: Session, build: Build) -> None:
    """Follow a build to its end, and end with its outcome as the exit code."""
    try:
        if session.as_json:
            build.wait(on_look=Changes().look)
            print_json({"build": build.to_dict()}, indent=None)
        elif session.is_live:
            _watch_live(session, build)
        else:
            build.wait(on_look=Lines(session.say).look)
    except KeyboardInterrupt:
        number = build.number
        message = f"Build {number} goes on. 'sagebuild watch {number}' shows it again, 'sagebuild stop' stops it."
        typer.echo(message, err=True)
        raise typer.Exit(INTERRUPTED) from None
    record = build.record
    if not record.has_succeeded:
        raise typer.Exit(WITHHELD if record.status == "withheld" else FAILED)


class Changes:
    """Prints a JSON object for each change of a step, one to a line."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def look(self, build: Build) -> None:
        """Print what is new."""
        for step in build.steps():
            if step.state not in {"waiting", "skipped"} and (step.name, step.state) not in self._told:
                self._told.add((step.name, step.state))
                print_json({"number": build.number, "step": asdict(step)}, indent=None)
        if build.record.awaits_approval and ("", "asked") not in self._told:
            self._told.add(("", "asked"))
            print_json({"number": build.number, "awaits_approval": build.to_dict()}, indent=None)


class Picture:
    """Draws a build: what it is, its steps, its metrics."""

    def __init__(self) -> None:
        self._curves = Curves({})
        self._read_at = float("-inf")

    def draw(self, build: Build) -> Group:
        """As it is now."""
        record = build.record
        if record.training_job and (record.has_ended or time.monotonic() - self._read_at > _CURVES_EVERY):
            self._curves, self._read_at = build.curves(), time.monotonic()
        parts: list[RenderableType] = [
            Text(describe_outcome(build), style=STYLES.get(record.status, "")),
            show_steps(build.steps()),
        ]
        return Group(*parts, *([show_curves(self._curves)] if self._curves or self._curves.notes else []))


def _watch_live(session: Session, build: Build) -> None:
    picture = Picture()
    with Live(console=session.console, auto_refresh=False) as live:
        build.wait(on_look=lambda one: live.update(picture.draw(one), refresh=True))
