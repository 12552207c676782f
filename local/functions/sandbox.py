"""A sandbox: one process that runs a function's invocations one after the other."""

import json
import os
import queue
import select
import signal
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local import processes
from local.functions import archive, forks
from local.functions.deployment import Deployment
from local.functions.logs import LogStream, Output
from local.functions.runtime_api import Answer, Event, RuntimeApi

_INIT_SECONDS = 10.0  # Lambda's quota; a longer start counts as invocation time
_MAX_RESPONSE_BYTES = 6_291_556


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation.

    Parameters
    ----------
    payload
        The function's response, or Lambda's description of the error.
    failed
        Whether the payload is an error (``Unhandled``).
    log_tail
        The last 4 KB of the log.
    version
        The version that ran.
    """

    payload: bytes
    failed: bool
    log_tail: bytes
    version: str


@dataclass(frozen=True)
class Request:
    """One invocation: its id, its payload, the invoked ARN and the client context."""

    id: str
    payload: bytes
    arn: str
    client_context: str | None = None


class Sandbox:
    """A process of a deployment."""

    def __init__(self, deployment: Deployment, code: bytes, layers: Sequence[Any]) -> None:
        self.deployment = deployment
        self.retired = False
        self.outdated = False  # the function has been updated or deleted
        self.trace = ""  # the trace id of the present invocation
        self.idle_since = 0.0
        self._started_at = time.monotonic()
        self._init_ms: float | None = None
        self._api = RuntimeApi()
        self._scratch = archive.scratch()
        root = archive.unpack(code)
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{deployment.version}]{uuid.uuid4().hex}"
        reader, writer = os.pipe()
        self._reader = os.fdopen(reader, "rb", buffering=0)
        # A file of a later layer replaces one of an earlier layer:
        # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
        folders = [archive.unpack_layer(layer) for layer in reversed(layers)]
        environment = deployment.environment(root, self._scratch, folders, self._api.address, stream)
        try:
            self._process = forks.start(["awslambdaric", deployment.handler], env=environment, cwd=root, output=writer)
        finally:
            os.close(writer)
        settings = (deployment.log_group, stream, deployment.region, deployment.role_arn)
        logs = LogStream(*settings, is_current=lambda: not self.outdated)
        self._output = Output(reader, logs)
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self) -> bool:
        """False when the sandbox can take no more invocations."""
        return self._process.poll() is None and not self.retired

    def invoke(self, request: Request) -> Outcome:
        """Run one invocation until it ends or times out."""
        self._api.started.wait(_INIT_SECONDS)
        if self._init_ms is None:
            self._init_ms = (time.monotonic() - self._started_at) * 1000
            init = f"\tInit Duration: {self._init_ms:.2f} ms"
        else:
            init = ""
        self._output.write(f"START RequestId: {request.id} Version: {self.deployment.version}")
        started_at = time.monotonic()
        answer = self._answer(request)
        milliseconds = (time.monotonic() - started_at) * 1000
        payload, failed, status = self._classify(request, answer)
        self._output.read()
        if status == "timeout":
            self._output.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {request.id} {self._timeout_message}")
        self._output.write(f"END RequestId: {request.id}")
        self._output.write(self._report(request, milliseconds, init, status))
        if answer is None or answer.kind in ("exit", "init/error"):
            self.end()
        return Outcome(payload, failed, self._output.take_tail(), self.deployment.version)

    def end(self) -> None:
        """Kill the process."""
        self.retired = True
        processes.signal_group(self._process, signal.SIGKILL)

    def _answer(self, request: Request) -> Answer | None:
        timeout = self.deployment.timeout_seconds
        self.trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"
        headers = {
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": request.arn,
            "Lambda-Runtime-Trace-Id": self.trace,
        }
        if request.client_context:
            headers["Lambda-Runtime-Client-Context"] = request.client_context
        self._api.events.put(Event(request.id, request.payload, headers))
        try:
            return self._api.answers.get(timeout=timeout)
        except queue.Empty:
            return None

    @property
    def _timeout_message(self) -> str:
        return f"Task timed out after {self.deployment.timeout_seconds:.2f} seconds"

    def _classify(self, request: Request, answer: Answer | None) -> tuple[bytes, bool, str]:
        """The payload, whether it is an error, and the status for the REPORT line."""
        if answer is None:
            return (
                _error("Sandbox.Timedout", f"RequestId: {request.id} Error: {self._timeout_message}"),
                True,
                "timeout",
            )
        if answer.kind == "exit":
            return _error("Runtime.ExitError", f"RequestId: {request.id} Error: {self._explain_exit()}"), True, "error"
        if answer.kind == "response" and len(answer.payload) > _MAX_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({_MAX_RESPONSE_BYTES} bytes)."
            return _error("Function.ResponseSizeTooLarge", message), True, "error"
        return answer.payload, answer.kind != "response", "" if answer.kind == "response" else "error"

    def _explain_exit(self) -> str:
        code = self._process.wait()
        if code < 0:
            return f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
        return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"

    def _report(self, request: Request, milliseconds: float, init: str, status: str) -> str:
        return (
            f"REPORT RequestId: {request.id}\tDuration: {milliseconds:.2f} ms"
            f"\tBilled Duration: {int(milliseconds) + 1} ms\tMemory Size: {self.deployment.memory_mb} MB"
            f"\tMax Memory Used: {_peak_memory_mb(self._process.pid, self.deployment.memory_mb)} MB{init}"
            + (f"\tStatus: {status}" if status else "")
        )

    def _watch(self) -> None:
        """Read the output of the process until it ends; then report the exit and clean up."""
        while self._output.read():
            select.select([self._reader], [], [])
        self._process.wait()
        self._api.report(Answer("exit"))
        self._api.close()
        archive.discard(self._scratch)


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _peak_memory_mb(pid: int, default: int) -> int:
    status = Path(f"/proc/{pid}/status")
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):  # not on Linux, or the process has ended
        return default
    return int(line.split()[1]) // 1024
