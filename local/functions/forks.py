"""Starts functions' processes from a program that has imported the slow libraries (``fork_server.py``)."""

import contextlib
import json
import queue
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import processes

_PROGRAM = Path(__file__).with_name("fork_server.py")


class ForkedProcess:
    """A forked process, with the parts of ``subprocess.Popen`` that the engine uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._code

    def wait(self) -> int:
        """Wait for the end; return the exit code."""
        self._ended.wait()
        assert self._code is not None
        return self._code

    def end_with(self, code: int) -> None:
        """Remember the exit code."""
        self._code = code
        self._ended.set()


class ForkServer:
    """The engine's side of one fork server."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._server = processes.start(
                [processes.PYTHON, "-P", str(_PROGRAM)],
                env={"PYTHONPATH": processes.LIBRARIES, "TZ": ":UTC", "LANG": "en_US.UTF-8"},
                cwd=_PROGRAM.parent,
                output=subprocess.DEVNULL,
                input=theirs.fileno(),
            )
        self._started: queue.Queue[ForkedProcess | None] = queue.Queue()
        self._running: dict[int, ForkedProcess] = {}
        self._lines = self._channel.makefile("r")
        self.packages = frozenset(self._lines.readline().split()[1:])
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the server can fork; without its packages it has not started."""
        return bool(self.packages) and self._server.poll() is None

    def fork(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, output: int) -> ForkedProcess | None:
        """Fork a process for ``python -m arguments``; None when the server has ended."""
        request = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": str(cwd)}) + "\n"
        try:
            first, rest = request[:1].encode(), request[1:].encode()
            socket.send_fds(self._channel, [first], [output])
            self._channel.sendall(rest)
        except OSError:
            return None
        return self._started.get()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            for line in self._lines:
                word, pid, *code = line.split()
                if word == "started":
                    process = self._running[int(pid)] = ForkedProcess(int(pid))
                    self._started.put(process)
                else:
                    self._running.pop(int(pid)).end_with(int(code[0]))
        for process in self._running.values():
            process.end_with(-9)
        self._started.put(None)


_lock = threading.Lock()
_server: ForkServer | None = None


def start(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, output: int) -> processes.Process:
    """Start ``python -m arguments`` in its own process group, by a fork if the function allows it.

    A function with its own copy of a library that the server has imported, or with variables that Python reads when it
    starts, gets a new interpreter.

    Parameters
    ----------
    arguments
        The module and its arguments.
    env
        The complete environment of the process.
    cwd
        Its working directory, the first place of its modules.
    output
        The descriptor for its standard output and error.
    """
    global _server
    own_names = {path.name.partition(".")[0] for path in cwd.iterdir()}
    python_variables = {name for name in env if name.startswith("PYTHON")} - {"PYTHONPATH"}
    with _lock:
        if _server is None or not _server.alive:
            _server = ForkServer()
        if not python_variables and not own_names & _server.packages:
            forked = _server.fork(arguments, env, cwd, output)
            if forked:
                processes.register(forked)
                return forked
    return processes.start([processes.PYTHON, "-m", *arguments], env=env, cwd=cwd, output=output)
