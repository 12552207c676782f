"""Sends the output of functions to CloudWatch Logs in the function's role, in the background."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import clients, output
from local.messaging.background import Background

_PAUSE_SECONDS = 0.1  # collects lines for one call
_logger = logging.getLogger(__name__)
_shipping = Background("lambda-logs", workers=2)


@dataclass(eq=False)
class LogStream:
    """The log stream of a sandbox.

    Parameters
    ----------
    group, name
        The names of the group and the stream.
    region, role_arn
        The region, and the role that writes the lines.
    is_current
        Whether the function is still deployed. The last lines of a deleted one must not create its group again.
    """

    group: str
    name: str
    region: str
    role_arn: str
    is_current: Callable[[], bool]
    _pending: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _exists: bool = False

    def write(self, lines: list[str]) -> None:
        """Send lines to the stream in the background."""
        now = int(time.time() * 1000)
        with self._lock:
            idle = not self._pending
            self._pending += [{"timestamp": now, "message": line} for line in lines if line]
            if idle and self._pending:
                _shipping.run(self._ship, after=_PAUSE_SECONDS)

    def _ship(self) -> None:
        with self._sending:
            with self._lock:
                batch, self._pending = self._pending, []
            client = clients.client("logs", self.region, self.role_arn)
            try:
                if not self._exists:
                    output.create_stream(client, self.group, self.name, with_group=self.is_current())
                    self._exists = True
                output.put_events(client, self.group, self.name, batch)
            except client.exceptions.ResourceNotFoundException:
                return  # the group was deleted with its function; these are its last lines
            except (ClientError, BotoCoreError) as error:
                if not self.is_current():
                    return  # the role may be deleted, too
                _logger.warning("%s: %d log lines are lost: %s", self.group, len(batch), error)


class Output:
    """Reads a process's output line by line while the process runs.

    Parameters
    ----------
    descriptor
        The reading end of the pipe.
    stream
        The stream for the lines.
    """

    def __init__(self, descriptor: int, stream: LogStream) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._stream = stream
        self._rest = b""
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Add a line of the platform, such as START."""
        with self._lock:
            self._add([line])

    def read(self) -> bool:
        """Read the available output; False at its end."""
        with self._lock:
            while True:
                try:
                    chunk = os.read(self._descriptor, 65536)
                except BlockingIOError:
                    return True
                if not chunk:
                    if self._rest:
                        self._add([_decode(self._rest)])
                        self._rest = b""
                    return False
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                self._add([_decode(line) for line in lines])

    def take_tail(self, size: int = 4096) -> bytes:
        """The last 4 KB of the output since the last call, for LogType=Tail."""
        with self._lock:
            lines, self._lines = self._lines, []
        return "\n".join(lines).encode()[-size:]

    def _add(self, lines: list[str]) -> None:
        self._lines += lines
        self._stream.write(lines)


def _decode(line: bytes) -> str:
    # awslambdaric separates the lines of one log event by carriage returns.
    return line.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n")
