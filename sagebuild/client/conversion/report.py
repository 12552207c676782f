"""The report of a conversion, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.client.conversion.requests import Conversion
from sagebuild.parameters.shown import show_value

STORE = "To store the document: sagebuild params replace FILE"


def describe_conversion(conversion: Conversion) -> Iterator[str]:
    """Yield the lines of a report: what was not converted, what sagebuild sets, notes and problems."""
    yield f"Without a counterpart: {len(conversion.unconverted) or 'nothing'}"
    advised = dict.fromkeys(entry.advice for entry in conversion.unconverted)
    for advice in advised:
        for entry in conversion.unconverted:
            if entry.advice == advice:
                yield f"- {entry.field}: {show_value(entry.value)}"
        if advice:
            yield f"  {advice}"
    if conversion.given:
        yield f"Set by sagebuild: {', '.join(conversion.given)}"
    yield from conversion.notes
    yield from describe_problems(conversion.problems)


def describe_problems(problems: tuple[str, ...]) -> Iterator[str]:
    """Yield the problems of a document, or how to store a valid one."""
    if problems:
        yield "A build would refuse the document:"
        yield from (f"- {problem}" for problem in problems)
    else:
        yield STORE
