"""The logs of one build, merged in time: what its functions, image builds, trainings and the new endpoint said."""

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
from sagebuild.names import name_endpoint
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

POLL_SECONDS = 1.0
# CloudWatch takes in what was said a few seconds before, and Finish works on after the end of the build.
_LATE = timedelta(seconds=30)
# Those of a build; a test holds them against the state machine.
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
# What Lambda itself says, in JSON and in plain text.
_LAMBDAS_OWN = ("platform.", "INIT_START ", "START RequestId:", "END RequestId:", "REPORT RequestId:")
_FAILURES = re.compile(r"(?i)\bstatus\W+(error|failure|timeout)\b")


@dataclass(frozen=True)
class LogLine:
    """What was said, when, and by whom: "image", "training", "endpoint", or the name of a function."""

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


def read_logs(service: Service, record: BuildRecord, since: datetime | None = None) -> Iterator[LogLine]:
    """All lines of a build's logs so far, oldest first.

    Parameters
    ----------
    since
        Leave out what was said before.
    """
    lines = [_read_source(service, source, record, since) for source in _list_sources(service, record)]
    return (line for _, line in heapq.merge(*lines, key=lambda found: found[1].time))


def follow_logs(
    service: Service,
    read_record: Callable[[], BuildRecord],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """The lines of a build's logs as they come, until the build has ended; ordered within each look alone."""
    seen: set[str] = set()
    while True:
        record = read_record()
        since = datetime.now(UTC) - _LATE if seen else None
        sources = _list_sources(service, record)
        found = [pair for source in sources for pair in _read_source(service, source, record, since)]
        new = [(key, line) for key, line in found if key not in seen]
        yield from (line for _, line in sorted(new, key=lambda pair: pair[1].time))
        seen |= {key for key, _ in new}
        if record.notified_at:
            return
        sleep(POLL_SECONDS)


def _list_sources(service: Service, record: BuildRecord) -> list[_Source]:
    job = record.tuning_job or record.training_job
    training = [_Source("training", "/aws/sagemaker/TrainingJobs", job)] if job else []
    return [
        *(_Source(name, f"/aws/lambda/{service.stack_name}-{name}") for name in FUNCTIONS),
        _Source("image", service.settings.image_log_group),
        *training,
        _Source("endpoint", f"/aws/sagemaker/Endpoints/{name_endpoint(service)}"),
    ]


def _read_source(
    service: Service, source: _Source, record: BuildRecord, since: datetime | None
) -> list[tuple[str, LogLine]]:
    """The events' ids with their lines; one build runs at a time, so its time tells its lines from another's."""
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
            for event in (event for page in pages for event in page["events"]):
                if line := _to_line(source, event):
                    found.append((event["eventId"], line))
        except ClientError as error:
            # The group comes with the first line.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
    return found


def _to_line(source: _Source, event: FilteredLogEventTypeDef) -> LogLine | None:
    text = event["message"].rstrip()
    if source.name in FUNCTIONS:
        text = read_function_line(text)
    when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return LogLine(when, source.name, text) if text else None


def read_function_line(text: str) -> str:
    """What a function's JSON line says; nothing for Lambda's own lines, unless they tell of a failure."""
    try:
        said: Any = json.loads(text)
    except ValueError:
        said = None
    if text.startswith(_LAMBDAS_OWN) or (isinstance(said, dict) and _is_lambdas(said)):
        return text if _FAILURES.search(text) else ""
    if not isinstance(said, dict):
        return text
    message = said.get("errorMessage") or said.get("message") or text
    return " ".join(str(part) for part in (said.get("level"), said.get("errorType"), message) if part)


def _is_lambdas(said: dict[str, Any]) -> bool:
    return str(said.get("type", "")).startswith(_LAMBDAS_OWN)


def _to_milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
