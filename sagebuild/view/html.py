"""HTML for notebooks and the console: tables, badges and lists of differences, readable in light and dark themes.

A colour is a variable, such as ``--sb-failed``, which the page and the widget set; notebooks get the one named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

STATUS_COLOURS = {
    "done": "#2e7d32",
    "succeeded": "#2e7d32",
    "ok": "#2e7d32",
    "running": "#1565c0",
    "launching": "#1565c0",
    "failed": "#c62828",
    "error": "#c62828",
    "stopped": "#b26a00",
    "withheld": "#b26a00",
    "unknown": "#b26a00",
}
GREY = "#8a8a8a"
SVG_FONT = "font-family='system-ui,sans-serif'"
_DIFFERENCE_COLOURS = {"+": "#2e7d32", "-": "#c62828", "~": "#1565c0"}
_NO_WRAP_CHARACTERS = 30  # a longer cell may break


class Html(str):
    """A string that is HTML already, so that a table does not escape it."""


def render_badge(status: str, text: str = "") -> Html:
    """Render a status, or another text, in the status's colour."""
    return Html(f"<span style='color:{colour(status)}'>{escape(text or status)}</span>")


def colour(status: str) -> str:
    """Return the colour of a status, in CSS; also of "text" and "line", and of any other text grey."""
    if status == "text":
        return "var(--sb-text,inherit)"
    if status == "line":
        return "var(--sb-line,#8a8a8a80)"
    known = STATUS_COLOURS.get(status)
    return f"var(--sb-{status},{known})" if known else f"var(--sb-grey,{GREY})"


def render_heading(title: str, status: str) -> Html:
    """Render a heading, followed by a status."""
    return Html(f"<h4>{escape(title)} {render_badge(status)}</h4>")


def render_table(rows: Iterable[Sequence[Any]], columns: Sequence[str] = (), title: str = "") -> Html:
    """Render a table; cells that are `Html` are not escaped.

    Parameters
    ----------
    columns
        The column headings; none by default.
    title
        A line in bold above the table; none by default.
    """
    headings = "".join(f"<th style='text-align:left'>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(_render_cell(value) for value in row)}</tr>" for row in rows)
    table = f"<table>{f'<tr>{headings}</tr>' if columns else ''}{body}</table>"
    return Html(f"<div><b>{escape(title)}</b>{table}</div>" if title else table)


def render_differences(lines: Iterable[str]) -> Html:
    """Render lines that begin with +, - or ~, each in its colour."""
    spans = (f"<span style='color:{_DIFFERENCE_COLOURS[line[0]]}'>{escape(line)}</span>" for line in lines)
    return Html(f"<pre>{'<br>'.join(spans) or 'The parameters are the same.'}</pre>")


def stack_vertically(*parts: str) -> Html:
    """Put pieces of HTML into one block, from top to bottom."""
    return Html(f"<div>{''.join(parts)}</div>")


def _render_cell(value: Any) -> str:
    is_html = isinstance(value, Html)
    may_break = not is_html and len(str(value)) > _NO_WRAP_CHARACTERS
    wrap = "overflow-wrap:anywhere" if may_break else "white-space:nowrap"
    return f"<td style='text-align:left;vertical-align:top;{wrap}'>{value if is_html else escape(str(value))}</td>"
