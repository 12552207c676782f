"""The log lines of one build, sorted by time: functions, image builds, jobs and the endpoint."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.client.invocations import Invocations
from sagebuild.client.trials import label_trial
from sagebuild.running.causes import strip_escapes
from sagebuild.running.endpoint import name_serving_logs
from sagebuild.running.image_builds import find_log_streams
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.running.step_jobs import STEP_LOGS
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

POLL_SECONDS = 1.0
# How long a new line waits for earlier lines of slower sources.
HOLD_SECONDS = 3.0
# CloudWatch shows a line some seconds after it was written.
_INGESTION_DELAY = timedelta(seconds=30)
# The functions that a build calls; a test compares them with the state machine.
FUNCTIONS = (
    "launchBuild",
    "planBuild",
    "checkQuality",
    "packModel",
    "registerModel",
    "verifyModel",
    "requestApproval",
    "runSmokeTest",
    "finishBuild",
)
# How the lines of Lambda itself begin: the "type" in JSON, or the plain text.
_PLATFORM_PREFIXES = ("platform.", "INIT_START ", "START RequestId:", "END RequestId:", "REPORT RequestId:")
_FAILURES = re.compile(r"(?i)\bstatus\W+(error|failure|timeout)\b")


@dataclass(frozen=True)
class LogLine:
    """One line of a log.

    Parameters
    ----------
    source
        "image", "processing", "training", "transform", "endpoint" or the name of a function.
    part
        The instance of a training ("algo-1"), of a transform or of the endpoint; "data-log" for SageMaker's own lines
        of a transform; the processing job and its instance ("split/algo-1"); in a tuning, the trial and its instance
        ("003-1a2b3c4d/algo-1"); the image that is built ("training"). Empty for a function.
    """

    time: datetime
    source: str
    text: str
    part: str = ""

    @property
    def label(self) -> str:
        """The source and the part, such as "training/algo-1"."""
        return f"{self.source}/{self.part}" if self.part else self.source

    def __str__(self) -> str:
        return f"{self.time.astimezone():%H:%M:%S} {self.label:<16} {self.text}"


@dataclass(frozen=True)
class _Source:
    name: str
    group: str
    prefix: str = ""
    invocations: Invocations | None = None  # of a function
    name_part: Callable[[str], str] = field(default=lambda _stream: "")


def read_logs(service: Service, record: BuildRecord) -> Iterator[LogLine]:
    """Return all lines of a build's logs so far, oldest first; equal times keep each source's own order."""
    lines = (line for source in _list_sources(service, record, {}) for _, line in _read_lines(service, source, record))
    return iter(sort_lines(lines))


def sort_lines(lines: Iterable[LogLine]) -> list[LogLine]:
    """Sort lines by time; lines of equal time by their source, in the order in which the source wrote them."""
    return sorted(lines, key=lambda line: (line.time, line.label))


def read_training_log(service: Service, record: BuildRecord, training: str) -> list[str]:
    """Return the messages of one training of a build so far, oldest first."""
    source = _Source("training", TRAINING_LOGS, f"{training}/")
    events = sorted(_read_events(service, source, record, None), key=lambda event: event["timestamp"])
    return [event["message"].rstrip() for event in events]


def follow_logs(
    service: Service,
    read_record: Callable[[], BuildRecord],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[LogLine]:
    """Yield the lines of a build's logs until the build has ended.

    A line waits some seconds for earlier lines of slower sources. Lines that arrive even later follow at once. After
    the end of the build, all logs are read again, so that no late line is lost.
    """
    seen: set[str] = set()
    waiting: list[tuple[float, LogLine]] = []  # with the time of arrival
    invocations: dict[str, Invocations] = {}
    newest: datetime | None = None
    while True:
        record = read_record()
        since = newest - _INGESTION_DELAY if newest and not record.notified_at else None
        for source in _list_sources(service, record, {} if record.notified_at else invocations):
            new = [(key, line) for key, line in _read_lines(service, source, record, since) if key not in seen]
            seen |= {key for key, _ in new}
            waiting += [(clock(), line) for _, line in new]
        newest = max([line.time for _, line in waiting] + ([newest] if newest else []), default=None)
        due = [line.time for arrival, line in waiting if record.notified_at or clock() - arrival >= HOLD_SECONDS]
        until = max(due, default=datetime.min.replace(tzinfo=UTC))
        yield from sort_lines(line for _, line in waiting if line.time <= until)
        waiting = [(arrival, line) for arrival, line in waiting if line.time > until]
        if record.notified_at:
            return
        sleep(POLL_SECONDS)


def _list_sources(service: Service, record: BuildRecord, invocations: dict[str, Invocations]) -> list[_Source]:
    """List the sources of a build's lines; ``invocations`` keeps what earlier calls have read of each function."""
    functions = {name: invocations.setdefault(name, Invocations(service)) for name in FUNCTIONS}
    images = find_log_streams(service, record) if record.image_builds else {}
    group = service.settings.image_log_group
    return [
        *(_Source(name, f"/aws/lambda/{service.stack_name}-{name}", "", one) for name, one in functions.items()),
        *(_Source("image", group, stream, name_part=_naming(scope)) for stream, scope in images.items()),
        *_list_step_sources(record),
        *_list_training_sources(record),
        _Source("endpoint", name_serving_logs(service, record), name_part=_name_instance),
    ]


def _list_step_sources(record: BuildRecord) -> Iterator[_Source]:
    for step in record.step_jobs:
        if step.job:
            name_part = _name_transform if step.kind == "transform" else _naming_step(step.name)
            yield _Source(step.kind, STEP_LOGS[step.kind], f"{step.job}/", name_part=name_part)


def _naming_step(step: str) -> Callable[[str], str]:
    return lambda stream: f"{step}/{stream.partition('/')[2].rpartition('-')[0]}"


def _name_transform(stream: str) -> str:
    """Return the part of a stream "name/i-0123-1700000000/data-log" that follows the instance; else the instance."""
    instance, _, rest = stream.partition("/")[2].partition("/")
    return rest or instance.rpartition("-")[0]


def _list_training_sources(record: BuildRecord) -> Iterator[_Source]:
    # A training's log streams are named "name/algo-1-1700000000"; a tuning job's trainings "name-001-1a2b3c4d".
    if tuning_job := record.tuning_job:
        yield _Source(
            "training",
            TRAINING_LOGS,
            f"{tuning_job}-",
            name_part=lambda stream: label_trial(tuning_job, stream.rpartition("-")[0]),
        )
    elif record.training_job:
        yield _Source(
            "training",
            TRAINING_LOGS,
            f"{record.training_job}/",
            name_part=lambda stream: stream.partition("/")[2].rpartition("-")[0],
        )


def _naming(part: str) -> Callable[[str], str]:
    return lambda _stream: part


def _name_instance(stream: str) -> str:
    """Return the instance of an endpoint's log stream, "variant/instance"."""
    return stream.partition("/")[2] or stream


def _read_lines(
    service: Service, source: _Source, record: BuildRecord, since: datetime | None = None
) -> Iterator[tuple[str, LogLine]]:
    """Yield the lines of a source, each with a key that identifies it."""
    for event in _read_events(service, source, record, since):
        text = read_function_line(event["message"].rstrip()) if source.invocations else event["message"]
        when, part = datetime.fromtimestamp(event["timestamp"] / 1000, UTC), source.name_part(event["logStreamName"])
        for index, line in enumerate(strip_escapes(text).splitlines()):
            if line.strip():
                yield f"{event['eventId']} {index}", LogLine(when, source.name, line.rstrip(), part)


def _read_events(
    service: Service, source: _Source, record: BuildRecord, since: datetime | None
) -> Iterator[FilteredLogEventTypeDef]:
    """Yield a source's events. The builds of a pipeline do not overlap: the time selects this build's events."""
    begin = datetime.fromisoformat(record.created_at)
    request: dict[str, Any] = {
        "logGroupName": source.group,
        "startTime": _to_milliseconds(max(begin, since) if since else begin),
    }
    if source.prefix:
        request["logStreamNamePrefix"] = source.prefix
    if record.notified_at:
        # Finish writes lines after the build has ended.
        request["endTime"] = _to_milliseconds(datetime.fromisoformat(record.notified_at)) + 1000
    with aws_call(f"read {source.group}"):
        try:
            pages = service.logs.get_paginator("filter_log_events").paginate(**request)
            found = [event for page in pages for event in page["events"]]
        except ClientError as error:
            # A log group does not exist before its first line.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return
    events = source.invocations.select(found) if source.invocations else iter(found)
    # Some AWS emulators ignore logStreamNamePrefix.
    yield from (event for event in events if event["logStreamName"].startswith(source.prefix))


def read_function_line(text: str) -> str:
    """Return the message in a function's log line.

    It is empty for a line of Lambda itself, unless it reports a failure, and for metrics in the embedded metric format.
    """
    try:
        entry: Any = json.loads(text)
    except ValueError:
        entry = None
    if text.startswith(_PLATFORM_PREFIXES) or (isinstance(entry, dict) and _is_platform_entry(entry)):
        return text if _FAILURES.search(text) else ""
    if not isinstance(entry, dict):
        return text
    if "_aws" in entry:
        return ""
    message = entry.get("errorMessage") or entry.get("message") or text
    return " ".join(str(part) for part in (entry.get("level"), entry.get("errorType"), message) if part)


def _is_platform_entry(entry: dict[str, Any]) -> bool:
    return str(entry.get("type", "")).startswith(_PLATFORM_PREFIXES)


def _to_milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
