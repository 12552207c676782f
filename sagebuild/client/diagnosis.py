"""The result of the doctor: a finding for each check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sagebuild.client.html import render_badge, render_table


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


@dataclass(frozen=True)
class Diagnosis:
    """The results of all checks."""

    findings: Sequence[Finding]

    @property
    def has_no_errors(self) -> bool:
        """False if a check found an error; a check that was not possible is not an error."""
        return all(finding.state != "error" for finding in self.findings)

    def to_list(self) -> list[dict[str, str]]:
        """Return plain values, for JSON."""
        return [asdict(finding) for finding in self.findings]

    def _repr_html_(self) -> str:
        return render_table((render_badge(one.state), one.subject, one.message) for one in self.findings)

    def __repr__(self) -> str:
        return "\n".join(f"{one.state:<8} {one.subject:<12} {one.message}" for one in self.findings)
