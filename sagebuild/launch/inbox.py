"""Processes a batch of the launch queue: one build for all valid messages, the dead-letter queue for invalid ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from sagebuild.errors import (
    AwsUnavailableError,
    BuildRunningError,
    MalformedMessageError,
    ParameterError,
    RollbackError,
)
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import LaunchRequest, read_message
from sagebuild.parameters.overrides import check_overrides
from sagebuild.parameters.store import read_document
from sagebuild.service import Service, aws_call

_logger = logging.getLogger("sagebuild")
_REASON_LENGTH = 1000  # characters of the attribute "reason" of a dead letter


@dataclass(frozen=True)
class Message:
    """One message of the launch queue."""

    id: str
    body: str


def take_messages(
    service: Service, messages: Sequence[Message], sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Launch one build for all requests in a batch; each rollback has its own build.

    Returns
    -------
    list of str
        The ids of the messages that SQS must deliver again.
    """
    read_text = cache(partial(read_document, service))
    requests: dict[str, LaunchRequest] = {}
    refused: list[tuple[Message, str]] = []
    again: list[str] = []
    for message in messages:
        try:
            request = _read(service, message, read_text)
        except (MalformedMessageError, ParameterError, RollbackError) as error:
            refused.append((message, str(error)))
        except AwsUnavailableError as error:
            _logger.warning("message %s will be delivered again: %s", message.id, error)
            again.append(message.id)
        else:
            if request:
                requests[message.id] = request
    for one in [request_id for request_id, request in requests.items() if request.trigger.rollback]:
        try:
            again += _launch(service, {one: requests.pop(one)}, sleep)
        except BuildRunningError as error:
            refused += [(message, str(error)) for message in messages if message.id == one]
    return again + _launch(service, requests, sleep) + _send_to_dead_letters(service, refused)


def _read(service: Service, message: Message, read_text: Callable[[], str]) -> LaunchRequest | None:
    request = read_message(message.body, message.id, service.settings.launch_topic_arn)
    if request and request.overrides:
        check_overrides(read_text(), request.overrides, service.settings.framework)
    return request


def _launch(service: Service, requests: dict[str, LaunchRequest], sleep: Callable[[float], None]) -> list[str]:
    if not requests:
        return []
    try:
        launched = launch_builds(service, list(requests.values()), sleep)
    except AwsUnavailableError as error:
        _logger.warning("%d messages will be delivered again: %s", len(requests), error)
        return list(requests)
    _logger.info(
        "%d requests: build %d %s, %d requests are pending",
        len(requests),
        launched.number,
        "starts" if launched.started else "runs",
        launched.waiting,
    )
    return []


def _clean(reason: str) -> str:
    """Return a reason that SQS accepts: bounded, and without surrogates and control characters.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    accepted = (character if character.isprintable() or character == "\n" else " " for character in reason)
    return "".join(accepted)[:_REASON_LENGTH]


def _send_to_dead_letters(service: Service, refused: Sequence[tuple[Message, str]]) -> list[str]:
    """Send refused messages to the dead-letter queue with the reason, at once instead of after 20 deliveries."""
    again = []
    for message, reason in refused:
        _logger.error("message %s was refused: %s", message.id, reason)
        try:
            with aws_call("send a refused message to the dead-letter queue"):
                service.sqs.send_message(
                    QueueUrl=service.settings.dead_letter_queue_url,
                    MessageBody=message.body,
                    MessageAttributes={"reason": {"DataType": "String", "StringValue": _clean(reason)}},
                )
        except AwsUnavailableError as error:
            _logger.warning("message %s will be delivered again: %s", message.id, error)
            again.append(message.id)
    return again
