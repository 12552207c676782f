"""Reads every value of a training's metrics from its log, for plots.

SageMaker searches the training's stdout and stderr with each regular expression and keeps the number in its capture
group: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-metrics-variables.html.
DescribeTrainingJob reports the last value of each metric. `read_log` reads the log by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import regex

_SHOWN = 40  # characters of a value that is not a number
# A search may take exponential time, as with (a+)+$. Then the metric is left out.
_SEARCH_SECONDS = 0.5  # of one line


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
        for name, pattern in list(patterns.items()):
            try:
                texts = _find_texts(pattern, line)
            except TimeoutError:
                del patterns[name]
                notes[name] = (
                    f"{name}: searching the log with its regular expression {pattern.pattern!r} takes too long; "
                    "simplify it, for example without a repetition within a repetition."
                )
                continue
            for text in texts:
                number = parse_number(text)
                if number is None:
                    notes.setdefault(name, f"{name}: {text[:_SHOWN]!r} in the log is not a number and was left out.")
                else:
                    values.setdefault(name, []).append(number)
    return MetricLog(values, tuple(notes.values()))


def parse_number(text: str) -> float | None:
    """Return the number in a text, such as 0.5, 1e-05, NaN or -inf; None for anything else, such as n/a or 0,5."""
    if "_" in text or not text.isascii():  # Python alone reads its separator of digits, and the digits of all scripts
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _compile(definitions: Iterable[Mapping[str, str]]) -> tuple[dict[str, regex.Pattern[str]], dict[str, str]]:
    patterns: dict[str, regex.Pattern[str]] = {}
    notes: dict[str, str] = {}
    for definition in definitions:
        name, text = definition["Name"], definition["Regex"]
        try:
            pattern = regex.compile(text)
        except (regex.error, RecursionError, OverflowError) as error:
            notes[name] = f"{name}: Python cannot read its regular expression {text!r}: {error}."
            continue
        if pattern.groups:
            patterns[name] = pattern
        else:
            notes[name] = f"{name}: its regular expression {text!r} has no group in parentheses to capture the value."
    return patterns, notes


def _find_texts(pattern: regex.Pattern[str], line: str) -> list[str]:
    """Return the text of the first group that took part, for each match; raise TimeoutError if that takes too long."""
    found = (match.groups() for match in pattern.finditer(line, timeout=_SEARCH_SECONDS))
    return [
        next(group for group in groups if group is not None) for groups in found if any(g is not None for g in groups)
    ]
