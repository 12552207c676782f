"""How the measurements are made: processor time and time of whole processes, as medians of several runs."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 5


@dataclass(frozen=True)
class Result:
    """One measured value.

    Parameters
    ----------
    goal
        The value should be at most this; None without a goal.
    compared_with
        What a ratio is relative to, measured in the same run; empty for an absolute value.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    compared_with: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether there is a goal, and it is missed."""
        return self.goal is not None and self.value > self.goal


def median(measure: Callable[[], float], runs: int = RUNS) -> float:
    """Return the median of several measurements, after one that fills caches."""
    measure()
    return statistics.median(measure() for _ in range(runs))


def compare(
    name: str, measure: Callable[[], float], measure_base: Callable[[], float], goal: float, compared_with: str
) -> Result:
    """Return a measurement relative to another one; they take turns."""
    pairs = [(measure(), measure_base()) for _ in range(RUNS + 1)][1:]
    ratio = statistics.median(one for one, _ in pairs) / statistics.median(other for _, other in pairs)
    return Result(name, round(ratio, 2), "times", goal, compared_with)


def count_cpu(command: list[str]) -> float:
    """Run a command, and return the processor time of it and its children in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def count_start(code: str, *folders: Path) -> float:
    """Run code in a new Python, and return its processor time in seconds until the exit, which Lambda never reaches.

    Parameters
    ----------
    folders
        Where Python looks for modules, in this order, and nowhere else but in its standard library.
    """
    command = [sys.executable, "-S", "-c", f"{code}\nimport time; print(time.process_time())"]
    variables = os.environ | {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": os.pathsep.join(map(str, folders))}
    return float(subprocess.run(command, cwd=folders[0], env=variables, check=True, stdout=subprocess.PIPE).stdout)


def read_memory(process: int) -> float:
    """Return the resident memory of a process in MB; Linux only."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def read_cpu(process: int) -> float:
    """Return the processor time of a running process in seconds, without its children; Linux only."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)
