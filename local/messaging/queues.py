"""SQS: moto's queues, made thread-safe, and fast with thousands of messages."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs import models
from moto.sqs.exceptions import InvalidParameterValue, MissingParameter, ReceiptHandleIsInvalid, SQSException

from local import messages

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
_VISIBILITY_SECONDS = 43_200
_DELETED_RECEIPTS = 1000  # a second deletion with one of the last receipts succeeds, as on AWS


class _Messages:
    """The messages of a queue in the order in which they were sent, and the receipts of the received ones."""

    def __init__(self, messages: Iterable[Any] = ()) -> None:
        self._by_id = {message.id: message for message in messages}
        self._by_receipt: dict[str | None, Any] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._by_id.values())

    def append(self, message: Any) -> None:
        self._by_id[message.id] = message

    def remove(self, message: Any) -> None:
        del self._by_id[message.id]
        for receipt in message.all_receipt_handles:
            self._by_receipt.pop(receipt, None)

    def add_receipt(self, received: Any) -> None:
        """Remember the receipt of a message, or of a copy of it; a purge may have deleted the message."""
        if message := self._by_id.get(received.id):
            self._by_receipt[received.receipt_handle] = message

    def find(self, receipt: str) -> Any:
        """The message of a receipt; None for an unknown one."""
        return self._by_receipt.get(receipt)


class Queue(models.Queue):  # type: ignore[misc]
    """moto's queue, whose calls do not look at every message."""

    __module__ = models.Queue.__module__

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._delayed_until = 0.0
        super().__init__(*arguments, **named)
        self.deleted_messages: deque[str] = deque(maxlen=_DELETED_RECEIPTS)

    @property
    def _messages(self) -> _Messages:
        return self._stored

    @_messages.setter
    def _messages(self, messages: Iterable[Any]) -> None:
        self._stored = _Messages(messages)

    @property
    def messages(self) -> Iterator[Any]:
        """The messages that can be received now; moto asks for the time twice for each."""
        now = time.time() * 1000
        return (one for one in self._messages if one.visible_at < now >= one.delayed_until)

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        """The number of received messages whose visibility timeout has not passed."""
        now = time.time() * 1000
        with self._messages_lock:
            return sum(one.visible_at >= now for one in self._pending_messages)

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        """The number of messages that cannot be received yet."""
        now = time.time() * 1000
        if now >= self._delayed_until:
            return 0
        with self._messages_lock:
            return sum(one.delayed_until > now for one in self._messages)

    @property
    def approximate_number_of_messages(self) -> int:
        """The number of messages that can be received now."""
        hidden = self.approximate_number_of_messages_not_visible + self.approximate_number_of_messages_delayed
        return max(0, len(self._messages) - hidden)

    def add_message(self, message: Any) -> None:
        """Add a message, which may be delayed."""
        with self._messages_lock:
            self._delayed_until = max(self._delayed_until, message.delayed_until)
            super().add_message(message)

    def wait_for_messages(self, timeout: int) -> None:
        """Wait until a message can be received."""
        with self._messages_lock:
            self._messages_lock.wait_for(lambda: next(self.messages, None), timeout=timeout)

    def delete_message(self, receipt_handle: str) -> None:
        """Delete a message by any of its receipts."""
        with self._messages_lock:
            message = self._messages.find(receipt_handle)
            if message is not None:
                self._messages.remove(message)
                self._pending_messages.discard(message)
                self.deleted_messages.extend(filter(None, message.all_receipt_handles))
            elif receipt_handle not in self.deleted_messages:
                raise ReceiptHandleIsInvalid


class SQSBackend(models.SQSBackend):  # type: ignore[misc]
    """moto's SQS, in which concurrent receivers never get the same message."""

    __module__ = models.SQSBackend.__module__

    def receive_message(self, queue_name: str, *arguments: Any, **named: Any) -> Any:
        """Receive messages; a long poll releases the lock while it waits."""
        queue = self.get_queue(queue_name)
        with queue._messages_lock:
            received = super().receive_message(queue_name, *arguments, **named)
            for message in received:
                queue._messages.add_receipt(message)
            return received

    def send_message(self, queue_name: str, message_body: str, **named: Any) -> Any:
        """Send a message, unless it is larger than its queue allows; moto counts characters and no attributes."""
        given = {"MessageBody": message_body, "MessageAttributes": named.get("message_attributes")}
        limit = int(self.get_queue(queue_name).maximum_message_size)
        if messages.measure_message(given) > limit:
            raise InvalidParameterValue(f"One or more parameters are invalid. {messages.explain_size(limit)}")
        return super().send_message(queue_name, message_body, **named)

    def send_message_batch(self, queue_name: str, entries: dict[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        """Send the valid messages; return them, and the failures of the others.

        In localstack/localstack, tests/aws/services/sqs/test_sqs.py has this from AWS: the contents and size of one
        message, and, for a FIFO queue, a missing group or deduplication id, which fails the request.
        """
        limit = int(self.get_queue(queue_name).maximum_message_size)
        valid, failed = {}, []
        for number, entry in entries.items():
            refusals = list(messages.check_queue_message(entry))
            if messages.measure_message(entry) > limit:
                reason = f"One or more parameters cannot be validated. {messages.explain_size(limit)}"
                refusals.append(("InvalidParameterValue", reason))
            if refusals:
                failed.append(_describe_failure(entry, *refusals[0]))
            else:
                valid[number] = entry
        try:
            sent, _ = super().send_message_batch(queue_name, valid)
        except MissingParameter as error:
            raise InvalidParameterValue(error.message) from error
        return sent, failed

    def change_message_visibility_batch(
        self, queue_name: str, entries: list[dict[str, Any]]
    ) -> tuple[list[str], list[Any]]:
        """Change the visibility of messages; return the ids of the changed ones, and the failures of the others."""
        changed, failed = [], []
        for entry in entries:
            seconds = entry.get("VisibilityTimeout")
            try:
                if seconds is None or not 0 <= seconds <= _VISIBILITY_SECONDS:
                    rule = f"VisibilityTimeout must be an integer between 0 and {_VISIBILITY_SECONDS}."
                    raise InvalidParameterValue(
                        f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: {rule}"
                    )
                self.change_message_visibility(queue_name, entry["ReceiptHandle"], seconds)
                changed.append(entry["Id"])
            except SQSException as error:
                failed.append(_describe_failure(entry, error.code, error.message))
        return changed, failed

    def change_message_visibility(self, queue_name: str, *arguments: Any, **named: Any) -> None:
        """Change the time at which a message can be received again, while no other thread changes the queue."""
        with self.get_queue(queue_name)._messages_lock:
            super().change_message_visibility(queue_name, *arguments, **named)

    def is_message_valid_based_on_retention_period(self, queue_name: str, message: Any) -> bool:
        """Whether a message is younger than its queue keeps it; moto counts all messages of the queue to find out."""
        age = time.time() - message.sent_timestamp / 1000
        return bool(age < int(self.get_queue(queue_name).message_retention_period))


def delete_batch(response: Any) -> ActionResult:
    """Delete messages by their receipts, also by the same one twice, which moto refuses."""
    deleted, failed = response.sqs_backend.delete_message_batch(
        response._get_queue_name(), response._get_param("Entries", [])
    )
    return ActionResult({"Successful": [{"Id": each} for each in deleted], "Failed": failed})


def _describe_failure(entry: dict[str, Any], code: str, message: str) -> dict[str, Any]:
    return {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": message}
