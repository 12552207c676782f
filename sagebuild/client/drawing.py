"""How things show themselves in a notebook: HTML tables and hand-written SVG, readable on light and dark."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from sagebuild.builds.records import BuildRecord
from sagebuild.client.facts import describe_facts, describe_target, name_build
from sagebuild.client.layout import Box, lay_out
from sagebuild.notifications.words import format_metrics

if TYPE_CHECKING:
    from sagebuild.client.build import Build
    from sagebuild.client.comparison import Comparison
    from sagebuild.client.metrics import Curves
    from sagebuild.client.steps import Step, Steps

COLOURS = {
    "done": "#2e7d32",
    "succeeded": "#2e7d32",
    "good": "#2e7d32",
    "running": "#1565c0",
    "launching": "#1565c0",
    "failed": "#c62828",
    "bad": "#c62828",
    "stopped": "#b26a00",
    "withheld": "#b26a00",
    "unknown": "#b26a00",
}
# Of a build, above the picture of its steps.
_FACTS = (
    "started by",
    "for this build alone",
    "took",
    "step",
    "reason",
    "metrics",
    "live metrics",
    "approval",
    "serves now",
    "notes",
)
_GREY = "#8a8a8a"
_LINES = ("#1565c0", "#c62828", "#2e7d32", "#b26a00", "#6a1b9a", "#00838f")
_WIDTH, _HEIGHT, _MARGIN = 520, 180, 44
_LINE = 30  # characters of a cell that are not broken
_FONT = "font-family='system-ui,sans-serif'"


def draw_steps(steps: Steps) -> str:
    """The state machine, each step in the colour of its state and with its time."""
    boxes, width, height = lay_out([step.name for step in steps], steps.transitions)
    begun = {step.name for step in steps if step.visits}
    parts = [
        _draw_transition(boxes[one], boxes[other], {one, other} <= begun)
        for one, other in sorted(
            steps.transitions, key=lambda way: set(way) <= begun
        )  # those that were gone lie on top
        if one in boxes and other in boxes
    ]
    parts += [_draw_step(step, boxes[step.name]) for step in steps]
    size = f"width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} style='max-width:100%;height:auto'>{''.join(parts)}</svg>"


def draw_curves(curves: Curves) -> str:
    """A plot for each metric that has a finite value, and the notes."""
    notes = "".join(f"<p>{escape(note)}</p>" for note in curves.notes)
    if not curves:
        return f"<p>{escape(curves.title)}: no metrics yet.</p>{notes}"
    plots = (
        _draw_plot(name, values, curves.places, _LINES[index % len(_LINES)])
        if any(map(math.isfinite, values))
        else f"<p>{escape(name)}: no finite value.</p>"
        for index, (name, values) in enumerate(curves.items())
    )
    return f"<div><b>{escape(curves.title)}</b><br>{''.join(plots)}{notes}</div>"


def draw_build(build: Build) -> str:
    """A build: its outcome, its steps, and what it has measured."""
    record = build.record
    shown = [(name, value) for name, value in describe_facts(record).items() if name in _FACTS]
    head = f"<h4>{escape(name_build(record).rstrip(','))} {_badge(record.status)}</h4>"
    return f"<div>{head}{_table([], shown)}{draw_steps(build.steps())}</div>"


def draw_builds(records: Iterable[BuildRecord]) -> str:
    """A table of builds."""
    rows = [
        (
            record.number,
            _Raw(_badge(record.status)),
            record.created_at[:16].replace("T", " "),
            str(timedelta(seconds=round(record.seconds))),
            record.trigger.kind,
            format_metrics(record.metrics),
            record.reason or (f"rollback to {describe_target(record)}" if record.trigger.rollback else ""),
        )
        for record in records
    ]
    return _table(["build", "outcome", "started (UTC)", "took", "started by", "metrics", "reason"], rows)


def draw_comparison(comparison: Comparison) -> str:
    """Two builds side by side."""
    table = _table(["", f"build {comparison.first.number}", f"build {comparison.second.number}"], comparison.rows)
    return f"<div>{table}{draw_differences(comparison.differences)}</div>"


def draw_differences(lines: Sequence[str]) -> str:
    """Lines that begin with +, - or ~."""
    colours = {"+": COLOURS["done"], "-": COLOURS["failed"], "~": COLOURS["running"]}
    shown = (f"<span style='color:{colours[line[0]]}'>{escape(line)}</span>" for line in lines)
    return f"<pre>{'<br>'.join(shown) or 'The parameters are the same.'}</pre>"


def draw_document(name: str, document: Mapping[str, Any]) -> str:
    """The parameter document."""
    rows = [(key, json.dumps(value)) for key, value in document.items()]
    return f"<div><b>{escape(name)}</b>{_table(['parameter', 'value'], rows)}</div>"


def draw_outputs(title: str, outputs: Mapping[str, str]) -> str:
    """What a stack gives out."""
    return f"<div><b>{escape(title)}</b>{_table([], sorted(outputs.items()))}</div>"


def draw_findings(findings: Iterable[tuple[str, str, str]]) -> str:
    """What was looked at: its state, its subject, what was seen."""
    return _table([], [(_Raw(_badge(state)), subject, told) for state, subject, told in findings])


class _Raw(str):
    """HTML already."""


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    titles = "".join(f"<th style='text-align:left'>{escape(title)}</th>" for title in head)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{titles}</tr>' if head else ''}{body}</table>"


def _cell(value: Any) -> str:
    text = str(value) if isinstance(value, _Raw) else escape(str(value))
    is_long = len(str(value)) > _LINE and not isinstance(value, _Raw)
    wrap = "overflow-wrap:anywhere" if is_long else "white-space:nowrap"
    return f"<td style='text-align:left;vertical-align:top;{wrap}'>{text}</td>"


def _badge(status: str) -> str:
    return f"<span style='color:{COLOURS.get(status, _GREY)}'>{escape(status)}</span>"


def _draw_step(step: Step, box: Box) -> str:
    colour = COLOURS.get(step.state, _GREY)
    begun = step.state in COLOURS
    opacity = 0.15 if begun else 0.04
    faint = " opacity='0.55'" if step.state == "skipped" else ""
    told = f"{step.state}, {step.seconds:.1f} s" if begun else step.state
    middle = box.x + box.width / 2
    frame = f"x='{box.x:g}' y='{box.y:g}' width='{box.width}' height='{box.height}' rx='6'"
    anchor = f"text-anchor='middle' {_FONT}"
    return (
        f"<rect {frame} style='fill:var(--jp-layout-color0,white)'/>"  # opaque: hides the lines behind
        f"<g{faint}><rect {frame} fill='{colour}' fill-opacity='{opacity}' stroke='{colour}'/>"
        f"<text x='{middle:g}' y='{box.y + 15:g}' {anchor} font-size='13' fill='{colour}'>{escape(step.name)}</text>"
        f"<text x='{middle:g}' y='{box.y + 28:g}' {anchor} font-size='10' fill='{colour}'>{told}</text></g>"
    )


def _draw_transition(one: Box, other: Box, was_gone: bool) -> str:
    if other.y <= one.y:  # back to look again: the loop is told by the step's own name
        return ""
    x1, y1, x2, y2 = one.x + one.width / 2, one.y + one.height, other.x + other.width / 2, other.y
    bend = (y1 + y2) / 2
    stroke = f"stroke='{COLOURS['done']}' stroke-width='2'" if was_gone else f"stroke='{_GREY}' stroke-opacity='0.35'"
    return f"<path d='M{x1:g} {y1:g} C{x1:g} {bend:g} {x2:g} {bend:g} {x2:g} {y2:g}' fill='none' {stroke}/>"


def _draw_plot(name: str, values: Sequence[float], places: Sequence[int], colour: str) -> str:
    points = list(_place(values))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    known = [value for value in values if math.isfinite(value)]
    text = f"{_FONT} font-size='11' fill='{_GREY}'"
    first, last = (places[0], places[-1]) if places else (1, len(values))
    dots = "".join(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{colour}'/>" for x, y in points)
    bottom = _HEIGHT - 8
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}'>"
        f"<text x='{_MARGIN}' y='14' {_FONT} font-size='13' fill='{colour}'>{escape(name)} {known[-1]:g}</text>"
        f"<text x='4' y='34' {text}>{max(known):.3g}</text>"
        f"<text x='4' y='{_HEIGHT - 24}' {text}>{min(known):.3g}</text>"
        f"<text x='{_MARGIN}' y='{bottom}' {text}>{first}</text>"
        f"<text x='{_WIDTH - 12}' y='{bottom}' text-anchor='end' {text}>{last}</text>"
        f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='1.5'/>{dots}</svg>"
    )


def _place(values: Sequence[float]) -> Iterator[tuple[float, float]]:
    known = [value for value in values if math.isfinite(value)]
    low, span = min(known), (max(known) - min(known)) or 1.0
    across = (_WIDTH - _MARGIN - 12) / max(len(values) - 1, 1)
    for index, value in enumerate(values):
        if math.isfinite(value):
            yield _MARGIN + index * across, _HEIGHT - 28 - (value - low) / span * (_HEIGHT - 58)
