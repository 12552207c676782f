"""The result of the doctor: a finding for each check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sagebuild.errors import PreflightError
from sagebuild.view.html import render_badge, render_table

_NOT_STARTED = "No build was started, because its checks found an error."
_ADVICE = "Correct it and start again. '--no-check' (in Python: check=False) starts a build without the checks."


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Parameters
    ----------
    state
        "ok"; "error" if a build would fail or not begin; or "unknown" if the check was not possible.
    message
        The result in words; for an error, also what to do.
    """

    subject: str
    state: str
    message: str

    @property
    def text(self) -> str:
        """The message, after the place in a file that it concerns, if there is one."""
        return self.message


@dataclass(frozen=True)
class Diagnosis:
    """The results of all checks."""

    findings: Sequence[Finding]

    @property
    def has_no_errors(self) -> bool:
        """False if a check found an error; a check that was not possible is not an error."""
        return all(finding.state != "error" for finding in self.findings)

    def raise_errors(self) -> None:
        """Raise all errors as one.

        Raises
        ------
        PreflightError
            With a line for each error.
        """
        errors = {one.text: one.subject for one in reversed(self.findings) if one.state == "error"}
        if errors:
            lines = [f"{subject}: {text}" for text, subject in reversed(errors.items())]
            raise PreflightError("\n".join([_NOT_STARTED, *lines, _ADVICE]))

    def to_list(self) -> list[dict[str, str]]:
        """Return plain values, for JSON."""
        return [asdict(finding) for finding in self.findings]

    def _repr_html_(self) -> str:
        return render_table((render_badge(one.state), one.subject, one.text) for one in self.findings)

    def __repr__(self) -> str:
        return "\n".join(f"{one.state:<8} {one.subject:<12} {one.text}" for one in self.findings)
