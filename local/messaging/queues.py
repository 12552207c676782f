"""SQS: moto's queues, made thread-safe."""

import time
from typing import Any

from moto.sqs import models


class Queue(models.Queue):  # type: ignore[misc]
    """moto's queue with a locked delete, in which moto replaces the list of messages."""

    __module__ = models.Queue.__module__

    @property
    def messages(self) -> list[Any]:
        """The messages that can be received now; moto asks for the time twice for each."""
        now = time.time() * 1000
        return [one for one in self._messages if one.visible_at < now >= one.delayed_until]

    def delete_message(self, receipt_handle: str) -> None:
        """Delete a message without losing messages that arrive at the same time."""
        with self._messages_lock:
            super().delete_message(receipt_handle)


class SQSBackend(models.SQSBackend):  # type: ignore[misc]
    """moto's SQS, in which concurrent receivers never get the same message."""

    __module__ = models.SQSBackend.__module__

    def receive_message(self, queue_name: str, *arguments: Any, **named: Any) -> Any:
        """Receive messages; a long poll releases the lock while it waits."""
        with self.get_queue(queue_name)._messages_lock:
            return super().receive_message(queue_name, *arguments, **named)

    def is_message_valid_based_on_retention_period(self, queue_name: str, message: Any) -> bool:
        """Whether a message is younger than its queue keeps it; moto counts all messages of the queue to find out."""
        age = time.time() - message.sent_timestamp / 1000
        return bool(age < int(self.get_queue(queue_name).message_retention_period))
