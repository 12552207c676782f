"""One message on its way to one receiver: tried again while the receiver is unwell, then put aside as a dead letter."""

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


@dataclass(frozen=True)
class Failure:
    """Why a delivery was given up, in AWS's terms."""

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
        What is delivered to whom, for the person who reads that it failed.
    send
        One try. What AWS calls a client's error (no such queue, not permitted) is final, all else is tried again.
    dead_letter
        Puts the message aside when it is given up; without one it is named in the engine's output and lost.
    max_retries
        How many tries follow the first.
    """

    name: str
    send: Callable[[], object]
    dead_letter: Callable[[Failure], None] | None = None
    max_retries: int = DEFAULT_RETRIES
    _retries: int = 0

    def start(self) -> None:
        """Deliver soon, in the background."""
        _deliveries.run(self._try)

    def _try(self) -> None:
        try:
            self.send()
        except NotPermittedError as error:
            self._give_up(Failure("NO_PERMISSIONS", str(error), self._retries, exhausted=False))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            self._fail(error.response["Error"]["Code"], str(error), final=status < 500 and status != 429)
        except BotoCoreError as error:
            self._fail(type(error).__name__, str(error), final=False)

    def _fail(self, code: str, message: str, *, final: bool) -> None:
        if final or self._retries >= self.max_retries:
            return self._give_up(Failure(code, message, self._retries, exhausted=not final))
        pause = min(2.0**self._retries, _MAX_PAUSE_SECONDS) / config.current().time_scale
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
