"""Looks for something again and again: less often the longer it takes, as each look is work for the engine."""

import time
from collections.abc import Iterator

_LIMIT_SECONDS = 300.0  # for a busy machine; a test only waits for that long when it fails
_PAUSE_SECONDS = (0.05, 0.25)  # the shortest and the longest; some states last no longer than half a second


def looks() -> Iterator[None]:
    """Yield at once and after each pause, and once more when the time is up."""
    shortest, longest = _PAUSE_SECONDS
    begun, waited = time.monotonic(), 0.0
    while waited < _LIMIT_SECONDS:
        yield
        time.sleep(min(longest, max(shortest, waited / 5)))
        waited = time.monotonic() - begun
    yield
