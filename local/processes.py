"""Starts the engine's child processes and ends them with the engine, even if it crashes."""

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

# It reads a pipe whose only writer is the engine. End of file means that the engine has ended; the watchdog then kills
# every process group that was added and not removed.
_WATCHDOG = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
"""

_lock = threading.Lock()
_running: dict[int, "Process"] = {}
_watchdog: "subprocess.Popen[str] | None" = None
_stopped = False


# Containers and functions get this environment's libraries, but not its editable installs. Python reads their .pth
# files only in its own site-packages, so these processes use the interpreter behind the virtual environment, with the
# libraries on PYTHONPATH.
PYTHON = os.path.realpath(sys.executable)
LIBRARIES = os.pathsep.join(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


class Process(Protocol):
    """What the engine needs of a running process."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""

    def wait(self) -> int:
        """Wait for the end; return the exit code."""


class EngineStoppedError(Exception):
    """The engine is stopping and starts no more processes."""


def start(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    output: IO[bytes] | int,
    input: int = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start a process in its own group; it ends when the engine does, at the latest.

    Parameters
    ----------
    arguments
        The command line.
    env
        The complete environment of the process; it inherits no variables.
    cwd
        Its working directory.
    output
        The target of its standard output and error: a file, or ``subprocess.PIPE``.
    input
        The descriptor of its standard input; by default it has none.

    Raises
    ------
    EngineStoppedError
        After ``stop_all``.
    """
    with _lock:
        if _stopped:
            raise EngineStoppedError(f"the engine is stopping and does not start {arguments[0]}")
        process = subprocess.Popen(
            arguments,
            env=dict(env),
            cwd=cwd,
            stdin=input,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _register(process)
    return process


def register(process: Process) -> None:
    """End a process that another program has started with the engine, too.

    Raises
    ------
    EngineStoppedError
        After ``stop_all``, which has not seen the process: it is killed.
    """
    with _lock:
        if _stopped:
            _kill_group(process.pid)
            raise EngineStoppedError("the engine is stopping and starts no processes")
        _register(process)


def docker_environment() -> dict[str, str]:
    """The variables by which ``docker`` finds its daemon in a process with another home folder."""
    given = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    return {"DOCKER_CONFIG": str(Path.home() / ".docker"), **given}


def signal_group(process: Process, number: signal.Signals) -> None:
    """Send a signal to a process and its children; an ended process gets none."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def stop_all() -> None:
    """Kill every process that still runs, and start no more."""
    global _stopped
    with _lock:
        _stopped, running, watchdog = True, list(_running.values()), _watchdog
    for process in running:
        signal_group(process, signal.SIGKILL)
    for process in running:
        process.wait()
    if watchdog and watchdog.stdin:
        watchdog.stdin.close()
        watchdog.wait()


def _register(process: Process) -> None:
    _running[process.pid] = process
    _notify_watchdog(f"+{process.pid}")
    threading.Thread(target=_remove_when_ended, args=(process,), daemon=True).start()


def _remove_when_ended(process: Process) -> None:
    process.wait()
    with _lock:
        # As in a container, the process's children end with it.
        _kill_group(process.pid)
        _running.pop(process.pid, None)
        if not _stopped:
            _notify_watchdog(f"-{process.pid}")


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _notify_watchdog(line: str) -> None:
    global _watchdog
    if _watchdog is None or _watchdog.poll() is not None:
        _watchdog = subprocess.Popen(
            [sys.executable, "-S", "-c", _WATCHDOG], stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
        )
        line = "\n".join(f"+{pid}" for pid in _running)  # a new watchdog knows none
    assert _watchdog.stdin is not None
    if line:
        _watchdog.stdin.write(line + "\n")
