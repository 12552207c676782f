"""Reads a training's metrics: the final values for gate and record, every value in the log for plots.

SageMaker searches the training's stdout and stderr with each regular expression and keeps the number in its capture
group: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-metrics-variables.html.
DescribeTrainingJob reports the last value of each metric. `read_log` reads the log by the same rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 40  # characters of a value that is not a number


@dataclass(frozen=True)
class MetricLog:
    """The metrics in a training's log.

    Parameters
    ----------
    values
        Every value of each metric, in the order of the log; NaN and infinity included.
    notes
        A sentence for each metric with values in the log that could not be read.
    """

    values: dict[str, list[float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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


def read_log(definitions: Iterable[Mapping[str, str]], lines: Iterable[str]) -> MetricLog:
    """Find the values of metrics in the lines of a log.

    Each carriage return begins a line, as in a progress bar. A line may hold several values of a metric. In a regular
    expression with alternatives, the first group that took part in the match holds the value.

    Parameters
    ----------
    definitions
        MetricDefinitions of DescribeTrainingJob: ``Name`` and ``Regex`` of each metric.
    """
    patterns, notes = _compile(definitions)
    values: dict[str, list[float]] = {}
    for line in (part for text in lines for part in text.split("\r")):
        for name, pattern in patterns.items():
            for text in _find_texts(pattern, line):
                number = parse_number(text)
                if number is None:
                    notes.setdefault(name, f"{name}: {text[:_SHOWN]!r} in the log is not a number and was left out.")
                else:
                    values.setdefault(name, []).append(number)
    return MetricLog(values, tuple(notes.values()))


def parse_number(text: str) -> float | None:
    """Return the number in a text, such as 0.5, 1e-05, NaN or -inf; None for anything else, such as n/a or 0,5."""
    if "_" in text:  # Python's own separator of digits; logs have none
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _compile(definitions: Iterable[Mapping[str, str]]) -> tuple[dict[str, re.Pattern[str]], dict[str, str]]:
    patterns: dict[str, re.Pattern[str]] = {}
    notes: dict[str, str] = {}
    for definition in definitions:
        name, regex = definition["Name"], definition["Regex"]
        try:
            pattern = re.compile(regex)
        except re.error as error:
            notes[name] = f"{name}: Python cannot read its regular expression {regex!r}: {error}."
            continue
        if pattern.groups:
            patterns[name] = pattern
        else:
            notes[name] = f"{name}: its regular expression {regex!r} has no group in parentheses to capture the value."
    return patterns, notes


def _find_texts(pattern: re.Pattern[str], line: str) -> Iterator[str]:
    for match in pattern.finditer(line):
        yield from [group for group in match.groups() if group is not None][:1]
