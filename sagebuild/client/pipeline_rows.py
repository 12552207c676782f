"""The pipelines of a stack as rows of a table, read with one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sagebuild.builds.lock import PipelineState, list_states
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.builds.records import list_builds, now
from sagebuild.builds.summary import summarize
from sagebuild.cost.spent import format_dollars
from sagebuild.service import Service

COLUMNS = ("pipeline", "newest build", "outcome", "live build", "age", "training", "endpoint")  # of `describe_pipeline`


@dataclass(frozen=True)
class PipelineRow:
    """A pipeline in the list of pipelines.

    Parameters
    ----------
    name
        Its name; "default" for the default pipeline.
    build
        The newest build; None before the first.
    outcome
        Of the newest build: "running", "succeeded", "failed", "stopped" or "withheld"; "removing" for a pipeline that
        is being removed; empty before the first build.
    pending
        The number of requests that wait for the running build to end.
    live_build
        The build whose model the endpoint served when a build last ended; None without an endpoint.
    live_since
        When the live build ended; ISO 8601 in UTC, or empty.
    training_cost
        The estimated cost of the training of the newest build that has ended, in US dollars; None if it is unknown.
    endpoint_hourly_cost
        The estimated cost of the endpoint in US dollars; None without an endpoint, or if it is unknown.
    """

    name: str
    build: int | None
    outcome: str
    pending: int = 0
    live_build: int | None = None
    live_since: str = ""
    training_cost: float | None = None
    endpoint_hourly_cost: float | None = None

    @property
    def age(self) -> timedelta | None:
        """The time since the live build ended; None without a live build."""
        return now() - datetime.fromisoformat(self.live_since) if self.live_since else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self) | {"age_seconds": round(self.age.total_seconds()) if self.age else None}


def read_rows(service: Service) -> list[PipelineRow]:
    """Read all pipelines of the stack, the default one first, with one query for any number of them."""
    return [_build_row(_add_summary(service, state)) for state in list_states(service)]


def describe_newest(state: PipelineState) -> str:
    """Return the newest build of a pipeline in a few words: "build 4 succeeded"."""
    row = _build_row(state)
    if row.outcome == "removing":
        return "is being removed"
    return f"build {row.build} {row.outcome}" if row.build else "no builds"


def describe_pipeline(row: PipelineRow) -> Sequence[str]:
    """Return a pipeline's cells in a table of pipelines, as `COLUMNS` names them."""
    age, hourly = row.age, row.endpoint_hourly_cost
    return (
        row.name,
        str(row.build or "") + (f", {row.pending} pending" if row.pending else ""),
        row.outcome,
        str(row.live_build or ""),
        _format_age(age) if age is not None else "",
        format_dollars(row.training_cost) if row.training_cost is not None else "",
        f"{format_dollars(hourly)}/h" if hourly is not None else "",
    )


def render_text(rows: Iterable[PipelineRow]) -> str:
    """Render pipelines as a table of text."""
    cells = [COLUMNS, *map(describe_pipeline, rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(COLUMNS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _add_summary(service: Service, state: PipelineState) -> PipelineState:
    """Add the summary to a state of version 0.1, from the records. That version had only the default pipeline."""
    if state.summary or state.pipeline or not state.newest_ended:
        return state
    default = service.for_pipeline("")
    ended = next((record for record in list_builds(default, limit=2) if record.has_ended), None)
    return replace(state, summary=summarize(default, ended)) if ended else state


def _build_row(state: PipelineState) -> PipelineRow:
    name, pending = state.pipeline or DEFAULT, state.pending.count if state.pending else 0
    ended = state.summary
    build, outcome = (ended.number, ended.outcome) if ended else (None, "")
    if state.running:
        build, outcome = state.running, "running"
    if state.removed_at:
        outcome = "removing"
    if not ended:
        return PipelineRow(name, build, outcome, pending)
    return PipelineRow(
        name, build, outcome, pending, ended.live, ended.live_since, ended.cost, ended.endpoint_hourly_cost
    )


def _format_age(age: timedelta) -> str:
    """Format an age by its largest unit: "5 minutes", "1 hour", "12 days"."""
    minutes = max(0, round(age.total_seconds() / 60))
    for unit, size in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return "under a minute"
