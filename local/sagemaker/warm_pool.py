"""The warm pool of a training job: its instances stay for a while after its end. Here no other job reuses them.

https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
"""

import threading
import time

from local import config
from local.sagemaker.resources import Json


class WarmPool:
    """A pool that is Available until its keep-alive period is over.

    Parameters
    ----------
    seconds
        The period on AWS.
    """

    def __init__(self, seconds: int) -> None:
        self._since = time.monotonic()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.keep_alive(seconds)

    @property
    def is_available(self) -> bool:
        """False when the pool has ended."""
        return not self._ended.is_set()

    def keep_alive(self, seconds: int) -> None:
        """Change the period; 0 ends the pool."""
        with self._lock:
            self._period = config.scale_seconds(seconds)
        rest = self._period - (time.monotonic() - self._since)
        timer = threading.Timer(min(max(rest, 0), threading.TIMEOUT_MAX), self._end)
        timer.daemon = True
        timer.start()

    def describe(self) -> Json:
        """The WarmPoolStatus of DescribeTrainingJob."""
        if self.is_available:
            return {"Status": "Available"}
        return {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": self._billed_seconds}

    def _end(self) -> None:
        with self._lock:  # the period may have changed since the timer was started
            kept = time.monotonic() - self._since
            if self.is_available and kept >= self._period:
                self._billed_seconds = round(kept)
                self._ended.set()
