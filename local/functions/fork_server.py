"""A program that has imported the slow libraries, and forks a process for each new sandbox of a function.

The libraries take two thirds of a cold start. They are the same for each function, because the engine's libraries
represent those of the layers. This program imports nothing of the engine; ``forks.py`` starts it and talks to it
through the socket at its standard input:

- It first sends ``ready`` and the names of the packages that it has imported.
- A request is a line of JSON (``arguments``, ``env``, ``cwd``) with the descriptor for the output. The answer is
  ``started PID``.
- ``ended PID CODE`` reports the end of a process, with the code as in ``subprocess``.
- When the socket is closed, it kills its processes and ends.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time

_IMPORTED = ("boto3", "pydantic.main", "urllib3", "aws_lambda_powertools", "ask_sdk_model")
_MAX_BYTES = 1 << 20


def _import_libraries() -> list[str]:
    """Import what is installed; return the names of all top-level packages outside the standard library."""
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that the collector of a child does not copy the shared memory
    return sorted({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"__main__"})


def _receive(channel: socket.socket) -> tuple[bytes, int | None]:
    data, descriptors, _, _ = socket.recv_fds(channel, _MAX_BYTES, 1)
    while data and not data.endswith(b"\n"):
        more = channel.recv(_MAX_BYTES)
        data = data + more if more else b""
    return data, descriptors[0] if descriptors else None


def _report_ended(channel: socket.socket, running: set[int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        running.discard(pid)
        channel.sendall(f"ended {pid} {os.waitstatus_to_exitcode(status)}\n".encode())


def _kill(running: set[int]) -> None:
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _become(request: bytes, output: int) -> None:
    """Make this child what a new process with these arguments, this environment and this folder is."""
    wanted = json.loads(request)
    os.chdir(wanted["cwd"])
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    first = [wanted["cwd"], *wanted["env"]["PYTHONPATH"].split(os.pathsep)]  # as ``python -m`` does
    sys.path[:] = first + [folder for folder in sys.path if folder not in first]
    sys.argv[:] = wanted["arguments"]


def serve() -> tuple[bytes, int] | None:
    """Answer requests; return in each child with its request, and in the server at its end with None."""
    channel = socket.socket(fileno=os.dup(0))
    channel.sendall(" ".join(["ready", *_import_libraries()]).encode() + b"\n")
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer)
    running: set[int] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(wake_reader, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wake_reader in ready:
                os.read(wake_reader, 4096)
                _report_ended(channel, running)
            if channel not in ready:
                continue
            request, output = _receive(channel)
            if not request or output is None:
                _kill(running)
                return None
            pid = os.fork()
            if pid == 0:
                os.setpgid(0, 0)
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for descriptor in (wake_reader, wake_writer):
                    os.close(descriptor)
                channel.close()
                return request, output
            os.close(output)
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the child has ended, or did it itself
                os.setpgid(pid, pid)
            running.add(pid)
            channel.sendall(f"started {pid}\n".encode())


if __name__ == "__main__":
    child = serve()
    if child:
        _become(*child)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
