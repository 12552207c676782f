"""Finds the stack and its pipelines for the page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagebuild.client.build import Build
    from sagebuild.client.pipeline import Pipeline
    from sagebuild.client.stack import Stack

KIND = "page"  # of the trigger; builds record it


@dataclass
class Source:
    """The stack that the page shows, found at the first access, so that the page is there before it.

    Parameters
    ----------
    open_stack
        Returns a stack by its name, and without a name the one that the command named. A failed attempt is repeated at
        the next access.
    stack_name, pipeline_name
        Shown until the stack is found.
    read_only
        Whether the page changes nothing.
    """

    open_stack: Callable[[str | None], Stack]
    stack_name: str
    pipeline_name: str
    read_only: bool
    _stack: Stack | None = None
    _pipelines: dict[str, Pipeline] = field(default_factory=dict)
    _builds: dict[tuple[str, int], Build] = field(default_factory=dict)
    _others: dict[str, Stack] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def stack(self) -> Stack:
        """The stack."""
        with self._lock:
            if self._stack is None:
                self._stack = self.open_stack(None)
                self._stack.requested_by = KIND
            return self._stack

    def pipeline(self, name: str) -> Pipeline:
        """Return a pipeline by its name.

        Raises
        ------
        PipelineNotFoundError
            The stack has no such pipeline.
        """
        stack = self.stack
        with self._lock:
            if name not in self._pipelines:
                self._pipelines[name] = stack.pipeline(name)
            return self._pipelines[name]

    def build(self, pipeline: str, number: int) -> Build:
        """Return a build; the same object each time, because it keeps what never changes.

        Raises
        ------
        BuildNotFoundError
            No build has that number.
        """
        if (pipeline, number) not in self._builds:
            build = self.pipeline(pipeline).build(number)
            with self._lock:
                self._builds.setdefault((pipeline, number), build)
        return self._builds[pipeline, number]

    def list_stacks(self) -> list[Stack]:
        """Return all stacks of the region, the page's own first."""
        own = self.stack
        for name in own.list_stacks():
            if name != own.name and name not in self._others:
                self._others[name] = self.open_stack(name)
        return [own, *self._others.values()]

    def open_early(self) -> None:
        """Find the stack before the first request that needs it; an error is raised and shown then."""
        with suppress(Exception):
            self.pipeline(self.pipeline_name)
