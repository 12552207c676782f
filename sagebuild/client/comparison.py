"""Two builds side by side, and two documents line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagebuild.builds.records import BuildRecord
from sagebuild.client.differences import describe_differences, read_leniently
from sagebuild.client.facts import describe_costs
from sagebuild.notifications.words import format_seconds


@dataclass(frozen=True)
class Comparison:
    """Two builds: what is told of each, and where their parameters differ."""

    first: BuildRecord
    second: BuildRecord

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """The name of a thing, and what it is in each of the two."""
        one, other = _tell(self.first), _tell(self.second)
        return [(name, one.get(name, "-"), other.get(name, "-")) for name in one | other]

    @property
    def differences(self) -> list[str]:
        """A line for each parameter that differs, those of one build alone included."""
        return describe_differences(_read_parameters(self.first), _read_parameters(self.second))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        builds = {name: {str(self.first.number): one, str(self.second.number): two} for name, one, two in self.rows}
        return {"builds": builds, "parameters": self.differences}

    def __repr__(self) -> str:
        rows = [f"{name:<12} {one:<28} {other}" for name, one, other in self.rows]
        return "\n".join([*rows, *self.differences])

    def _repr_html_(self) -> str:
        from sagebuild.client.drawing import draw_comparison

        return draw_comparison(self)


def compare_builds(first: BuildRecord, second: BuildRecord) -> Comparison:
    """Two builds side by side."""
    return Comparison(first, second)


def _read_parameters(record: BuildRecord) -> dict[str, Any]:
    return read_leniently(record.parameters) | read_leniently(record.overrides)


def _tell(record: BuildRecord) -> dict[str, str]:
    told = {
        "build": str(record.number),
        "status": record.status,
        "step": record.step,
        "reason": record.reason,
        "started": record.created_at[:19].replace("T", " "),
        "took": format_seconds(record.seconds),
        "training": format_seconds(record.job_seconds) if record.job_status else "",
        "cost": describe_costs(record),
        "model": record.model,
        "serves": record.live_after,
    }
    told |= {name: f"{value:g}" for name, value in sorted(record.metrics.items())}
    return {name: value for name, value in told.items() if value}
