"""Looks for something again and again: less often the longer it takes, as each look is work for the engine."""

import time
from collections.abc import Iterator

PATIENCE_SECONDS = 180.0  # whoever waits for something that comes does not wait for long
_PAUSE_SECONDS = (0.05, 0.5)  # the shortest and the longest one; some states last no longer than half a second


def looks(seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Yield at once and after each pause, and once more when the time is up."""
    shortest, longest = _PAUSE_SECONDS
    begun, waited = time.monotonic(), 0.0
    while waited < seconds:
        yield
        time.sleep(min(longest, max(shortest, waited / 5)))
        waited = time.monotonic() - begun
    yield
