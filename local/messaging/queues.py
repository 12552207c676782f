"""SQS: moto's queues, made safe for the many threads that a queue is for."""

from typing import Any

from moto.sqs import models


class Queue(models.Queue):  # type: ignore[misc]
    """moto's queue, whose list of messages moto rebuilds on delete while others append to it."""

    __module__ = models.Queue.__module__

    def delete_message(self, receipt_handle: str) -> None:
        """Delete a message, and no other that arrives meanwhile."""
        with self._messages_lock:
            super().delete_message(receipt_handle)


class SQSBackend(models.SQSBackend):  # type: ignore[misc]
    """moto's SQS, in which two receivers never get the same message."""

    __module__ = models.SQSBackend.__module__

    def receive_message(self, queue_name: str, *arguments: Any, **named: Any) -> Any:
        """Receive messages; the wait of a long poll lets go of the lock."""
        with self.get_queue(queue_name)._messages_lock:
            return super().receive_message(queue_name, *arguments, **named)
