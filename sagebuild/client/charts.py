"""Charts as figures of plotly.js, which the page and notebooks draw: with axes, hover, zoom, legend and log scale.

A figure is plain JSON, so that nothing needs the plotly library but the program that draws it.
https://plotly.com/javascript/reference/
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagebuild.view.html import Html

# JupyterLab, VS Code and others draw this type: https://plotly.com/python/renderers/
_PLOTLY = "application/vnd.plotly.v1+json"
_COLOURS = ("#1565c0", "#d9480f", "#2e7d32", "#8e24aa", "#00838f", "#a15c00", "#c2185b", "#546e7a")
_ROW, _GAP, _MARGIN = 220, 46, 40  # pixels
_GREY = "#8a8a8a"


def draw_series(
    series: Mapping[str, Mapping[str, Sequence[float]]], axis: str, places: Sequence[int] = ()
) -> dict[str, Any]:
    """Draw a plot for each metric, one below the other, with a line for each build.

    Parameters
    ----------
    series
        Metrics by name; of each, values by the build's name. A value that is not finite has no point.
    axis
        The title of the horizontal axis.
    places
        The places of the values on it; default: 1, 2, 3, ...
    """
    builds = list(dict.fromkeys(build for lines in series.values() for build in lines))
    traces = []
    for row, (metric, lines) in enumerate(series.items(), 1):
        for build, values in lines.items():
            colour = _COLOURS[builds.index(build) % len(_COLOURS)]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers" if len(values) <= 60 else "lines",
                    "x": list(places or range(1, len(values) + 1)),
                    "y": [value if math.isfinite(value) else None for value in values],
                    "name": build,
                    "legendgroup": build,
                    "showlegend": row == 1,
                    "line": {"color": colour, "width": 2},
                    "marker": {"size": 6},
                    "yaxis": _axis("y", row),
                    "hovertemplate": f"{axis} %{{x}}<br>{metric} %{{y:.4g}}<extra>{build}</extra>",
                }
            )
    return {"data": traces, "layout": _lay_out_rows(list(series), axis, shows_legend=len(builds) > 1)}


def draw_times(
    series: Mapping[str, Sequence[tuple[datetime, float]]], start: datetime, end: datetime
) -> dict[str, Any]:
    """Draw a plot over time, from start to end and from zero, for each series of times and values."""
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [moment.isoformat() for moment, _ in points],
            "y": [value for _, value in points],
            "name": name,
            "line": {"color": _COLOURS[0], "width": 2},
            "marker": {"size": 5},
            "cliponaxis": False,
            "yaxis": _axis("y", row),
        }
        for row, (name, points) in enumerate(series.items(), 1)
    ]
    layout = _lay_out_rows(list(series), "UTC", shows_legend=False)
    layout["xaxis"]["range"] = [start.isoformat(), end.isoformat()]
    for name in layout:
        if name.startswith("yaxis"):
            layout[name]["rangemode"] = "tozero"
    return {"data": data, "layout": layout}


def draw_best_so_far(values: Sequence[tuple[str, float | None]], metric: str, minimize: bool) -> dict[str, Any]:
    """Draw the objective of each trial, and the best one so far.

    Parameters
    ----------
    values
        The label and the objective of each trial, oldest first.
    """
    places = list(range(1, len(values) + 1))
    best: list[float | None] = []
    for _, value in values:
        known = [each for each in (best[-1] if best else None, value) if each is not None]
        best.append((min(known) if minimize else max(known)) if known else None)
    data = [
        {"type": "scatter", "mode": "markers", "name": "trial", "x": places, "y": [value for _, value in values],
         "text": [label for label, _ in values], "marker": {"size": 7, "color": _COLOURS[0], "opacity": 0.7},
         "hovertemplate": f"%{{text}}<br>{metric} %{{y:.4g}}<extra></extra>"},
        {"type": "scatter", "mode": "lines", "name": "best so far", "x": places, "y": best,
         "line": {"color": _COLOURS[1], "width": 2, "shape": "hv"}},
    ]  # fmt: skip
    return {"data": data, "layout": _lay_out_rows([metric], "trial", shows_legend=True)}


def draw_parallel(
    rows: Sequence[Mapping[str, str]], objectives: Sequence[float | None], metric: str, labels: Sequence[str]
) -> dict[str, Any]:
    """Draw parallel coordinates: a line for each trial, over an axis for each hyperparameter and the objective.

    These are ordinary lines, because the type "parcoords" needs WebGL and a script that compiles code.
    """
    names = [*dict.fromkeys(name for row in rows for name in row), metric]
    columns = [[row.get(name) for row in rows] for name in names[:-1]] + [[*objectives]]
    scales = [_Scale.of(column) for column in columns]
    heights = [value for value in (scales[-1].place(one) for one in objectives)]
    data: list[dict[str, Any]] = []
    for row, label in enumerate(labels):
        height = heights[row]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(range(len(names))),
                "y": [scale.place(column[row]) for scale, column in zip(scales, columns, strict=True)],
                "line": {"color": _mix(height), "width": 1.5},
                "opacity": 0.75,
                "showlegend": False,
                "hoverinfo": "text",
                "text": "<br>".join([label, *(f"{n} {c[row]}" for n, c in zip(names, columns, strict=True))]),
            }
        )
    notes = [
        {
            "x": place,
            "y": height,
            "text": text,
            "showarrow": False,
            "xanchor": "left",
            "xshift": 4,
            "font": {"size": 11},
        }
        for place, scale in enumerate(scales)
        for height, text in scale.ticks()
    ]
    lines = [
        {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "line": {"color": _GREY, "width": 1}}
        for place in range(len(names))
    ]
    layout = _lay_out_rows([""], "", shows_legend=False) | {
        "annotations": notes,
        "shapes": lines,
        "hovermode": "closest",
    }
    layout["height"] = 360
    layout["xaxis"] = {
        "tickvals": list(range(len(names))), "ticktext": names, "range": [-0.1, len(names) - 0.6], "zeroline": False,
        "showgrid": False, "side": "top", "automargin": True,
    }  # fmt: skip
    layout["yaxis"] = {"visible": False, "range": [-0.08, 1.08]}
    return {"data": data, "layout": layout}


def bundle_for_notebooks(figure: Mapping[str, Any], title: str, fallback: Html) -> dict[str, Any]:
    """Return a figure in the formats that notebooks show, with a title and buttons for a linear and a log scale.

    Parameters
    ----------
    fallback
        For a program that cannot draw the figure.
    """
    rows = [name for name in figure["layout"] if name.startswith("yaxis")]
    buttons = [
        {"label": label, "method": "relayout", "args": [{f"{row}.type": kind for row in rows}]}
        for label, kind in (("linear", "linear"), ("log", "log"))
    ]
    menu = {"type": "buttons", "direction": "left", "buttons": buttons, "x": 1, "xanchor": "right", "y": 1.12}
    layout = {**figure["layout"], "updatemenus": [menu], "title": {"text": title, "font": {"size": 14}}}
    return {_PLOTLY: {**figure, "layout": layout}, "text/html": str(fallback)}


@dataclass(frozen=True)
class _Scale:
    """One axis of parallel coordinates: of numbers, or of texts, which are spread evenly."""

    low: float
    high: float
    texts: tuple[str, ...] = ()

    @staticmethod
    def of(column: Sequence[Any]) -> _Scale:
        given = [value for value in column if value is not None]
        numbers = [number for number in map(_to_number, given) if number is not None]
        if len(numbers) == len(given):
            return _Scale(min(numbers, default=0.0), max(numbers, default=1.0))
        texts = tuple(sorted(set(map(str, given))))
        return _Scale(0.0, max(len(texts) - 1.0, 1.0), texts)

    def place(self, value: Any) -> float | None:
        """Return the place of a value, from 0 to 1; None without a value."""
        if value is None:
            return None
        number = float(self.texts.index(str(value))) if self.texts else float(value)
        return (number - self.low) / (self.high - self.low) if self.high > self.low else 0.5

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield a place and its text."""
        if self.texts:
            yield from ((self.place(text) or 0.0, text) for text in self.texts)
        else:
            yield from ((0.0, f"{self.low:.4g}"), (1.0, f"{self.high:.4g}"))


def _to_number(value: Any) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _mix(height: float | None) -> str:
    """Return the colour of an objective, from grey for the lowest to blue for the highest."""
    if height is None:
        return "#b0b0b0"
    low, high = (176, 190, 197), (13, 71, 161)
    return "rgb({},{},{})".format(*(round(a + (b - a) * height) for a, b in zip(low, high, strict=True)))


def _axis(letter: str, row: int) -> str:
    return letter if row == 1 else f"{letter}{row}"


def _lay_out_rows(titles: Sequence[str], axis: str, shows_legend: bool) -> dict[str, Any]:
    count = max(len(titles), 1)
    height = count * (_ROW + _GAP) + _MARGIN
    share, gap = _ROW / (count * (_ROW + _GAP)), _GAP / (count * (_ROW + _GAP))
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 60, "r": 20, "t": _MARGIN, "b": _GAP},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _GREY},
        "colorway": list(_COLOURS),
        "showlegend": shows_legend,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
        "hovermode": "x unified" if axis and axis != "trial" else "closest",
        "xaxis": {"title": {"text": axis}, "gridcolor": "rgba(138,138,138,.2)", "zeroline": False,
                  "anchor": _axis("y", count)},
    }  # fmt: skip
    for row, title in enumerate(titles, 1):
        top = 1 - (row - 1) * (share + gap)
        layout["yaxis" if row == 1 else f"yaxis{row}"] = {
            "title": {"text": title}, "domain": [max(top - share, 0), top], "gridcolor": "rgba(138,138,138,.2)",
            "zeroline": False, "automargin": True,
        }  # fmt: skip
    return layout
