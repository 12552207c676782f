"""Compares two builds: their fields side by side, and their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.records import BuildRecord
from sagebuild.client.descriptions import describe_cost_briefly
from sagebuild.client.differences import describe_differences, list_differences
from sagebuild.client.public_record import describe_publicly
from sagebuild.notifications.words import format_seconds
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.merging import override_document
from sagebuild.view.html import render_differences, render_table, stack_vertically


@dataclass(frozen=True)
class Comparison:
    """Two builds: their fields side by side, and the differences of their parameters."""

    first: BuildRecord
    second: BuildRecord

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """A field's name, and its value in each of the two."""
        one, other = _describe_fields(self.first), _describe_fields(self.second)
        return [(name, one.get(name, "-"), other.get(name, "-")) for name in one | other]

    @property
    def differences(self) -> list[str]:
        """A line for each parameter that differs, the builds' overrides included."""
        return describe_differences(_read_parameters(self.first), _read_parameters(self.second))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: the two records as `Build.to_dict` has them, and the parameters that differ."""
        parameters = list_differences(_read_parameters(self.first), _read_parameters(self.second))
        return {"builds": [describe_publicly(one) for one in (self.first, self.second)], "parameters": parameters}

    def __repr__(self) -> str:
        rows = [f"{name:<12} {one:<28} {other}" for name, one, other in self.rows]
        return "\n".join([*rows, *self.differences])

    def _repr_html_(self) -> str:
        columns = ("", f"build {self.first.number}", f"build {self.second.number}")
        return stack_vertically(render_table(self.rows, columns), render_differences(self.differences))


@dataclass(frozen=True)
class SideBySide:
    """Any number of builds.

    Parameters
    ----------
    rows
        A field's name, and its value in each build.
    differences
        Of each build but the first: its number, and a line for each parameter that differs from the first.
    """

    rows: list[tuple[str, list[str]]]
    differences: list[tuple[int, list[str]]]


def compare_builds(records: Sequence[BuildRecord]) -> SideBySide:
    """Compare builds with each other, and their parameters with those of the first."""
    fields = [_describe_fields(record) for record in records]
    names = list(dict.fromkeys(name for each in fields for name in each))
    rows = [(name, [each.get(name, "-") for each in fields]) for name in names]
    differences = [(record.number, Comparison(records[0], record).differences) for record in records[1:]]
    return SideBySide(rows, differences)


def _read_parameters(record: BuildRecord) -> dict[str, Any]:
    return override_document(read_leniently(record.parameters), read_leniently(record.overrides))


def _describe_fields(record: BuildRecord) -> dict[str, str]:
    fields = {
        "build": str(record.number),
        "status": record.status,
        "step": record.step,
        "reason": record.reason,
        "started": record.created_at[:19].replace("T", " "),
        "took": format_seconds(record.seconds),
        "training": format_seconds(record.job_seconds) if record.job_status else "",
        "cost": describe_cost_briefly(record),
        "model": record.model,
        "serves": record.live_after,
    }
    fields |= {name: f"{value:g}" for name, value in sorted(record.metrics.items())}
    return {name: value for name, value in fields.items() if value}
