"""The AWS accounts of this engine: the account of a call, and of the work that a call starts.

An access key of twelve digits is the owner's key of the account with that number. The key of a user or of a role's
session belongs to the account of the user or role. Every other key, such as "local", is the owner's of the default
account. A thread works in the account of the call that started it.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT = "123456789012"
MOTO_NAMES = ("moto.core.responses.BaseResponse.get_current_account",)

_current: ContextVar[str] = ContextVar("account", default=DEFAULT)


def current() -> str:
    """The account of the present call, or of the call that started this thread."""
    return _current.get()


def use(account: str) -> None:
    """Make this the account of this thread."""
    _current.set(account)


@contextmanager
def acting_in(account: str) -> Iterator[None]:
    """Work in another account, such as that of a message's receiver."""
    token = _current.set(account)
    try:
        yield
    finally:
        _current.reset(token)


def of_arn(arn: str) -> str:
    """The account in an ARN; the present one for an ARN without an account, such as that of a bucket."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) > 4 and parts[4].isdigit() else current()


def owner_key() -> str:
    """The access key of the present account's owner."""
    return "local" if current() == DEFAULT else current()


def is_owner_key(access_key: str) -> bool:
    """True for twelve digits, False for other access keys."""
    return re.fullmatch(r"[0-9]{12}", access_key) is not None


def install() -> None:
    """Let moto answer for the present account, which `local.calls` reads from the key, and let threads inherit it."""
    from moto.core.responses import BaseResponse

    BaseResponse.get_current_account = lambda _: current()
    threading.Thread.start = _start_in_account  # type: ignore[method-assign, assignment]


_start = threading.Thread.start


def _start_in_account(thread: threading.Thread) -> None:
    account, run = current(), thread.run

    def run_in_account() -> None:
        use(account)
        run()

    if account != DEFAULT:
        thread.run = run_in_account  # type: ignore[method-assign]
    _start(thread)
