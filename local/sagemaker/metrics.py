"""Reads the values of a metric in the output of a training."""

import time
from contextlib import suppress

import regex

from local.console import print_line

# A search may take exponential time, as with (a+)+$, and must not stop the reader of the output.
_SEARCH_SECONDS = 0.5  # of one line
_TOTAL_SECONDS = 30.0  # of all lines, because a training waits for the reader of its output


class MetricReader:
    """One metric's regular expression; after searches that take too long, it finds nothing more."""

    def __init__(self, expression: str) -> None:
        self._pattern: regex.Pattern[str] | None = regex.compile(expression)
        self._left_seconds = _TOTAL_SECONDS

    def read(self, line: str) -> list[float]:
        """The values in a line of output; a carriage return begins a new line.

        In a regular expression with alternatives, the first group that took part in the match holds the value.
        """
        values: list[float] = []
        for part in line.split("\r"):
            for text in self._find(part):
                with suppress(ValueError):
                    # Python alone reads 1_000 and the digits of other scripts as numbers.
                    values.append(float(text if text.isascii() and "_" not in text else "x"))
        return values

    def _find(self, part: str) -> list[str]:
        if not self._pattern:
            return []
        began = time.monotonic()
        try:
            # It releases Python's lock: https://github.com/mrabarnett/mrab-regex, "Multithreading"
            found = [match.groups() for match in self._pattern.finditer(part, timeout=_SEARCH_SECONDS)]
        except TimeoutError:
            self._left_seconds = 0.0
            found = []
        self._left_seconds -= time.monotonic() - began
        if self._left_seconds < 0:
            print_line(f"local: metric {self._pattern.pattern!r} ends: its searches took too long")
            self._pattern = None
        return [next((group for group in groups if group is not None), "") for groups in found]
