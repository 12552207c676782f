"""The EventBridge events that start a build: one row for each source. resources/triggers.yml holds their rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EventSource:
    """The events of one source.

    Parameters
    ----------
    kind
        The kind of trigger in the build's record.
    describe
        Returns the trigger's detail; None for an event that starts no build.
    """

    kind: str
    describe: Callable[[Mapping[str, Any]], str | None]


def find_text(value: Any, *path: str | int) -> str:
    """Return the text at a path in a message; empty if there is none, since a message may hold anything."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return ""
    return value if isinstance(value, str) else ""


def is_folder_marker(detail: Any, key: str) -> bool:
    """Return whether an event is about the empty object that the S3 console creates as a folder; it is no data."""
    described = detail.get("object") if isinstance(detail, Mapping) else None
    return key.endswith("/") and isinstance(described, Mapping) and described.get("size") == 0


def _describe_upload(event: Mapping[str, Any]) -> str | None:
    key = find_text(event, "detail", "object", "key")
    if find_text(event, "detail-type") != "Object Created" or is_folder_marker(event.get("detail"), key):
        return None
    return f"s3://{find_text(event, 'detail', 'bucket', 'name')}/{key}"


def _describe_push(event: Mapping[str, Any]) -> str:
    names = (find_text(event, "detail", name) for name in ("repositoryName", "referenceName", "commitId"))
    repository, branch, commit = names
    return f"{repository} {branch} {commit[:7]}".strip()


def _describe_schedule(event: Mapping[str, Any]) -> str:
    return find_text(event, "time")


def _describe_alarm(event: Mapping[str, Any]) -> str | None:
    is_alarm = find_text(event, "detail", "state", "value") == "ALARM"
    return find_text(event, "detail", "alarmName") if is_alarm else None


EVENT_SOURCES: Mapping[str, EventSource] = {
    "aws.s3": EventSource("upload", _describe_upload),
    "aws.codecommit": EventSource("push", _describe_push),
    "aws.events": EventSource("schedule", _describe_schedule),
    "aws.cloudwatch": EventSource("alarm", _describe_alarm),
}
