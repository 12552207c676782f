"""Reads the final values of a training's metrics, for gate and record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def read_final_metrics(final: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the values of FinalMetricDataList by metric name.

    Diverged metrics (NaN, infinity) are left out: DynamoDB stores neither, and no limit can be compared with them.
    """
    return {each["MetricName"]: each["Value"] for each in final if math.isfinite(each["Value"])}


def find_missing_metrics(document: Mapping[str, Any], metrics: Mapping[str, float]) -> Iterator[str]:
    """Yield a sentence for each metric that the document defines and the completed training did not report.

    Parameters
    ----------
    document
        The parameter document of the build.
    metrics
        The final values of the training's metrics; of a tuning job, those of its best training.
    """
    objective = document.get("tuningobjective")
    for defined in [*(document.get("metrics") or ()), *([objective] if isinstance(objective, dict) else [])]:
        name, regex = defined.get("Name"), defined.get("Regex")
        if regex and name not in metrics:
            yield f"The metric {name} has no value: {regex!r} found no finite number in the training's log."
