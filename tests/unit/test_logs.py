"""The log lines of a build: sorted by time although the sources are not, each with its source."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.client.logs import HOLD_SECONDS, LogLine, follow_logs, read_logs
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.service import Service

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STACK = "sagebuild-dev"
ENDPOINT = f"/aws/sagemaker/Endpoints/{STACK}"
SETTINGS = {
    "STACK_NAME": STACK,
    "STACK_ID": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{STACK}/3f2a1c00-0000-4000-8000-000000000000",
    "AWS_REGION": "us-east-1",
    "IMAGE_LOG_GROUP": "images",
    "IMAGE_PROJECT": "project",
    "SOURCE_PROJECT": "sources",
}
RECORD = BuildRecord(4, Trigger("command"), NOW.isoformat(), status="running", training_job="job-4")


class FakeLogs:
    """CloudWatch Logs, which returns a group's events in the order in which they were put."""

    def __init__(self) -> None:
        self._events: dict[str, list[dict[str, Any]]] = {}
        self.starts: list[int] = []

    def put(self, group: str, stream: str, seconds: float, message: str) -> None:
        """Add an event of a time after the build's begin."""
        moment = NOW + timedelta(seconds=seconds)
        events = self._events.setdefault(group, [])
        event = {"timestamp": round(moment.timestamp() * 1000), "logStreamName": stream, "message": message}
        events.append(event | {"eventId": f"{group}{len(events)}"})

    def get_paginator(self, _operation: str) -> "FakeLogs":
        return self

    def paginate(self, logGroupName: str, startTime: int, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        self.starts.append(startTime)
        events = [event for event in self._events.get(logGroupName, []) if event["timestamp"] >= startTime]
        yield {"events": events[:1]}
        yield {"events": events[1:]}


class FakeBuilds:
    """CodeBuild with one image build for training and one for inference."""

    def list_builds_for_project(self, **_: Any) -> dict[str, Any]:
        return {"ids": ["one", "two"]}

    def batch_get_builds(self, **_: Any) -> dict[str, Any]:
        return {"builds": [self._describe(scope) for scope in ("training", "inference")]}

    def _describe(self, scope: str) -> dict[str, Any]:
        variables = [{"name": "IMAGE_TAG", "value": f"build-4-{scope}"}]
        return {"logs": {"streamName": f"stream-{scope}"}, "environment": {"environmentVariables": variables}}


@pytest.fixture
def logs() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def service(logs: FakeLogs) -> Service:
    clients: dict[str, Any] = {"logs": logs, "codebuild": FakeBuilds()}
    return Service(SETTINGS, lambda name: clients[name])


def texts(lines: Iterator[LogLine]) -> list[str]:
    return [f"{line.label} {line.text}" for line in lines]


def test_lines_are_sorted_although_their_sources_are_not(logs: FakeLogs, service: Service) -> None:
    logs.put(TRAINING_LOGS, "job-4/algo-2-170", 3, "third")
    logs.put(TRAINING_LOGS, "job-4/algo-1-170", 5, "fifth")
    logs.put(TRAINING_LOGS, "job-4/algo-1-170", 1, "first")
    logs.put(TRAINING_LOGS, "job-41/algo-1-170", 2, "of another training")
    logs.put(ENDPOINT, "main/i-0abc", 4, "fourth")
    logs.put(f"/aws/lambda/{STACK}-planBuild", "2026", 0, '{"level": "INFO", "message": "zeroth"}')
    logs.put("images", "stream-training", 2, "second")
    logs.put("images", "stream-inference", 2.5, "between")
    record = replace(RECORD, image_builds=["build-4-training", "build-4-inference"])
    assert texts(read_logs(service, record)) == [
        "planBuild INFO zeroth",
        "training/algo-1 first",
        "image/training second",
        "image/inference between",
        "training/algo-2 third",
        "endpoint/i-0abc fourth",
        "training/algo-1 fifth",
    ]


def test_lines_of_equal_time_keep_the_order_of_their_source(logs: FakeLogs, service: Service) -> None:
    for number in (3, 1, 2):
        for host in ("algo-2", "algo-1"):
            logs.put(TRAINING_LOGS, f"job-4/{host}-170", 1, f"line {number}")
    assert texts(read_logs(service, RECORD)) == [
        f"training/{host} line {number}" for host in ("algo-1", "algo-2") for number in (3, 1, 2)
    ]


def test_the_trials_of_a_tuning_are_named(logs: FakeLogs, service: Service) -> None:
    logs.put(TRAINING_LOGS, "tune-4-002-abcd/algo-1-170", 2, "slow")
    logs.put(TRAINING_LOGS, "tune-4-001-ef01/algo-1-170", 1, "fast")
    found = list(read_logs(service, replace(RECORD, training_job="", tuning_job="tune-4")))
    assert [(line.source, line.part, line.text) for line in found] == [
        ("training", "001-ef01/algo-1", "fast"),
        ("training", "002-abcd/algo-1", "slow"),
    ]
    assert str(found[0]).endswith(" training/001-ef01/algo-1 fast")


def test_each_line_of_a_message_is_a_line_without_escape_sequences(logs: FakeLogs, service: Service) -> None:
    logs.put(TRAINING_LOGS, "job-4/algo-1-170", 1, "\x1b[31mTraceback:\x1b[0m\n  no\n\n10%\r20%\n")
    assert texts(read_logs(service, RECORD)) == [
        f"training/algo-1 {text}" for text in ("Traceback:", "  no", "10%", "20%")
    ]


def follow(service: Service, steps: list[Callable[[], BuildRecord]]) -> list[str]:
    """Follow the logs while each step does something and returns the record; a poll takes a second."""
    times = iter(range(1000))
    moment = [0.0]
    polls = iter(steps)

    def pass_time(_seconds: float) -> None:
        moment[0] = float(next(times) + 1)

    return texts(follow_logs(service, lambda: next(polls)(), pass_time, lambda: moment[0]))


def test_followed_lines_wait_for_slower_sources(logs: FakeLogs, service: Service) -> None:
    ended = replace(RECORD, status="succeeded", notified_at=(NOW + timedelta(minutes=5)).isoformat())

    def put(host: str, seconds: float, text: str, record: BuildRecord = RECORD) -> Callable[[], BuildRecord]:
        def act() -> BuildRecord:
            logs.put(TRAINING_LOGS, f"job-4/{host}-170", seconds, text)
            return record

        return act

    found = follow(
        service,
        [
            put("algo-1", 10, "fast"),
            put("algo-2", 9, "slow, still in time"),
            *[lambda: RECORD] * (int(HOLD_SECONDS) + 1),
            put("algo-1", 100, "a minute later"),
            put("algo-2", 8, "too late for its place"),
            *[lambda: RECORD] * (int(HOLD_SECONDS) + 1),
            put("algo-1", 120, "the last", ended),
        ],
    )
    assert found == [
        "training/algo-2 slow, still in time",
        "training/algo-1 fast",
        "training/algo-1 a minute later",
        "training/algo-2 too late for its place",
        "training/algo-1 the last",
    ]
    assert logs.starts[-1] == round(NOW.timestamp() * 1000), "at the end, all is read again"
