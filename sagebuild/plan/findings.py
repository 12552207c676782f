"""Collects the findings of preflight: problems, which end the build before anything costs money, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field

from sagebuild.errors import PreflightError
from sagebuild.parameters.shown import join_sentences


@dataclass
class Findings:
    """The problems that stop a build, and notes about what could not be examined."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_note(self, note: str | None) -> None:
        """Add a note once; None adds nothing."""
        if note and note not in self.notes:
            self.notes.append(note)

    def raise_problems(self) -> None:
        """Raise all problems as one error.

        Raises
        ------
        PreflightError
            With one line for each of the first twenty problems.
        """
        if self.problems:
            raise PreflightError(join_sentences(dict.fromkeys(self.problems)))
