"""Every process that the engine starts, so that none outlives it: not after Ctrl-C, not after a crash."""

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Holds the reading end of a pipe whose only writer is the engine. End of file means that the engine is gone, however
# it went; every process group that was announced and not yet withdrawn is then killed.
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
_running: dict[int, "subprocess.Popen[bytes]"] = {}
_watchdog: "subprocess.Popen[str] | None" = None
_stopped = False


# What runs in place of a container or a function has this environment's libraries, but none of the checkouts that are
# installed into it as editable: those come by .pth files, which Python reads in its own site-packages alone. So the
# interpreter is the one behind the virtual environment, and PYTHONPATH tells it of the libraries.
PYTHON = os.path.realpath(sys.executable)
LIBRARIES = os.pathsep.join(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


class EngineStoppedError(Exception):
    """The engine is ending and starts no more processes."""


def start(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, output: IO[bytes] | int
) -> "subprocess.Popen[bytes]":
    """Start a process in a group of its own; it ends with the engine at the latest.

    Parameters
    ----------
    arguments
        The command line.
    env
        The whole environment of the process; nothing is inherited.
    cwd
        Its working directory.
    output
        Where its standard output and error go: a file, or ``subprocess.PIPE``.

    Raises
    ------
    EngineStoppedError
        After ``stop_all``.
    """
    with _lock:
        if _stopped:
            raise EngineStoppedError(f"the engine is ending, {arguments[0]} is not started")
        process = subprocess.Popen(
            arguments,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running[process.pid] = process
        _tell_watchdog(f"+{process.pid}")
    threading.Thread(target=_forget_when_ended, args=(process,), daemon=True).start()
    return process


def docker_environment() -> dict[str, str]:
    """What tells ``docker`` where its daemon is, which a process with another home would not find."""
    given = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    return {"DOCKER_CONFIG": str(Path.home() / ".docker"), **given}


def signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Send a signal to a process and all that it started; an ended one is left alone."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def stop_all() -> None:
    """End every process that still runs, and start none from now on."""
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


def _forget_when_ended(process: "subprocess.Popen[bytes]") -> None:
    process.wait()
    with _lock:
        # As in a container, what the process itself has started ends with it.
        _kill_group(process.pid)
        _running.pop(process.pid, None)
        if not _stopped:
            _tell_watchdog(f"-{process.pid}")


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _tell_watchdog(line: str) -> None:
    global _watchdog
    if _watchdog is None:
        _watchdog = subprocess.Popen(
            [sys.executable, "-S", "-c", _WATCHDOG], stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
        )
    assert _watchdog.stdin is not None
    _watchdog.stdin.write(line + "\n")
