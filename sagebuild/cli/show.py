"""How things look in a terminal: tables, marks, times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sagebuild.builds.records import BuildRecord
from sagebuild.client.comparison import Comparison
from sagebuild.client.doctor import Diagnosis
from sagebuild.client.facts import describe_facts, describe_target
from sagebuild.client.metrics import Curves, draw_sparkline
from sagebuild.client.steps import Step
from sagebuild.notifications.words import format_metrics

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
    for column in table.columns[:-1]:
        column.no_wrap = True  # the reason is what gives way
    for record in records:
        target = describe_target(record)
        told = record.reason or (f"rollback to {target}" if target else "")
        row = (
            Text(str(record.number)),
            Text(record.status, style=STYLES.get(record.status, "")),
            Text(record.created_at[:16].replace("T", " ")),
            Text(str(timedelta(seconds=round(record.seconds)))),
            Text(record.trigger.kind),
            Text(format_metrics(record.metrics)),
        )
        table.add_row(*row, Text(" ".join(told.split()), overflow="ellipsis", no_wrap=True))
    return table


def show_pairs(pairs: Iterable[tuple[Text, str]], wrap: bool) -> RenderableType:
    """A line for each name and its value.

    Parameters
    ----------
    wrap
        Break long values beside their names, as a terminal is narrow; a pipe gets each in one line.
    """
    if not wrap:
        return Text("\n").join(Text.assemble(name, "  ", value) for name, value in pairs)
    table = _grid("", "", show_header=False)
    for name, value in pairs:
        table.add_row(name, Text(value, overflow="fold"))
    return table


def show_build(record: BuildRecord, url: str, wrap: bool) -> RenderableType:
    """All that a person asks of a build."""
    facts = {"build": str(record.number), **describe_facts(record), "console": url}
    width = max(map(len, facts))
    return show_pairs(((Text(f"{name:<{width}}", style="dim"), value) for name, value in facts.items()), wrap)


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


def show_curves(curves: Curves) -> RenderableType:
    """A sparkline for each metric, with its last value, and the notes."""
    table = _grid()
    for name, values in curves.items():
        table.add_row(Text(name), Text(draw_sparkline(values), style="cyan"), f"{values[-1]:g}")
    return Group(table, *(Text(note, style="dim") for note in curves.notes))


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


def show_diagnosis(diagnosis: Diagnosis, wrap: bool) -> RenderableType:
    """A line for each thing that was looked at."""
    width = max(len(finding.subject) for finding in diagnosis.findings)
    pairs = (
        (Text(f"{_MARKS.get(one.state, '?')} {one.subject:<{width}}", style=STYLES[one.state], no_wrap=True), one.told)
        for one in diagnosis.findings
    )
    return show_pairs(pairs, wrap)


def _grid(*titles: str, show_header: bool = True) -> Table:
    table = Table(
        box=None, show_header=bool(titles) and show_header, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0)
    )
    for title in titles or ("", "", "", ""):
        table.add_column(title)
    return table
