"""The time until which a function may wait: the parts of its work share one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# What a function does after its last wait: a few AWS calls, each of which may take its time-out.
RESERVE_SECONDS = 60.0


class Deadline:
    """A point in time, and the waits that end there.

    Parameters
    ----------
    seconds
        From now.
    clock
        Counts seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._end = clock() + seconds

    @classmethod
    def of_function(cls, context: Any, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the end of a Lambda invocation, less a reserve for the calls after the last wait.

        https://docs.aws.amazon.com/lambda/latest/dg/python-context.html: Lambda ends a function at its time-out, of
        900 seconds at most, wherever it is.
        """
        return cls(context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS, clock)

    @property
    def seconds_left(self) -> float:
        """The seconds until the deadline; 0 after it."""
        return max(0.0, self._end - self.clock())

    @property
    def is_over(self) -> bool:
        """False before the deadline."""
        return self.seconds_left == 0

    def limit(self, seconds: float) -> float:
        """Return a wait in seconds, or the time left if that is shorter."""
        return min(seconds, self.seconds_left)
