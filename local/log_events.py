"""CloudWatch Logs: the events of a log stream are kept compressed, because they stay until the stream is deleted.

Python's garbage collector visits every object that can refer to others, while the engine stands still. It would take
seconds for the millions of lines that jobs can write; it does not visit bytes.
"""

import pickle  # nosec B403: for events of this process only
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

MOTO_NAMES = ("moto.logs.models.LogStream.put_log_events",)


def install() -> None:
    """Replace moto's lists of events by these."""
    from moto.logs import models

    class LogStream(models.LogStream):  # type: ignore[misc]
        """moto's stream with compressed events."""

        __module__ = models.LogStream.__module__

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.events = LogEvents()

    models.LogStream = LogStream


class LogEvents:
    """What moto uses of a list of events; the events of each call of PutLogEvents are compressed together."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def __iadd__(self, events: Iterable[Any]) -> "LogEvents":
        self._packed.append(zlib.compress(pickle.dumps(list(events))))
        return self

    def __iter__(self) -> Iterator[Any]:
        for packed in list(self._packed):
            yield from pickle.loads(zlib.decompress(packed))  # nosec B301: packed above

    def __bool__(self) -> bool:
        return bool(self._packed)
