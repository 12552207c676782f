"""Flow charts as SVG, laid out from top to bottom, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from sagebuild.client.html import GREY, STATUS_COLOURS, SVG_FONT, Html

WIDTH, HEIGHT = 176, 34  # pixels of a box
_ACROSS, _DOWN, _EDGE = 16, 17, 4


class Node(NamedTuple):
    """One box of the chart: its name, its status (which gives the colour) and the text below its name."""

    name: str
    status: str
    caption: str


class Box(NamedTuple):
    """The position and size of a node's box, in pixels."""

    x: float
    y: float
    width: int = WIDTH
    height: int = HEIGHT


def render_flow(nodes: Sequence[Node], transitions: Iterable[tuple[str, str]]) -> Html:
    """Render the chart; a transition between two nodes that have begun is highlighted.

    Parameters
    ----------
    transitions
        Pairs of node names, from one to the next.
    """
    known = [(one, other) for one, other in transitions if {one, other} <= {node.name for node in nodes}]
    boxes, width, height = lay_out([node.name for node in nodes], known)
    begun = {node.name for node in nodes if node.status in STATUS_COLOURS}
    parts = [
        _render_transition(boxes[one], boxes[other], {one, other} <= begun)
        for one, other in sorted(known, key=lambda pair: set(pair) <= begun)  # highlighted lines lie on top
    ]
    parts += [_render_node(node, boxes[node.name]) for node in nodes]
    size = f"width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
    style = "max-width:100%;height:auto"
    return Html(f"<svg xmlns='http://www.w3.org/2000/svg' {size} style='{style}'>{''.join(parts)}</svg>")


def lay_out(names: Sequence[str], transitions: Iterable[tuple[str, str]]) -> tuple[dict[str, Box], int, int]:
    """Return the box of each node, and the chart's width and height in pixels.

    Parameters
    ----------
    names
        In the order of the flow. A transition against this order is a loop; it does not move a box.
    """
    rows = _find_rows(names, transitions)
    width = max(len(row) for row in rows) * (WIDTH + _ACROSS) - _ACROSS + 2 * _EDGE
    boxes = {}
    for down, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + _ACROSS) + _ACROSS) / 2
        for across, name in enumerate(row):
            boxes[name] = Box(left + across * (WIDTH + _ACROSS), _EDGE + down * (HEIGHT + _DOWN))
    return boxes, width, len(rows) * (HEIGHT + _DOWN) - _DOWN + 2 * _EDGE


def _find_rows(names: Sequence[str], transitions: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the row of each name: one below its lowest predecessor."""
    order: Mapping[str, int] = {name: index for index, name in enumerate(names)}
    row = dict.fromkeys(names, 0)
    for one, other in sorted(transitions, key=lambda pair: order[pair[0]]):
        if order[other] > order[one]:
            row[other] = max(row[other], row[one] + 1)
    rows: list[list[str]] = [[] for _ in range(max(row.values()) + 1)]
    for name in names:
        rows[row[name]].append(name)
    return rows


def _render_node(node: Node, box: Box) -> str:
    colour = STATUS_COLOURS.get(node.status, GREY)
    opacity = 0.15 if node.status in STATUS_COLOURS else 0.04
    faint = " opacity='0.55'" if node.status == "skipped" else ""
    middle = box.x + box.width / 2
    frame = f"x='{box.x:g}' y='{box.y:g}' width='{box.width}' height='{box.height}' rx='6'"
    text = f"x='{middle:g}' text-anchor='middle' {SVG_FONT} fill='{colour}'"
    return (
        f"<rect {frame} style='fill:var(--jp-layout-color0,white)'/>"  # opaque: hides the lines behind
        f"<g{faint}><rect {frame} fill='{colour}' fill-opacity='{opacity}' stroke='{colour}'/>"
        f"<text {text} y='{box.y + 15:g}' font-size='13'>{escape(node.name)}</text>"
        f"<text {text} y='{box.y + 28:g}' font-size='10'>{escape(node.caption)}</text></g>"
    )


def _render_transition(one: Box, other: Box, is_highlighted: bool) -> str:
    if other.y <= one.y:  # a loop has no line: it would cross the chart, and the steps' names show the loop
        return ""
    x1, y1, x2, y2 = one.x + one.width / 2, one.y + one.height, other.x + other.width / 2, other.y
    bend = (y1 + y2) / 2
    highlighted = f"stroke='{STATUS_COLOURS['done']}' stroke-width='2'"
    stroke = highlighted if is_highlighted else f"stroke='{GREY}' stroke-opacity='0.35'"
    return f"<path d='M{x1:g} {y1:g} C{x1:g} {bend:g} {x2:g} {bend:g} {x2:g} {y2:g}' fill='none' {stroke}/>"
