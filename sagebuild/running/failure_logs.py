"""Reads the end of the log of a failed job or endpoint."""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, StepJob
from sagebuild.errors import AwsUnavailableError
from sagebuild.running.causes import clean_lines
from sagebuild.running.endpoint import name_serving_logs
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.running.step_jobs import STEP_LOGS
from sagebuild.service import Service, aws_call

# A failing container writes its cause shortly before its end; an endpoint retries for longer.
_TRAINING_WINDOW = timedelta(minutes=15)
_ENDPOINT_WINDOW = timedelta(minutes=60)
_PAGES = 20  # of at most 10,000 lines each
_LINES_KEPT = 200

_log = logging.getLogger("sagebuild")


def read_training_end(service: Service, job: str, ended_at: datetime) -> list[str]:
    """Return the last lines of a training's log, oldest first; empty if it has none or cannot be read."""
    # A job's log streams are named after it: "name/algo-1-1700000000".
    return _read_end(service, TRAINING_LOGS, f"{job}/", ended_at - _TRAINING_WINDOW)


def read_step_end(service: Service, job: StepJob, ended_at: datetime) -> list[str]:
    """Return the last lines of a processing, evaluation or transform job's log, like `read_training_end`."""
    return _read_end(service, STEP_LOGS[job.kind], f"{job.job}/", ended_at - _TRAINING_WINDOW)


def read_endpoint_end(service: Service, record: BuildRecord, ended_at: datetime) -> list[str]:
    """Return the last lines of the endpoint's log since a build began; empty if it has none or cannot be read."""
    begun_at = datetime.fromisoformat(record.created_at)
    return _read_end(service, name_serving_logs(service, record), "", max(begun_at, ended_at - _ENDPOINT_WINDOW))


def _read_end(service: Service, group: str, prefix: str, since: datetime) -> list[str]:
    request: dict[str, Any] = {"logGroupName": group, "startTime": int(since.timestamp() * 1000)}
    if prefix:
        request["logStreamNamePrefix"] = prefix
    kept: deque[tuple[int, str]] = deque(maxlen=_LINES_KEPT)
    try:
        with aws_call(f"read the log {group}"):
            pages = service.logs.get_paginator("filter_log_events").paginate(**request)
            for event in (event for page in islice(pages, _PAGES) for event in page["events"]):
                if event["logStreamName"].startswith(prefix):  # some AWS emulators ignore logStreamNamePrefix
                    kept.append((event["timestamp"], event["message"]))
    except (AwsUnavailableError, ClientError) as error:  # the log only adds to SageMaker's own reason
        _log.warning("the log %s was not read: %s", group, error)
    return clean_lines(message for _, message in sorted(kept, key=lambda each: each[0]))
