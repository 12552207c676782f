"""A plugin of pytest for ``make mutants``: the tests that fail soonest run first, as one failure is enough.

It also ends a test that a change makes loop or wait.
"""

import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

# Only `make mutants` installs it.
from mutmut.mutation.trampoline import get_mutant_under_test  # type: ignore[import-not-found,unused-ignore]
from mutmut.state import state  # type: ignore[import-not-found,unused-ignore]

# Seconds of processor time for a test that loops: unlike mutmut's own limit, they do not pass faster on a busy machine.
_LOOPING = 10
_WAITING = 60  # seconds for a test that waits
_TIMEOUT = 36  # mutmut's exit code
_NOTICED = Path("noticed.txt")  # a line for each change that a test has noticed: the function, and the test


def _duration(item: pytest.Item) -> float:
    """Return the seconds that a test took without a change."""
    return float(state().duration_by_test.get(item.nodeid, 0.0))


def _function() -> str:
    """Return the function that is changed."""
    return str(get_mutant_under_test()).rpartition("__mutmut_")[0]


@pytest.hookimpl(trylast=True)  # after pytest has selected the tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests: first those that noticed most other changes of the function, then by duration.

    Without a change, mutmut repeats all tests that it has just measured; one is enough.
    """
    noticed = Counter(_NOTICED.read_text(encoding="utf-8").splitlines() if _NOTICED.exists() else ())
    items.sort(key=lambda item: (-noticed[f"{_function()} {item.nodeid}"], _duration(item)))
    if not get_mutant_under_test():
        del items[1:]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember which test notices a change."""
    if report.failed and _function():
        with _NOTICED.open("a", encoding="utf-8") as file:
            file.write(f"{_function()} {report.nodeid}\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End a test that a change makes loop or wait."""
    _, largest = resource.getrlimit(resource.RLIMIT_CPU)
    seconds = int(time.process_time() + _LOOPING + 5 * _duration(item))
    signal.signal(signal.SIGXCPU, lambda *_: os._exit(_TIMEOUT))
    signal.signal(signal.SIGALRM, lambda *_: os._exit(_TIMEOUT))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, largest))
    signal.alarm(int(_WAITING + 30 * _duration(item)))
    try:
        return (yield)
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_CPU, (largest, largest))
