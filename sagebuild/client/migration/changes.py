"""The report of a migration: one entry for each difference between the two documents."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Action = Literal["renamed", "retyped", "defaulted", "moved", "kept", "dropped"]


class Change(NamedTuple):
    """One difference.

    Parameters
    ----------
    name
        The name in the old document.
    action
        ``renamed`` and ``retyped`` keep the meaning; ``dropped`` has no counterpart; ``defaulted`` is a value that the
        old document does not contain; ``moved`` is set somewhere else; ``kept`` needs something from you.
    value
        The old value; None if the old document does not have the name.
    """

    name: str
    action: Action
    value: Any
    reason: str


class Changes(list[Change]):
    """The report so far."""

    def add(self, name: str, action: Action, value: Any, reason: str) -> None:
        """Append an entry."""
        self.append(Change(name, action, value, reason))
