"""The reader of a process's output survives what the process writes, and what its own callback does."""

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import config, output
from local.log_events import LogEvents
from local.output import Output


class Logs:
    """CloudWatch Logs: the messages of one stream."""

    class exceptions:  # noqa: N801
        ResourceNotFoundException = ResourceAlreadyExistsException = KeyError

    def __init__(self) -> None:
        self.messages: list[str] = []

    def create_log_stream(self, **_names: str) -> None:
        """Do nothing: the stream exists."""

    def put_log_events(self, logEvents: list[dict[str, Any]], **_names: str) -> None:  # noqa: N803
        """Store the messages."""
        self.messages += [event["message"] for event in logEvents]


def follow(
    program: str, on_line: Callable[[str], None] | None = None
) -> tuple["subprocess.Popen[bytes]", Logs, Output]:
    logs = Logs()
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return process, logs, Output(process, logs, "group", "stream", on_line)


def test_a_failing_callback_ends_the_process_and_is_reported() -> None:
    def fail(line: str) -> None:
        raise ValueError(f"cannot read {line!r}")

    process, logs, reader = follow("print('first', flush=True)\nwhile True: print('x' * 1000)", fail)
    with pytest.raises(ValueError, match="cannot read 'first'"):
        reader.join()
    assert process.wait() == -9
    assert logs.messages[0] == "first"


def test_a_log_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_LOG_BYTES", 1 << 20)
    lines: list[str] = []
    process, logs, reader = follow("import sys\nfor _ in range(40): sys.stdout.write('x' * 100_000)", lines.append)
    reader.join()
    assert process.wait() == 0
    assert sum(map(len, lines)) == 4_000_000  # the callback still gets everything
    assert sum(map(len, logs.messages)) < 1_100_000
    assert logs.messages[-1] == "local/ keeps only the first 1 MiB of this log."


def test_short_lines_count_with_the_memory_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_LOG_BYTES", 1 << 20)
    process, logs, reader = follow("print('x\\n' * 10_000)")
    reader.join()
    assert process.wait() == 0
    assert len(logs.messages) == (1 << 20) // 129 + 1


def test_bytes_that_are_no_text_are_replaced() -> None:
    process, logs, reader = follow(r"import sys; sys.stdout.buffer.write(b'\xff\x00ok\n\xc3')")
    reader.join()
    assert process.wait() == 0
    assert logs.messages == ["\ufffd\x00ok", "\ufffd"]


def test_the_garbage_collector_does_not_visit_the_lines_of_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_current", config.Config(port=0, data=tmp_path))
    gc.collect()
    before = len(gc.get_objects())
    events = LogEvents()
    for batch in range(20):
        events += [SimpleNamespace(timestamp=batch, message=f"line {number}") for number in range(500)]
    gc.collect()
    assert len(gc.get_objects()) - before < 500
    *_, last = events
    assert len(list(events)) == 10_000
    assert last == SimpleNamespace(timestamp=19, message="line 499")
