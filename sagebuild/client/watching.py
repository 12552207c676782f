"""Follows a build: as a picture drawn anew in a notebook, as a line for each step elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from sagebuild.client.build import Build
from sagebuild.client.facts import name_build
from sagebuild.client.steps import Step
from sagebuild.notifications.words import VERBS, format_seconds
from sagebuild.steps.approval import describe_request


def watch_build(build: Build) -> Build:
    """Show a build until it has ended; see `Build.watch`."""
    drawing = _show_in_notebook()
    try:
        build.wait(on_look=drawing or Lines(print).look)
    except KeyboardInterrupt:
        print(f"Build {build.number} goes on; build({build.number}).watch() shows it again, .stop() stops it.")
    build.is_drawn_above = drawing is not None
    return build


class Lines:
    """Tells of each step as it begins and ends, and of the outcome, once each.

    Parameters
    ----------
    write
        Takes a line.
    """

    def __init__(self, write: Callable[[str], Any]) -> None:
        self._write = write
        self._told: set[str] = set()

    def look(self, build: Build) -> None:
        """Tell what is new."""
        record = build.record
        for step in build.steps():
            if step.state not in {"waiting", "skipped"} and not (step.visits > 1 and step.state == "running"):
                self._tell(f"{step.name} {step.state}", describe_step(step))
        if record.awaits_approval:
            self._tell("request", describe_outcome(build))
        if record.notified_at:
            self._tell("outcome", describe_outcome(build))

    def _tell(self, key: str, line: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self._write(line)


def describe_step(step: Step) -> str:
    """A step and how it is, in words."""
    return f"{step.name}: {step.state}" + (f" ({step.seconds:.1f} s)" if step.state != "running" else "")


def describe_outcome(build: Build) -> str:
    """How a build is, or what became of it, in one sentence or two."""
    record, name = build.record, name_build(build.record)
    if record.status == "waiting":
        requests = "1 request" if record.requests == 1 else f"{record.requests} requests"
        return f"{name} waits for the build that runs; it stands for {requests}."
    if record.awaits_approval:
        number = record.number
        return f"{describe_request(record)} Yes: sagebuild approve {number}. No: sagebuild reject {number}."
    if not record.has_ended:
        return f"{name} is running, for {format_seconds(record.seconds)} now."
    step = f", in the step {record.step}" if record.step else ""
    reason = f" {record.reason}" if record.reason else ""
    return f"{name} {VERBS[record.status]} after {format_seconds(record.seconds)}{step}.{reason}"


def _show_in_notebook() -> Callable[[Build], None] | None:
    """What draws in the cell's output; None outside of a notebook."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython.display import display

    handle: Any = display(display_id=True)
    return lambda build: handle.update(build)
