"""Keeps the engine's memory small: moto forgets deleted objects, and log events are no work for the garbage collector.

moto lists every object of its models, for a page of its own server. Python's collector visits every object that can
refer to others, and the engine stands still meanwhile: with the millions of lines that jobs can write, for seconds.
"""

from collections.abc import Iterable, Iterator
from typing import Any

MOTO_NAMES = (
    "moto.core.common_models.BaseModel.__new__",
    "moto.logs.models.LogEvent",
    "moto.logs.models.LogStream.put_log_events",
)


def install() -> None:
    """Create the objects of moto's models without the list, and log streams whose events are tuples."""
    from moto.core.common_models import BaseModel
    from moto.logs import models

    BaseModel.__new__ = staticmethod(_create)

    class LogStream(models.LogStream):  # type: ignore[misc]
        """moto's log stream, which keeps its events as tuples."""

        __module__ = models.LogStream.__module__

        @property
        def events(self) -> LogEvents:
            """Its events, oldest first."""
            return self._events

        @events.setter
        def events(self, events: Iterable[Any]) -> None:
            self._events = events if isinstance(events, LogEvents) else LogEvents(models.LogEvent, events)

    models.LogStream = LogStream


def _create(model: type, *_: Any, **__: Any) -> Any:
    return object.__new__(model)


class LogEvents:
    """Events of a log stream as tuples of numbers and text, which the garbage collector does not visit.

    Parameters
    ----------
    kind
        moto's class of events.
    events
        The first events.
    """

    def __init__(self, kind: type, events: Iterable[Any] = ()) -> None:
        self._kind = kind
        self._rows: list[tuple[int, int, int, str]] = []
        self += events

    def __iadd__(self, events: Iterable[Any]) -> "LogEvents":
        self._rows += [(each.timestamp, each.ingestion_time, each.event_id, each.message) for each in events]
        return self

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            event: Any = object.__new__(self._kind)
            event.timestamp, event.ingestion_time, event.event_id, event.message = row
            yield event
