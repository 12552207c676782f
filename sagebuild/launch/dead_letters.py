"""Sends refused messages of the launch queue to the dead-letter queue, each with the reason."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.errors import AwsUnavailableError
from sagebuild.service import Service, aws_call

_logger = logging.getLogger("sagebuild")
_REASON_LENGTH = 1000  # characters of the attribute "reason" of a dead letter
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html: at most ten messages,
# of 1 MiB together. The attributes of a message count with their names and types:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
_BATCH_MESSAGES = 10
_BATCH_BYTES = 1024 * 1024
_NAME, _TYPE = "reason", "String"


@dataclass(frozen=True)
class Message:
    """One message of the launch queue."""

    id: str
    body: str


@dataclass(frozen=True)
class _Letter:
    message: Message
    reason: str
    size: int  # bytes


def send_dead_letters(service: Service, refused: Sequence[tuple[Message, str]]) -> list[str]:
    """Send refused messages to the dead-letter queue, at once instead of after 20 deliveries.

    Returns
    -------
    list of str
        The ids of the messages that were not sent and that SQS must deliver again.
    """
    letters = []
    for message, reason in refused:
        _logger.error("message %s was refused: %s", message.id, reason)
        letters.append(_write(message, reason))
    return [message_id for batch in _split(letters) for message_id in _send(service, batch)]


def _write(message: Message, reason: str) -> _Letter:
    """Write a letter of at most 1 MiB; a very long message leaves little room for the reason, or none."""
    body = len(message.body.encode("utf-8", "replace"))
    room = max(_BATCH_BYTES - body - len(_NAME) - len(_TYPE), 0)
    text = _clean(reason).encode()[:room].decode(errors="ignore")
    return _Letter(message, text, body + (len(text.encode()) + len(_NAME) + len(_TYPE) if text else 0))


def _clean(reason: str) -> str:
    """Return a reason that SQS accepts: bounded, and without surrogates and control characters.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    accepted = (character if character.isprintable() or character == "\n" else " " for character in reason)
    return "".join(accepted)[:_REASON_LENGTH]


def _split(letters: Sequence[_Letter]) -> Iterator[list[_Letter]]:
    """Yield the letters in batches that SQS accepts."""
    batch: list[_Letter] = []
    for letter in letters:
        if len(batch) == _BATCH_MESSAGES or sum(each.size for each in batch) + letter.size > _BATCH_BYTES:
            yield batch
            batch = []
        batch.append(letter)
    if batch:
        yield batch


def _send(service: Service, batch: Sequence[_Letter]) -> list[str]:
    try:
        with aws_call("send refused messages to the dead-letter queue"):
            answer = service.sqs.send_message_batch(
                QueueUrl=service.settings.dead_letter_queue_url,
                Entries=[_build_entry(str(index), letter) for index, letter in enumerate(batch)],
            )
    except (AwsUnavailableError, ClientError) as error:
        _logger.warning("%d messages will be delivered again: %s", len(batch), error)
        return [letter.message.id for letter in batch]
    failed = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
    for index, code in failed.items():
        _logger.warning("message %s will be delivered again: %s", batch[int(index)].message.id, code)
    return [batch[int(index)].message.id for index in failed]


def _build_entry(entry_id: str, letter: _Letter) -> Any:
    # SQS allows no empty attribute.
    attributes = {"MessageAttributes": {_NAME: {"DataType": _TYPE, "StringValue": letter.reason}}}
    return {"Id": entry_id, "MessageBody": letter.message.body, **(attributes if letter.reason else {})}
