"""What functions print, sent to CloudWatch Logs in the function's role, without the invocation waiting for it."""

import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import clients
from local.messaging.background import Background

_PAUSE_SECONDS = 0.1  # Lines of one moment go in one call.
_MAX_BATCH = 1000
_logger = logging.getLogger(__name__)
_shipping = Background("lambda-logs", workers=2)


@dataclass(eq=False)
class LogStream:
    """One sandbox's log stream.

    Parameters
    ----------
    group, name
        Of the stream.
    region, role_arn
        Where, and in whose role, the lines are put.
    """

    group: str
    name: str
    region: str
    role_arn: str
    _pending: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _exists: bool = False

    def write(self, lines: list[str]) -> None:
        """Put these lines into the stream, soon."""
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
                    self._create(client)
                for first in range(0, len(batch), _MAX_BATCH):
                    client.put_log_events(
                        logGroupName=self.group, logStreamName=self.name, logEvents=batch[first : first + _MAX_BATCH]
                    )
            except client.exceptions.ResourceNotFoundException:
                return  # The group was removed with its function, which only flushes what it said last.
            except (ClientError, BotoCoreError) as error:
                _logger.warning("%s: %d log lines are lost: %s", self.group, len(batch), error)

    def _create(self, client: Any) -> None:
        try:
            client.create_log_stream(logGroupName=self.group, logStreamName=self.name)
        except client.exceptions.ResourceNotFoundException:
            with suppress(client.exceptions.ResourceAlreadyExistsException):  # Another sandbox was quicker.
                client.create_log_group(logGroupName=self.group)
            client.create_log_stream(logGroupName=self.group, logStreamName=self.name)
        self._exists = True


class Output:
    """What a process prints, line by line, while it is being printed.

    Parameters
    ----------
    descriptor
        The reading end of the pipe.
    stream
        Where the lines go.
    """

    def __init__(self, descriptor: int, stream: LogStream) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._stream = stream
        self._rest = b""
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Add a line of the platform's own."""
        with self._lock:
            self._add([line])

    def read(self) -> bool:
        """Take what has been printed until now; False when nothing more can come."""
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
        """The last 4 KB of what was printed since the last call, as LogType=Tail returns them."""
        with self._lock:
            lines, self._lines = self._lines, []
        return "\n".join(lines).encode()[-size:]

    def _add(self, lines: list[str]) -> None:
        self._lines += lines
        self._stream.write(lines)


def _decode(line: bytes) -> str:
    # awslambdaric ends the lines inside one message with a carriage return, so that they stay one log event.
    return line.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n")
