"""Delivers one message to one receiver, with retries and a dead-letter queue."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from local import config
from local.messaging.background import Background
from local.messaging.senders import NotPermittedError

DEFAULT_RETRIES = 185  # EventBridge's default.
_MAX_PAUSE_SECONDS = 60.0
_logger = logging.getLogger(__name__)
_deliveries = Background("deliveries", workers=8)


class TargetError(Exception):
    """A receiver outside this engine did not take a message; ``final`` if another attempt would not help."""

    def __init__(self, code: str, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.code, self.final = code, final


@dataclass(frozen=True)
class Failure:
    """The reason for a failed delivery, in AWS's terms."""

    code: str
    message: str
    retries: int
    exhausted: bool


@dataclass
class Delivery:
    """A message for a receiver.

    Parameters
    ----------
    name
        The message and its receiver, for the log.
    send
        Makes one attempt. A client error (no such queue, not permitted) is final; other errors are retried.
    dead_letter
        Sends the message to a dead-letter queue after the failure; without one it is logged and lost.
    max_retries
        The number of attempts after the first.
    """

    name: str
    send: Callable[[], object]
    dead_letter: Callable[[Failure], None] | None = None
    max_retries: int = DEFAULT_RETRIES
    _retries: int = 0

    def start(self) -> None:
        """Deliver in the background."""
        _deliveries.run(self._try)

    def _try(self) -> None:
        try:
            self.send()
        except NotPermittedError as error:
            self._give_up(Failure("NO_PERMISSIONS", str(error), self._retries, exhausted=False))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            self._fail(error.response["Error"]["Code"], str(error), final=status < 500 and status != 429)
        except TargetError as error:
            self._fail(error.code, str(error), final=error.final)
        except BotoCoreError as error:
            self._fail(type(error).__name__, str(error), final=False)

    def _fail(self, code: str, message: str, *, final: bool) -> None:
        if final or self._retries >= self.max_retries:
            return self._give_up(Failure(code, message, self._retries, exhausted=not final))
        pause = config.scale_seconds(min(2.0**self._retries, _MAX_PAUSE_SECONDS))
        self._retries += 1
        return _deliveries.run(self._try, after=pause)

    def _give_up(self, failure: Failure) -> None:
        if not self.dead_letter:
            _logger.warning("%s failed and has no dead-letter queue: %s", self.name, failure.message)
            return
        try:
            self.dead_letter(failure)
        except (ClientError, BotoCoreError) as error:
            _logger.warning("%s failed (%s), and so did its dead-letter queue: %s", self.name, failure.message, error)
