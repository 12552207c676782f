"""Shows a running build's progress: a line for each step, or a picture that a notebook redraws."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from sagebuild.builds.records import BuildRecord
from sagebuild.client.descriptions import describe_outcome
from sagebuild.client.steps import Step
from sagebuild.service import Service


class ProgressLines:
    """Writes a line when a step begins or ends, and for the outcome; no line twice.

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

    def update(self, record: BuildRecord, steps: Iterable[Step]) -> None:
        """Write the lines that are new."""
        for step in steps:
            is_repeated = step.visits > 1 and step.state == "running"
            if step.has_begun and not is_repeated:
                self._write_once(f"{step.name} {step.state}", describe_step(step))
        if record.awaits_approval:
            self._write_once("request", describe_outcome(self._service, record))
        if record.notified_at:
            self._write_once("outcome", describe_outcome(self._service, record))

    def _write_once(self, key: str, line: str) -> None:
        if key not in self._written:
            self._written.add(key)
            self._write(line)


def describe_step(step: Step) -> str:
    """Return a step's name, state and, unless it is running, its time."""
    return f"{step.name}: {step.state}" + (f" ({step.seconds:.1f} s)" if step.state != "running" else "")


def open_notebook_display() -> Callable[[Any], None] | None:
    """Return a function that draws an object in the cell's output, replacing the last; None outside a notebook."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython.display import display

    handle: Any = display(display_id=True)
    return lambda shown: handle.update(shown)
