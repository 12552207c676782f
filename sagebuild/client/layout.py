"""Places the steps of a state machine on a page, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 176, 34
_ACROSS, _DOWN, _EDGE = 16, 17, 4


class Box(NamedTuple):
    """Where a step is drawn."""

    x: float
    y: float
    width: int = WIDTH
    height: int = HEIGHT


def lay_out(names: Sequence[str], transitions: Iterable[tuple[str, str]]) -> tuple[dict[str, Box], int, int]:
    """The box of each step, and the page's width and height.

    Parameters
    ----------
    names
        In the order of the state machine; a way against it is a way back, and places nothing.
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
    """Each step one row below the lowest of those that lead to it."""
    order: Mapping[str, int] = {name: index for index, name in enumerate(names)}
    row = dict.fromkeys(names, 0)
    for one, other in sorted(transitions, key=lambda way: order[way[0]]):
        if order[other] > order[one]:
            row[other] = max(row[other], row[one] + 1)
    rows: list[list[str]] = [[] for _ in range(max(row.values()) + 1)]
    for name in names:
        rows[row[name]].append(name)
    return rows
