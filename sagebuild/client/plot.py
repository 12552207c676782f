"""Line plots of metrics as SVG, for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from sagebuild.client.html import GREY, SVG_FONT, Html

_LINE_COLOURS = ("#1565c0", "#c62828", "#2e7d32", "#b26a00", "#6a1b9a", "#00838f")
_WIDTH, _HEIGHT, _MARGIN = 520, 180, 44  # pixels


def render_plots(
    series: Mapping[str, Sequence[float]], title: str, places: Sequence[int] = (), notes: Sequence[str] = ()
) -> Html:
    """Render a plot for each series that has a finite value, and the notes.

    Parameters
    ----------
    series
        Values by name. A value that is not finite has no point; its place on the axis stays empty.
    places
        Numbers of the values for the horizontal axis; default: 1, 2, 3, ...
    notes
        Sentences below the plots.
    """
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    if not series:
        return Html(f"<p>{escape(title)}: no metrics yet.</p>{below}")
    plots = (
        _render_plot(name, values, places, _LINE_COLOURS[index % len(_LINE_COLOURS)])
        if any(map(math.isfinite, values))
        else f"<p>{escape(name)}: no finite value.</p>"
        for index, (name, values) in enumerate(series.items())
    )
    return Html(f"<div><b>{escape(title)}</b><br>{''.join(plots)}{below}</div>")


def _render_plot(name: str, values: Sequence[float], places: Sequence[int], colour: str) -> str:
    points = list(_place_points(values))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    finite = [value for value in values if math.isfinite(value)]
    text = f"{SVG_FONT} font-size='11' fill='{GREY}'"
    first, last = (places[0], places[-1]) if places else (1, len(values))
    dots = "".join(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{colour}'/>" for x, y in points)
    bottom = _HEIGHT - 8
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}'>"
        f"<text x='{_MARGIN}' y='14' {SVG_FONT} font-size='13' fill='{colour}'>{escape(name)} {finite[-1]:g}</text>"
        f"<text x='4' y='34' {text}>{max(finite):.3g}</text>"
        f"<text x='4' y='{_HEIGHT - 24}' {text}>{min(finite):.3g}</text>"
        f"<text x='{_MARGIN}' y='{bottom}' {text}>{first}</text>"
        f"<text x='{_WIDTH - 12}' y='{bottom}' text-anchor='end' {text}>{last}</text>"
        f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='1.5'/>{dots}</svg>"
    )


def _place_points(values: Sequence[float]) -> Iterator[tuple[float, float]]:
    finite = [value for value in values if math.isfinite(value)]
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    across = (_WIDTH - _MARGIN - 12) / max(len(values) - 1, 1)
    for index, value in enumerate(values):
        if math.isfinite(value):
            yield _MARGIN + index * across, _HEIGHT - 28 - (value - low) / span * (_HEIGHT - 58)
