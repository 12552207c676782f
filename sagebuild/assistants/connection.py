"""Finds the stack for the tools of the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from sagebuild.client.pipeline import Pipeline
from sagebuild.client.stack import Stack

KIND = "assistant"  # of the trigger; builds record it


class Connection:
    """Finds the stack at the first call, so that the server also starts without credentials, and each tool says why.

    Parameters
    ----------
    open_stack
        Returns the stack, which acts as the pipeline of tools that name none.
    """

    def __init__(self, open_stack: Callable[[], Stack]) -> None:
        self._open_stack = open_stack

    @cached_property
    def stack(self) -> Stack:
        """The stack; a failed attempt is repeated at the next access."""
        stack = self._open_stack()
        stack.requested_by = KIND
        return stack

    def pipeline(self, name: str) -> Pipeline:
        """Return a pipeline by its name; an empty name is the server's own pipeline.

        Raises
        ------
        PipelineNotFoundError
            The stack has no such pipeline.
        """
        return self.stack.pipeline(name) if name else self.stack
