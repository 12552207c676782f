"""The report of a converted script, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.parameters.shown import show_value
from sagebuild.project.sdk_code.conversion import SdkConversion


def describe_script(conversion: SdkConversion) -> Iterator[str]:
    """Yield what was not understood with its lines, what sagebuild sets, notes and problems."""
    yield f"Not converted: {len(conversion.unconverted) or 'nothing'}"
    for entry in conversion.unconverted:
        yield f"- {entry.field}: {show_value(entry.value)}"
        yield f"  {entry.advice}"
    if conversion.given:
        yield f"Set by sagebuild: {', '.join(conversion.given)}"
    yield from conversion.notes
    if conversion.problems:
        yield "A build would refuse the document:"
        yield from (f"- {problem}" for problem in conversion.problems)
