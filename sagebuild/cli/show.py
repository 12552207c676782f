"""Renders builds, steps, metrics, differences and findings for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sagebuild.builds.records import BuildRecord
from sagebuild.client.comparison import Comparison
from sagebuild.client.descriptions import describe_fields, describe_row
from sagebuild.client.diagnosis import Diagnosis
from sagebuild.client.metrics import Curves, draw_sparkline
from sagebuild.client.pipeline_rows import COLUMNS, PipelineRow, describe_pipeline
from sagebuild.view.steps import Step

STYLES = {
    "done": "green",
    "succeeded": "green",
    "ok": "green",
    "running": "cyan",
    "launching": "cyan",
    "failed": "red",
    "error": "red",
    "stopped": "yellow",
    "withheld": "yellow",
    "unknown": "yellow",
}
_MARKS = {
    "done": "●",
    "running": "◐",
    "failed": "✗",
    "stopped": "■",
    "waiting": "○",
    "possible": "○",
    "ok": "●",
    "error": "✗",
}
_NARROW = 100  # columns, below which the list of builds has the reasons in lines of their own


def show_builds(records: Sequence[BuildRecord], width: int) -> RenderableType:
    """Show a line for each build; in a narrow terminal, its reason in lines of its own.

    Parameters
    ----------
    width
        Columns of the output.
    """
    if width < _NARROW:
        return Group(*(line for record in records for line in _show_narrow(record)))
    table = make_grid("BUILD", "OUTCOME", "STARTED (UTC)", "TOOK", "BY", "METRICS", "REASON")
    for column in table.columns[:-1]:
        column.no_wrap = True  # a narrow terminal cuts only the reason
    for number, status, *cells, reason in map(describe_row, records):
        row = (Text(number), Text(status, style=STYLES.get(status, "")), *map(Text, cells))
        table.add_row(*row, Text(reason, overflow="ellipsis", no_wrap=True))
    return table


def _show_narrow(record: BuildRecord) -> Iterator[RenderableType]:
    number, status, *cells, reason = describe_row(record)
    styled = Text(f"{status:<9}", style=STYLES.get(status, ""))
    yield Text.assemble(f"{number:<5} ", styled, "  ", "  ".join(filter(None, cells)))
    if reason:
        yield Padding(Text(reason, overflow="fold"), (0, 0, 0, 6))


def show_pipelines(rows: Iterable[PipelineRow]) -> Table:
    """Show a line for each pipeline."""
    table = make_grid(*(column.upper() for column in COLUMNS))
    for row in rows:
        name, build, outcome, *cells = describe_pipeline(row)
        table.add_row(name, Text(build), Text(outcome, style=STYLES.get(outcome, "")), *map(Text, cells))
    return table


def show_pairs(pairs: Iterable[tuple[Text, str]], wrap: bool) -> RenderableType:
    """Show a line for each name and its value.

    Parameters
    ----------
    wrap
        Break long values into lines beside their names, for a terminal; else each pair is one line, for a pipe.
    """
    if not wrap:
        return Text("\n").join(Text.assemble(name, "  ", value) for name, value in pairs)
    table = make_grid("", "", show_header=False)
    for name, value in pairs:
        table.add_row(name, Text(value, overflow="fold"))
    return table


def show_build(record: BuildRecord, url: str, wrap: bool) -> RenderableType:
    """Show all fields of a build."""
    fields = {"build": str(record.number), **describe_fields(record), "console": url}
    width = max(map(len, fields))
    return show_pairs(((Text(f"{name:<{width}}", style="dim"), value) for name, value in fields.items()), wrap)


def show_summary(summary: Mapping[str, str], wrap: bool) -> RenderableType:
    """Show a line for each label of a build's summary."""
    width = max(map(len, summary))
    return show_pairs(((Text(f"{name:<{width}}", style="dim"), text) for name, text in summary.items()), wrap)


def show_steps(steps: Iterable[Step]) -> Table:
    """Show a line for each step; `Steps.shown` gives those that the build has had or may still have."""
    table = make_grid()
    for step in steps:
        style = STYLES.get(step.state, "dim")
        seconds = f"{step.seconds:6.1f} s" if step.has_begun else ""
        state = "if needed" if step.state == "possible" else step.state
        table.add_row(*(Text(part, style=style) for part in (_MARKS[step.state], step.name, seconds, state)))
    return table


def show_curves(curves: Curves) -> RenderableType:
    """Show a sparkline for each metric with its last value, and the notes."""
    table = make_grid()
    for name, values in curves.items():
        table.add_row(Text(name), Text(draw_sparkline(values), style="cyan"), f"{values[-1]:g}")
    return Group(table, *(Text(note, style="dim") for note in curves.notes))


def show_differences(lines: Sequence[str]) -> RenderableType:
    """Show lines that begin with +, - or ~, each in its colour."""
    styles = {"+": "green", "-": "red", "~": "cyan"}
    return Group(*(Text(line, style=styles[line[0]]) for line in lines)) if lines else Text("No differences.")


def show_comparison(comparison: Comparison) -> RenderableType:
    """Show two builds side by side, and the differences of their parameters."""
    table = make_grid("", str(comparison.first.number), str(comparison.second.number))
    for name, one, other in comparison.rows:
        table.add_row(Text(name, style="dim"), Text(one), Text(other))
    return Group(table, Text(), show_differences(comparison.differences))


def show_diagnosis(diagnosis: Diagnosis, wrap: bool) -> RenderableType:
    """Show a line for each finding."""
    width = max(len(finding.subject) for finding in diagnosis.findings)
    pairs = (
        (
            Text(f"{_MARKS.get(one.state, '?')} {one.subject:<{width}}", style=STYLES[one.state], no_wrap=True),
            one.text,
        )
        for one in diagnosis.findings
    )
    return show_pairs(pairs, wrap)


def make_grid(*titles: str, show_header: bool = True) -> Table:
    """Make a table without lines; by default with four columns that have no titles."""
    table = Table(
        box=None, show_header=bool(titles) and show_header, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0)
    )
    for title in titles or ("", "", "", ""):
        table.add_column(title)
    return table
