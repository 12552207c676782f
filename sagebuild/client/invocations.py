"""Selects a pipeline's lines in the logs of functions, which all pipelines of the stack share."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sagebuild.service import Service

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

_PLATFORM = re.compile(r"(?:START|END|REPORT) RequestId: (\S+)")


class Invocations:
    """The invocations of a function, each with the pipelines that its lines name.

    A line names a pipeline if it begins with the pipeline's label, as "sagebuild-dev/fraud: ...". The first line of an
    invocation for a pipeline with a name does (`Service.from_environment`). An invocation that names no pipeline
    belongs to the default one.
    """

    def __init__(self, service: Service) -> None:
        self._own = service.label
        self._default = service.stack_name
        self._label = re.compile(rf"({re.escape(service.stack_name)}(?:/[\w-]+)?): ")
        self._named: dict[str, set[str]] = defaultdict(set)  # labels by invocation; also of earlier calls of `select`
        self._running: dict[str, str] = {}  # the invocation of each log stream

    def select(self, events: Iterable[FilteredLogEventTypeDef]) -> Iterator[FilteredLogEventTypeDef]:
        """Yield the pipeline's events; the given ones are in the order of their time."""
        placed = []
        for event in events:
            entry, stream = _read_json(event["message"]), event["logStreamName"]
            invocation = _find_invocation(event["message"], entry) or self._running.get(stream, stream)
            self._running[stream] = invocation
            match = self._label.match(str(entry.get("message", "")) if entry else event["message"])
            label = match[1] if match else ""
            if label:
                self._named[invocation].add(label)
            placed.append((event, invocation, label))
        for event, invocation, label in placed:
            if self._own in ({label} if label else self._named[invocation] or {self._default}):
                yield event


def _read_json(text: str) -> dict[str, Any]:
    try:
        entry: Any = json.loads(text)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _find_invocation(text: str, entry: dict[str, Any]) -> str:
    """Return the id of a line's invocation; empty for text that the function printed."""
    # https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html and monitoring-cloudwatchlogs-logformat.html
    record = entry.get("record")
    inner = record.get("requestId") if isinstance(record, dict) else None
    match = _PLATFORM.match(text)
    return str(entry.get("requestId") or inner or (match[1] if match else ""))
