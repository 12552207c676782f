"""Sends a container's output to CloudWatch Logs while it runs, and each line to a callback."""

import codecs
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import IO, Any

from botocore.exceptions import ClientError

from local import clients

_FLUSH_SECONDS = 0.5
# PutLogEvents takes at most 10,000 events and 1 MiB. Here a longer line becomes several events.
_BATCH_BYTES = 512 * 1024
_BATCH_EVENTS = 500
_EVENT_CHARACTERS = 64 * 1024  # of 4 bytes at most
_LINE_BYTES = 32 * 1024
# Of one process, and what a line costs besides its text: the engine has the log in memory.
_LOG_BYTES, _EVENT_BYTES = 64 * 1024 * 1024, 128


class Output:
    """Reads a process's output in the background until it ends."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        logs: Any,
        group: str,
        stream: str,
        on_line: Callable[[str], None] | None = None,
        note: str = "",
    ) -> None:
        self._process, self._logs, self._names = process, logs, {"logGroupName": group, "logStreamName": stream}
        self._on_line = on_line
        self._pending = [_make_event(note)] if note else []
        self._created = False
        self._failure: Exception | None = None
        self._kept_bytes = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._reader.start()
        self._writer.start()

    def join(self) -> None:
        """Wait until every line of the ended process is read and written.

        Raises
        ------
        Exception
            The first one of the callback, which ended the process.
        """
        self._reader.join()
        self._writer.join()
        if self._failure:
            raise self._failure

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in _split_lines(self._process.stdout):
            self._keep(line)
            if self._on_line and not self._failure:
                try:
                    self._on_line(line)
                except Exception as error:  # the process must not wait for a reader that has failed
                    self._failure = error
                    self._process.kill()
        self._process.stdout.close()
        self._ended.set()

    def _keep(self, line: str) -> None:
        """Keep a line for the log, whose length is limited: the engine has it in memory."""
        if self._kept_bytes > _LOG_BYTES:
            return
        self._kept_bytes += len(line.encode()) + _EVENT_BYTES
        if self._kept_bytes > _LOG_BYTES:
            line = f"local/ keeps only the first {_LOG_BYTES >> 20} MiB of this log."
        with self._lock:
            self._pending.append(_make_event(line))

    def _write(self) -> None:
        # As on AWS, a job does not fail when its logs cannot be written.
        with suppress(ClientError):
            while not self._ended.wait(_FLUSH_SECONDS):
                self._flush()
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            lines, self._pending = self._pending, []
        if lines and not self._created:
            create_stream(self._logs, self._names["logGroupName"], self._names["logStreamName"])
            self._created = True
        put_events(self._logs, self._names["logGroupName"], self._names["logStreamName"], lines)


def _make_event(line: str) -> dict[str, Any]:
    return {"timestamp": int(time.time() * 1000), "message": line or " "}


def _split_lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a stream; a longer one in parts that end at a carriage return, if it has one."""
    decoder, kept = codecs.getincrementaldecoder("utf-8")("replace"), ""
    while raw := stream.readline(_LINE_BYTES):
        text, kept = kept + decoder.decode(raw), ""
        if not raw.endswith(b"\n"):
            head, separator, tail = text.rpartition("\r")
            text, kept = (head, separator + tail) if head else (text, "")
        if text or raw.endswith(b"\n"):
            yield text.rstrip("\r\n")
    kept += decoder.decode(b"", final=True)
    if kept:
        yield kept


def put_events(logs: Any, group: str, stream: str, events: list[dict[str, Any]]) -> None:
    """Write any number of events of any length to a log stream, in calls that PutLogEvents accepts."""
    for batch in _batch(part for event in events for part in _split_event(event)):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)


def _split_event(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = event["message"]
    for start in range(0, len(message), _EVENT_CHARACTERS):
        yield event | {"message": message[start : start + _EVENT_CHARACTERS]}


def _batch(events: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for event in events:
        length = len(event["message"].encode())
        if batch and (len(batch) == _BATCH_EVENTS or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += length
    if batch:
        yield batch


def create_stream(logs: Any, group: str, stream: str, *, with_group: bool = True) -> None:
    """Create a log stream, and its group if it is missing; an existing stream is kept.

    Raises
    ------
    ResourceNotFoundException
        Without ``with_group``, when the group is missing.
    """
    names = {"logGroupName": group, "logStreamName": stream}
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        try:
            logs.create_log_stream(**names)
        except logs.exceptions.ResourceNotFoundException:
            if not with_group:
                raise
            with suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=group)
            logs.create_log_stream(**names)


def follow(
    process: "subprocess.Popen[bytes]",
    *,
    region: str,
    role_arn: str,
    group: str,
    stream: str,
    on_line: Callable[[str], None] | None = None,
    note: str = "",
) -> Output:
    """Send a process's output to a log stream, in a role; with a note as the first line."""
    return Output(process, clients.client("logs", region, role_arn), group, stream, on_line, note)
