"""Makes the results of tools plain JSON without secrets, and errors one sentence without secrets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from pydantic_core import to_jsonable_python

from sagebuild.client.aws_errors import translating_errors
from sagebuild.errors import SagebuildError
from sagebuild.redaction import redact_secrets, redact_values

Answer = Callable[..., Mapping[str, Any]]
# The server calls tools in several threads, and a boto3 session is not safe to use in them:
# https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
_LOCK = Lock()


def answer(function: Answer, keep: Collection[str] = ()) -> Answer:
    """Return the function as a tool calls it.

    Parameters
    ----------
    keep
        The members of the result that are secrets by their name only.
    """

    @functools.wraps(function)
    def run(*arguments: Any, **given: Any) -> dict[str, Any]:
        with _LOCK, _raising(ToolError):
            result = function(*arguments, **given)
        kept = {name: result[name] for name in keep}
        plain: dict[str, Any] = redact_values(to_jsonable_python(result, inf_nan_mode="null"))
        return plain | kept

    return run


def answer_text(function: Callable[..., str]) -> Callable[..., str]:
    """Return the function as a resource calls it."""

    @functools.wraps(function)
    def run(*arguments: Any, **given: Any) -> str:
        with _LOCK, _raising(ResourceError):
            return redact_secrets(function(*arguments, **given))

    return run


@contextmanager
def _raising(kind: type[ToolError | ResourceError]) -> Iterator[None]:
    """Raise errors of sagebuild and AWS as the SDK's error, whose message the assistant reads."""
    try:
        with translating_errors():
            yield
    except (SagebuildError, BotoCoreError, ClientError) as error:
        raise kind(redact_secrets(str(error))) from error
