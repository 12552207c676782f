"""The AWS accounts of this engine: the account of a call, and of the work that a call starts.

The engine's access key is that of the default account's owner. With "_" and twelve digits at its end, it is the key of
the owner of the account with that number. The key of a user or of a role's session belongs to the account of the user
or role. A thread works in the account of the call that started it.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from local import config

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
    key = config.current().access_key
    return key if current() == DEFAULT else f"{key}_{current()}"


def owned_by(access_key: str) -> str | None:
    """The account whose owner has this access key; None for the keys of others."""
    key, separator, account = access_key.partition("_")
    if key != config.current().access_key or (separator and not re.fullmatch(r"[0-9]{12}", account)):
        return None
    return account or DEFAULT


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
