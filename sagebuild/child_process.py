"""Starts programs that end with this one, even after kill -9, and ends this one cleanly on a signal."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

# The guard's input has one writer, the process that starts the program. The end of the input means that the writer has
# ended or the program is no longer needed; the guard then kills the program. A negative number is a process group. The
# second line names the program's temporary folder, which the guard deletes; the program's own children may end later.
_GUARD = """
import os, shutil, signal, sys, time
target, folder = sys.stdin.readline(), sys.stdin.readline().rstrip("\\n")
sys.stdin.read()
try:
    if target:
        os.kill(int(target), signal.SIGKILL)
except (ProcessLookupError, PermissionError):
    pass
for _ in range(100):
    if not folder or not os.path.exists(folder):
        break
    shutil.rmtree(folder, ignore_errors=True)
    time.sleep(0.05)
"""
_END_SECONDS = 10  # between SIGTERM and SIGKILL
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def running(
    command: Sequence[str], *, in_terminal: bool = False, temporary_folder: str = "", **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the block ends, or until this process does.

    Parameters
    ----------
    in_terminal
        Whether the program reads the terminal and gets its Ctrl-C. Otherwise it has a process group of its own, which
        ends as a whole.
    temporary_folder
        A folder that only the program uses, and that is deleted after its end.
    options
        Of ``subprocess.Popen``.

    Yields
    ------
    subprocess.Popen
        The running program, with text streams.
    """
    guard_command = [sys.executable, "-S", "-c", _GUARD]
    with subprocess.Popen(guard_command, stdin=subprocess.PIPE, text=True, start_new_session=True) as guard:
        assert guard.stdin is not None
        process = subprocess.Popen(command, text=True, start_new_session=not in_terminal, **options)
        guard.stdin.write(f"{process.pid if in_terminal else -process.pid}\n{temporary_folder}\n")
        guard.stdin.flush()
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
    process.wait()


def end_on_signals() -> None:
    """Let SIGTERM and the end of the terminal raise KeyboardInterrupt, as Ctrl-C does.

    Another signal soon after the first one is ignored, because it would interrupt the end of the programs. Signals that
    are ignored, as with nohup, stay ignored.
    """
    last = -math.inf

    def end(*_: object) -> None:
        nonlocal last
        if time.monotonic() - last > _END_SECONDS:
            last = time.monotonic()
            raise KeyboardInterrupt

    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def wait_for_signal() -> None:
    """Wait for Ctrl-C, or for another signal of ``end_on_signals``."""
    with suppress(KeyboardInterrupt):
        while True:
            # The kernel may interrupt another thread, and a wait without a limit would then go on:
            # https://docs.python.org/3/library/signal.html#signals-and-threads
            time.sleep(0.5)
