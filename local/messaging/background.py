"""Runs background work, at once or after a delay, in a limited number of daemon threads."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

from local import accounts

_logger = logging.getLogger(__name__)
_order = itertools.count()


class Background:
    """A queue of work with a limited number of threads.

    Parameters
    ----------
    name
        The prefix of the threads' names.
    workers
        The maximum number of threads; each starts when needed.
    """

    def __init__(self, name: str, workers: int) -> None:
        self._name = name
        self._workers = workers
        self._started = 0
        self._idle = 0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._changed = threading.Condition()

    def run(self, action: Callable[[], object], after: float = 0.0) -> None:
        """Run an action when a thread is free and ``after`` seconds have passed, in the present account."""
        account = accounts.current()

        def act() -> None:
            with accounts.acting_in(account):
                action()

        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + after, next(_order), act))
            if self._idle < len(self._due) and self._started < self._workers:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            action = self._take()
            try:
                action()
            except Exception:  # a failed action must not end the thread
                _logger.exception("%s: a background action failed", self._name)

    def _take(self) -> Callable[[], object]:
        with self._changed:
            self._idle += 1
            try:
                while True:
                    seconds = self._due[0][0] - time.monotonic() if self._due else None
                    if seconds is not None and seconds <= 0:
                        return heapq.heappop(self._due)[2]
                    self._changed.wait(seconds)
            finally:
                self._idle -= 1
