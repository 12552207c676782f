"""How things look in a terminal: tables, marks, times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sagebuild.client.comparison import Comparison
from sagebuild.client.doctor import Diagnosis
from sagebuild.client.facts import describe_facts
from sagebuild.client.metrics import draw_sparkline
from sagebuild.client.steps import Step
from sagebuild.notify import format_seconds, tell_metrics
from sagebuild.records import BuildRecord

STYLES = {
    "done": "green",
    "succeeded": "green",
    "good": "green",
    "running": "cyan",
    "launching": "cyan",
    "failed": "red",
    "bad": "red",
    "stopped": "yellow",
    "withheld": "yellow",
    "unknown": "yellow",
}
_MARKS = {"done": "●", "running": "◐", "failed": "✗", "stopped": "■", "waiting": "○", "good": "●", "bad": "✗"}


def show_builds(records: Iterable[BuildRecord]) -> Table:
    """One line for each build."""
    table = _grid("BUILD", "OUTCOME", "STARTED (UTC)", "TOOK", "BY", "METRICS", "REASON")
    for record in records:
        table.add_row(
            str(record.number),
            Text(record.status, style=STYLES.get(record.status, "")),
            record.created_at[:19].replace("T", " "),
            format_seconds(record.seconds),
            record.trigger.kind,
            tell_metrics(record.metrics),
            Text(" ".join(record.reason.split()), overflow="ellipsis", no_wrap=True),
        )
    return table


def show_facts(facts: Mapping[str, str]) -> Text:
    """A line for each name and value, however long."""
    width = max(map(len, facts))
    lines = (Text.assemble((f"{name:<{width}}  ", "dim"), value) for name, value in facts.items())
    return Text("\n").join(lines)


def show_build(record: BuildRecord, url: str) -> Text:
    """All that a person asks of a build."""
    return show_facts({"build": str(record.number), **describe_facts(record), "console": url})


def show_steps(steps: Iterable[Step], with_waiting: bool = True) -> Table:
    """A line for each step that is or was, and for those to come."""
    table = _grid()
    for step in steps:
        if step.state == "skipped" or (step.state == "waiting" and not with_waiting):
            continue
        style = STYLES.get(step.state, "dim")
        took = "" if step.state == "waiting" else f"{step.seconds:6.1f} s"
        table.add_row(*(Text(part, style=style) for part in (_MARKS[step.state], step.name, took, step.state)))
    return table


def show_curves(curves: Mapping[str, Sequence[float]]) -> RenderableType:
    """A sparkline for each metric, with its last value."""
    table = _grid()
    for name, values in curves.items():
        table.add_row(Text(name), Text(draw_sparkline(values), style="cyan"), f"{values[-1]:g}")
    return table


def show_differences(lines: Sequence[str]) -> RenderableType:
    """Lines that begin with +, - or ~."""
    styles = {"+": "green", "-": "red", "~": "cyan"}
    return Group(*(Text(line, style=styles[line[0]]) for line in lines)) if lines else Text("Nothing differs.")


def show_comparison(comparison: Comparison) -> RenderableType:
    """Two builds side by side, and where their parameters differ."""
    table = _grid("", str(comparison.first.number), str(comparison.second.number))
    for name, one, other in comparison.rows:
        table.add_row(Text(name, style="dim"), Text(one), Text(other))
    return Group(table, Text(), show_differences(comparison.differences))


def show_diagnosis(diagnosis: Diagnosis) -> Text:
    """A line for each thing that was looked at, however long."""
    lines = (
        Text.assemble((f"{_MARKS.get(finding.state, '?')} {finding.subject:<12}", STYLES[finding.state]), finding.told)
        for finding in diagnosis.findings
    )
    return Text("\n").join(lines)


def _grid(*titles: str) -> Table:
    table = Table(box=None, show_header=bool(titles), header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles or ("", "", "", ""):
        table.add_column(title)
    return table
