"""Training metrics as series: every value in one training's log, or the final values over many builds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.records import BuildRecord
from sagebuild.client.charts import bundle_for_notebooks, draw_series
from sagebuild.client.logs import read_training_log
from sagebuild.client.metric_log import read_log
from sagebuild.running.job import describe_training_job
from sagebuild.service import Service
from sagebuild.view.html import Html, render_table, stack_vertically

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Curves(Mapping[str, list[float]]):
    """The values of each metric, in order.

    Parameters
    ----------
    places
        The builds' numbers, in a series over builds.
    notes
        A sentence for each metric with values in the log that could not be read.
    """

    series: Mapping[str, list[float]]
    title: str = ""
    places: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> list[float]:
        return self.series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    def draw(self) -> dict[str, Any]:
        """Return a figure of plotly.js: a plot for each metric that has a finite value."""
        finite = {name: values for name, values in self.series.items() if any(map(math.isfinite, values))}
        axis = "build" if self.places else "value"
        return draw_series({name: {self.title: values} for name, values in finite.items()}, axis, self.places)

    def _repr_html_(self) -> str:
        rows = [(name, len(values), _format(values[:1]), _format(values[-1:])) for name, values in self.items()]
        notes = [(note,) for note in self.notes]
        if not rows:
            return stack_vertically(render_table([(f"{self.title}: no metrics yet.",)]), render_table(notes))
        table = render_table(rows, ("metric", "values", "first", "last"), self.title)
        return stack_vertically(table, render_table(notes))

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        figure = self.draw()
        fallback = Html(self._repr_html_())
        if not figure["data"]:
            return {"text/html": str(fallback)}
        return bundle_for_notebooks(figure, self.title, fallback)


def read_curves(service: Service, record: BuildRecord, best: str = "") -> Curves:
    """Read the metrics that a build's training has logged so far; of a tuning job, those of its best training.

    Parameters
    ----------
    best
        The best training of a tuning job that still runs; the record names it only afterwards.
    """
    name = record.training_job or best
    title = f"Build {record.number}" + (f", training {name}" if name and record.tuning_job else "")
    job = describe_training_job(service, name) if name else None
    if job is None:
        return Curves({}, title)
    log = read_log(job.metric_definitions, read_training_log(service, record, name))
    return Curves(log.values, title, notes=log.notes)


def collect_metrics(records: Iterable[BuildRecord]) -> Curves:
    """Collect the final values of the builds that have any, oldest first; NaN where a build lacks a metric."""
    measured = [record for record in sorted(records, key=lambda record: record.number) if record.metrics]
    names = dict.fromkeys(name for record in measured for name in record.metrics)
    values = {name: [record.metrics.get(name, float("nan")) for record in measured] for name in names}
    return Curves(values, "Metrics of the builds", tuple(record.number for record in measured))


def _format(values: Sequence[float]) -> str:
    return f"{values[0]:.4g}" if values else ""


def draw_sparkline(values: Sequence[float], width: int = 40) -> str:
    """Draw values as a line of blocks; from more than ``width`` values, a sample that is evenly spaced."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) > width:
        finite = [finite[round(place * (len(finite) - 1) / (width - 1))] for place in range(width)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    steps = len(_BARS) - 1
    return "".join(_BARS[round((value - low) / (high - low) * steps) if high > low else steps // 2] for value in finite)
