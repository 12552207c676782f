"""Adds the stack, the pipeline, the build and the step to each line of a function's log, as JSON keys.

Lambda's JSON log format writes the additional attributes of a log record beside its message:
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html. So no formatter is needed, and the lines of libraries
have the keys, too. The Logger of Powertools would add a fifth of boto3's import time to each first call of a function,
and gives the keys only to the lines of loggers that use its handler.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("sagebuild")
_keys: ContextVar[Mapping[str, str | int]] = ContextVar("log_keys", default=MappingProxyType({}))
_create_record = logging.getLogRecordFactory()


def logged(step: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate the handler of a function, so that each line it logs has the keys.

    ``stack`` and ``step`` are in every line. ``pipeline`` and ``build`` are those of the event's ``pipeline`` and
    ``number``, or of `log_about`. The last line of an invocation says how it ended: Lambda itself logs an exception
    that leaves the handler without the keys.

    Parameters
    ----------
    step
        The name of the state that invokes the function; for other functions, what they do.
    """
    logging.setLogRecordFactory(_create_with_keys)

    def decorate(handler: Callable[P, R]) -> Callable[P, R]:
        @wraps(handler)
        def handle(*args: P.args, **kwargs: P.kwargs) -> R:
            with _add({"stack": os.environ.get("STACK_NAME", ""), "step": step, **_read_event(args[0])}):
                started = time.monotonic()
                try:
                    answer = handler(*args, **kwargs)
                except Exception as error:
                    _log.error("%s failed: %s: %s", step, type(error).__name__, error)
                    raise
                _log.info("%s ended after %.1f s", step, time.monotonic() - started)
                return answer

        return handle

    return decorate


@contextmanager
def log_about(pipeline: str, build: int | None = None) -> Iterator[None]:
    """Give the lines that are logged meanwhile the keys ``pipeline`` and ``build``.

    Parameters
    ----------
    pipeline
        Its name; empty for the default pipeline, which has the key's value "default".
    """
    with _add({"pipeline": pipeline or "default"} | ({} if build is None else {"build": build})):
        yield


@contextmanager
def _add(keys: Mapping[str, str | int]) -> Iterator[None]:
    token = _keys.set({**_keys.get(), **keys})
    try:
        yield
    finally:
        _keys.reset(token)


def _read_event(event: object) -> dict[str, str | int]:
    """Return the pipeline and the build of an event of the state machine; nothing for other events."""
    number = event.get("number") if isinstance(event, dict) else None
    if isinstance(event, dict) and isinstance(number, int):
        return {"pipeline": str(event.get("pipeline") or "default"), "build": number}
    return {}


def _create_with_keys(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _create_record(*args, **kwargs)
    record.__dict__.update(_keys.get())
    return record
