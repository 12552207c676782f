"""CloudWatch Logs: the events of a log stream are kept outside the memory, because they stay until it is deleted.

Python's garbage collector visits every object that can refer to others, while the engine stands still. It would take
seconds for the millions of lines that jobs can write; it does not visit bytes.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from local.database import Packed

MOTO_NAMES = ("moto.logs.models.LogStream.put_log_events",)


def install() -> None:
    """Replace moto's lists of events by these."""
    from moto.logs import models

    class LogStream(models.LogStream):  # type: ignore[misc]
        """moto's stream with packed events."""

        __module__ = models.LogStream.__module__

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.events = LogEvents()

    models.LogStream = LogStream


class LogEvents:
    """What moto uses of a list of events; the events of each call of PutLogEvents are packed together."""

    def __init__(self) -> None:
        self._packed: list[Packed] = []

    def __iadd__(self, events: Iterable[Any]) -> "LogEvents":
        self._packed.append(Packed(list(events)))
        return self

    def __iter__(self) -> Iterator[Any]:
        for packed in list(self._packed):
            yield from packed.read()

    def __bool__(self) -> bool:
        return bool(self._packed)
