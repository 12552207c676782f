"""Training metrics: the curves of one training, read from its log, and their last values over many builds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.client.logs import read_logs
from sagebuild.client.plot import render_plots
from sagebuild.service import Service, aws_call

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Curves(Mapping[str, list[float]]):
    """The values of each metric in the order in which they were told; of builds, ``places`` are their numbers."""

    series: Mapping[str, list[float]]
    title: str = ""
    places: tuple[int, ...] = ()

    def __getitem__(self, name: str) -> list[float]:
        return self.series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    def _repr_html_(self) -> str:
        return render_plots(self.series, self.title, self.places)


def read_curves(service: Service, record: BuildRecord) -> Curves:
    """What a build's training has told of its metrics so far; of a tuning job, its best training."""
    title = f"Build {record.number}"
    if not record.training_job:
        return Curves({}, title)
    definitions = _read_definitions(service, record.training_job)
    lines = (line.text for line in read_logs(service, record) if line.source == "training")
    return Curves(find_values(definitions, lines), title)


def collect_metrics(records: Iterable[BuildRecord]) -> Curves:
    """The last values over the builds that have any, oldest first; a build without a metric is NaN there."""
    told = [record for record in sorted(records, key=lambda record: record.number) if record.metrics]
    names = dict.fromkeys(name for record in told for name in record.metrics)
    values = {name: [record.metrics.get(name, float("nan")) for record in told] for name in names}
    return Curves(values, "Metrics of the builds", tuple(record.number for record in told))


def find_values(definitions: Iterable[Mapping[str, Any]], lines: Iterable[str]) -> dict[str, list[float]]:
    """The values of each metric that its regular expression finds, as SageMaker reads a log."""
    patterns = {definition["Name"]: re.compile(definition["Regex"]) for definition in definitions}
    values: dict[str, list[float]] = {}
    for line in lines:
        for name, pattern in patterns.items():
            for match in pattern.finditer(line):
                values.setdefault(name, []).append(float(match.group(1)))
    return values


def draw_sparkline(values: Sequence[float], width: int = 40) -> str:
    """A line of blocks, the lowest for the smallest value; of more than ``width`` values, some from first to last."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) > width:
        finite = [finite[round(place * (len(finite) - 1) / (width - 1))] for place in range(width)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    steps = len(_BARS) - 1
    return "".join(_BARS[round((value - low) / (high - low) * steps) if high > low else steps // 2] for value in finite)


def _read_definitions(service: Service, job: str) -> list[Mapping[str, Any]]:
    with aws_call(f"describe the training job {job}"):
        try:
            answer = service.sagemaker.describe_training_job(TrainingJobName=job)
        except ClientError as error:
            # ValidationException: it has not begun.
            if error.response["Error"]["Code"] in {"ResourceNotFound", "ValidationException"}:
                return []
            raise
    return list(answer["AlgorithmSpecification"].get("MetricDefinitions", []))
