"""The log lines of one build, merged by time: functions, image builds, trainings and the endpoint."""

from __future__ import annotations

import heapq
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.client.invocations import Invocations
from sagebuild.running.endpoint import name_endpoint_logs
from sagebuild.running.image_builds import find_log_streams
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

POLL_SECONDS = 1.0
# CloudWatch shows a line some seconds after it was written, and Finish writes lines after the build has ended.
_INGESTION_DELAY = timedelta(seconds=30)
# The functions that a build calls; a test compares them with the state machine.
FUNCTIONS = (
    "launchBuild",
    "planBuild",
    "checkQuality",
    "packModel",
    "registerModel",
    "requestApproval",
    "runSmokeTest",
    "finishBuild",
)
# How the lines of Lambda itself begin: the "type" in JSON, or the plain text.
_PLATFORM_PREFIXES = ("platform.", "INIT_START ", "START RequestId:", "END RequestId:", "REPORT RequestId:")
_FAILURES = re.compile(r"(?i)\bstatus\W+(error|failure|timeout)\b")


@dataclass(frozen=True)
class LogLine:
    """One line; its source is "image", "training", "endpoint" or the name of a function."""

    time: datetime
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.time.astimezone():%H:%M:%S} {self.source:<15} {self.text}"


@dataclass(frozen=True)
class _Source:
    name: str
    group: str
    prefix: str = ""
    invocations: Invocations | None = None  # of a function


def read_logs(service: Service, record: BuildRecord, since: datetime | None = None) -> Iterator[LogLine]:
    """Return all lines of a build's logs so far, oldest first.

    Parameters
    ----------
    since
        Leave out earlier lines.
    """
    lines = [_read_source(service, source, record, since) for source in _list_sources(service, record, {})]
    return (line for _, line in heapq.merge(*lines, key=lambda found: found[1].time))


def read_training_log(service: Service, record: BuildRecord) -> list[str]:
    """The lines of a build's training so far, oldest first; of a tuning job, those of its best training."""
    source = _Source("training", TRAINING_LOGS, f"{record.training_job}/")
    found = [line for _, line in _read_source(service, source, record, None)]
    return [line.text for line in sorted(found, key=lambda line: line.time)]


def follow_logs(
    service: Service,
    read_record: Callable[[], BuildRecord],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """Yield the lines of a build's logs until the build has ended; each poll's lines are sorted by time."""
    seen: set[str] = set()
    invocations: dict[str, Invocations] = {}
    while True:
        record = read_record()
        since = datetime.now(UTC) - _INGESTION_DELAY if seen else None
        sources = _list_sources(service, record, invocations)
        found = [pair for source in sources for pair in _read_source(service, source, record, since)]
        new = [(key, line) for key, line in found if key not in seen]
        yield from (line for _, line in sorted(new, key=lambda pair: pair[1].time))
        seen |= {key for key, _ in new}
        if record.notified_at:
            return
        sleep(POLL_SECONDS)


def _list_sources(service: Service, record: BuildRecord, invocations: dict[str, Invocations]) -> list[_Source]:
    """List the sources of a build's lines; ``invocations`` keeps what earlier calls have read of each function."""
    # A training's log streams are named "name/algo-1-1700000000"; a tuning job's trainings "name-001-1a2b3c4d".
    job = f"{record.tuning_job}-" if record.tuning_job else f"{record.training_job}/"
    training = [_Source("training", TRAINING_LOGS, job)] if record.tuning_job or record.training_job else []
    group = service.settings.image_log_group
    streams = find_log_streams(service, record) if record.image_builds else []
    functions = {name: invocations.setdefault(name, Invocations(service)) for name in FUNCTIONS}
    return [
        *(_Source(name, f"/aws/lambda/{service.stack_name}-{name}", "", one) for name, one in functions.items()),
        *(_Source("image", group, stream) for stream in streams),
        *training,
        _Source("endpoint", name_endpoint_logs(service)),
    ]


def _read_source(
    service: Service, source: _Source, record: BuildRecord, since: datetime | None
) -> list[tuple[str, LogLine]]:
    """Return event ids and lines. The builds of a pipeline do not overlap: the time selects this build's lines."""
    begin = datetime.fromisoformat(record.created_at)
    request: dict[str, Any] = {
        "logGroupName": source.group,
        "startTime": _to_milliseconds(max(begin, since) if since else begin),
    }
    if source.prefix:
        request["logStreamNamePrefix"] = source.prefix
    if record.notified_at:
        request["endTime"] = _to_milliseconds(datetime.fromisoformat(record.notified_at)) + 1000
    found = []
    with aws_call(f"read {source.group}"):
        try:
            pages = service.logs.get_paginator("filter_log_events").paginate(**request)
            events = (event for page in pages for event in page["events"])
            for event in source.invocations.select(events) if source.invocations else events:
                if line := _to_line(source, event):
                    found.append((event["eventId"], line))
        except ClientError as error:
            # A log group does not exist before its first line.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
    return found


def _to_line(source: _Source, event: FilteredLogEventTypeDef) -> LogLine | None:
    if not event["logStreamName"].startswith(source.prefix):  # some AWS emulators ignore logStreamNamePrefix
        return None
    text = event["message"].rstrip()
    if source.name in FUNCTIONS:
        text = read_function_line(text)
    when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return LogLine(when, source.name, text) if text else None


def read_function_line(text: str) -> str:
    """Return the message in a function's log line; empty for a line of Lambda itself, unless it reports a failure."""
    try:
        entry: Any = json.loads(text)
    except ValueError:
        entry = None
    if text.startswith(_PLATFORM_PREFIXES) or (isinstance(entry, dict) and _is_platform_entry(entry)):
        return text if _FAILURES.search(text) else ""
    if not isinstance(entry, dict):
        return text
    message = entry.get("errorMessage") or entry.get("message") or text
    return " ".join(str(part) for part in (entry.get("level"), entry.get("errorType"), message) if part)


def _is_platform_entry(entry: dict[str, Any]) -> bool:
    return str(entry.get("type", "")).startswith(_PLATFORM_PREFIXES)


def _to_milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
