"""CloudWatch Logs: the events of a log stream are kept outside the memory, because they stay until it is deleted.

Python's garbage collector visits every object that can refer to others, while the engine stands still. It would take
seconds for the millions of lines that jobs can write; it does not visit bytes. Filter patterns of terms select events.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from local.database import Packed
from local.errors import RefusedError

MOTO_NAMES = ("moto.logs.models.EventMessageFilter", "moto.logs.models.LogStream.put_log_events")
_SUPPORTED = "local/ evaluates filter patterns of words, and of other terms in double quotes"
_TERM = re.compile(r'([-?]?)(?:"([^"]*)"|(\w+))(?:\s+|$)')


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
    models.EventMessageFilter = lru_cache(100)(TermFilter)  # moto creates one for each event


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


class TermFilter:
    """A filter pattern of terms and phrases: all of them, with ``-`` none of them, or with ``?`` any of them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """

    def __init__(self, pattern: str | None) -> None:
        rest, self._terms = (pattern or "").strip(), dict[str, list[str]]({"": [], "?": [], "-": []})
        while rest:
            found = _TERM.match(rest)
            if not found:
                raise RefusedError("InvalidParameterException", f"{_SUPPORTED}, not {rest!r}.")
            self._terms[found[1]].append(found[3] if found[2] is None else found[2])
            rest = rest[found.end() :]
        if self._terms["?"] and (self._terms[""] or self._terms["-"]):
            raise RefusedError("InvalidParameterException", f"{_SUPPORTED}, and either all with ? or none.")

    def matches(self, message: str) -> bool:
        """False for an event that the pattern does not select."""
        wanted, optional, unwanted = self._terms.values()
        if optional:
            return any(term in message for term in optional)
        return all(term in message for term in wanted) and not any(term in message for term in unwanted)
