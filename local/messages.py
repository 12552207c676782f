"""Refuses messages, batches, events and log events that SNS, SQS, EventBridge and CloudWatch Logs refuse."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import regex
from moto.sns.models import sns_backends

from local import accounts, partitions

MOTO_NAMES = ("moto.sns.models.sns_backends",)

Refusal = tuple[str, str]
Given = dict[str, Any]

_BATCH_ENTRIES = 10
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html
_ENTRY_ID = regex.compile(r"[a-zA-Z0-9_-]{1,80}")
_ENTRY_ID_LENGTH = 80
# With the attributes: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html; a topic may allow 1 MiB.
_TOPIC_BYTES = 262_144
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
LARGEST_BYTES = 1_048_576
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_BODY = regex.compile(r"[\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]*")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
_ATTRIBUTES = 10
_ATTRIBUTE_NAME = regex.compile(r"(?=.{1,256}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_ATTRIBUTE_TYPE = regex.compile(r"(?=.{1,256}$)(Binary|Number|String)(\..+)?")
_DELAY_SECONDS = 900
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html; a wrong one fails a batch, recorded from AWS:
# localstack/localstack, tests/aws/services/sns/test_sns.snapshot.json
_TOPIC_TYPES = ("Binary", "Number", "String")
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html: less than 1 MB
_EVENTS_BYTES = 1_048_576
_TIME_BYTES = 14  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_LOG_BYTES, _LOG_EVENT_BYTES, _LOG_MILLISECONDS = 1_048_576, 26, 24 * 3600 * 1000


def _check_publish(given: Given) -> Iterator[Refusal]:
    yield from _check_topic(given)
    yield from _check_message(given)
    if _measure(given, "Message") > _topic_limit(given):
        yield "InvalidParameter", "Invalid parameter: Message too long"


def _check_message(given: Given) -> Iterator[Refusal]:
    """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""
    message, subject = str(given.get("Message") or ""), given.get("Subject")
    if not message:
        yield "InvalidParameter", "Invalid parameter: Empty message"
    if subject is not None and (not subject or regex.search(r"\p{Cc}", subject)):
        yield "InvalidParameter", "Invalid parameter: Subject"
    if given.get("MessageStructure") == "json":
        yield from _check_structure(message)
    for name, value in (given.get("MessageAttributes") or {}).items():
        kind = str(value.get("DataType") or "").partition(".")[0]
        if not _ATTRIBUTE_NAME.fullmatch(name) or kind not in _TOPIC_TYPES:
            yield "ParameterValueInvalid", f"The message attribute '{name}' has an invalid name or type {kind!r}."
        elif not value.get("BinaryValue" if kind == "Binary" else "StringValue"):
            yield "ParameterValueInvalid", f"The message attribute '{name}' must contain a value of the type {kind}."


def _check_structure(message: str) -> Iterator[Refusal]:
    """The messages are those of https://github.com/sivchari/kumo/pull/940, recorded from AWS."""
    prefix = "Invalid parameter: Message Structure - "
    try:
        texts = json.loads(message)
    except ValueError:
        texts = None
    if not isinstance(texts, dict):
        yield "InvalidParameter", f"{prefix}JSON message body failed to parse"
    elif not isinstance(texts.get("default"), str):
        yield "InvalidParameter", f"{prefix}No default entry in JSON message body"


def _check_publish_batch(given: Given) -> Iterator[Refusal]:
    """The messages are those in localstack/localstack, tests/aws/services/sns/test_sns.snapshot.json, from AWS.

    moto refuses too many entries, and two with the same Id.
    """
    entries: list[Given] = given.get("PublishBatchRequestEntries") or []
    yield from _check_topic(given)
    if not entries:
        yield "EmptyBatchRequest", "The batch request doesn't contain any entries."
    for entry_id in (str(entry.get("Id", "")) for entry in entries):
        prefix = "The Id of a batch entry in the batch request"
        if len(entry_id) > _ENTRY_ID_LENGTH:
            yield "InvalidBatchEntryId", f"{prefix} is too long: {entry_id}"
        elif not _ENTRY_ID.fullmatch(entry_id):
            yield "InvalidBatchEntryId", f"{prefix} contains an impermissible character: {entry_id}"
    if sum(_measure(entry, "Message") for entry in entries) > _topic_limit(given):
        yield "BatchRequestTooLong", "The length of all the messages put together is more than the limit."
    for entry in entries:
        yield from _check_message(entry)


def _check_topic(given: Given) -> Iterator[Refusal]:
    if (arn := given.get("TopicArn")) and not partitions.knows(_read_region(arn)):
        yield "InvalidParameter", "Invalid parameter: TopicArn"


def _topic_limit(given: Given) -> int:
    arn = str(given.get("TopicArn") or given.get("TargetArn") or "")
    region = _read_region(arn)
    topic = sns_backends[accounts.of_arn(arn)][region].topics.get(arn) if partitions.knows(region) else None
    return int(getattr(topic, "maximum_message_size", _TOPIC_BYTES))


def _read_region(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[3] if len(parts) == 6 else ""


def _check_send(given: Given) -> Iterator[Refusal]:
    """The messages are those in localstack/localstack, tests/aws/services/sqs/test_sqs.snapshot.json, from AWS."""
    if not given.get("MessageBody"):
        yield "MissingParameter", "The request must contain the parameter MessageBody."
    if measure_message(given) > LARGEST_BYTES:
        yield "InvalidParameterValue", f"One or more parameters are invalid. {explain_size(LARGEST_BYTES)}"
    yield from check_queue_message(given)


def explain_size(limit: int) -> str:
    """The reason in the refusal of a message that is too large."""
    return f"Reason: Message must be shorter than {limit} bytes."


def check_queue_message(given: Given) -> Iterator[Refusal]:
    """What SQS refuses of one message; in a batch, only the message fails."""
    if not _BODY.fullmatch(str(given.get("MessageBody", ""))):
        yield "InvalidMessageContents", "The message contains characters outside the allowed set."
    if not 0 <= (delay := given.get("DelaySeconds") or 0) <= _DELAY_SECONDS:
        rule = f"DelaySeconds must be >= 0 and <= {_DELAY_SECONDS}."
        yield "InvalidParameterValue", f"Value {delay} for parameter DelaySeconds is invalid. Reason: {rule}"
    attributes: Given = given.get("MessageAttributes") or {}
    if len(attributes) > _ATTRIBUTES:
        reason = f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{_ATTRIBUTES}]."
        yield "InvalidParameterValue", reason
    for name, value in attributes.items():
        yield from _check_attribute(name, value)


def _check_attribute(name: str, value: Given) -> Iterator[Refusal]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html."""
    code, prefix = "InvalidParameterValue", f"Message (user) attribute '{name}'"
    kind = str(value.get("DataType") or "")
    if not _ATTRIBUTE_NAME.fullmatch(name) or name.lower().startswith(("aws.", "amazon.")):
        yield code, f"{prefix} has a name that is not allowed: letters, digits, _ - and single periods inside."
    if not _ATTRIBUTE_TYPE.fullmatch(kind):
        yield code, f"{prefix} must have the type Binary, Number or String, not '{kind}'."
    elif not value.get("BinaryValue" if kind.startswith("Binary") else "StringValue"):
        yield code, f"{prefix} must contain a non-empty value of type '{kind}'."
    elif not _BODY.fullmatch(str(value.get("StringValue") or "")):
        yield code, f"{prefix} contains characters outside the allowed set."


def _check_send_batch(given: Given) -> Iterator[Refusal]:
    yield from _check_entries(given)
    size = sum(map(measure_message, given.get("Entries") or []))
    if size > LARGEST_BYTES:
        message = f"Batch requests cannot be longer than {LARGEST_BYTES} bytes. You have sent {size} bytes."
        yield f"{_SQS}BatchRequestTooLong", message


def _check_entries(given: Given) -> Iterator[Refusal]:
    """The number and the ids of the entries in a batch of SQS."""
    ids = [str(entry.get("Id", "")) for entry in given.get("Entries") or []]
    if not ids:
        yield f"{_SQS}EmptyBatchRequest", "There should be at least one entry in the request."
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        rule = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
        yield f"{_SQS}InvalidBatchEntryId", f"{rule} It can be at most {_ENTRY_ID_LENGTH} letters long."
    if len(ids) > _BATCH_ENTRIES:
        message = f"Maximum number of entries per request are {_BATCH_ENTRIES}. You have sent {len(ids)}."
        yield f"{_SQS}TooManyEntriesInBatchRequest", message
    for entry_id in (one for one, count in Counter(ids).items() if count > 1):
        yield f"{_SQS}BatchEntryIdsNotDistinct", f"Id {entry_id} repeated."


_SQS = "AWS.SimpleQueueService."


def measure_message(given: Given) -> int:
    """The bytes of a message of SQS with its attributes."""
    return _measure(given, "MessageBody")


def _measure(given: Given, text: str) -> int:
    """The bytes of a message: its text, and the names, types and values of its attributes."""
    attributes = given.get("MessageAttributes") or {}
    parts = [given.get(text)]
    for name, value in attributes.items():
        parts += [name, value.get("DataType"), value.get("StringValue") or value.get("BinaryValue")]
    return sum(map(_count_bytes, parts))


def _count_bytes(value: Any) -> int:
    return len(value) if isinstance(value, bytes) else len(str(value or "").encode())


def _check_events(given: Given) -> Iterator[Refusal]:
    """The message is that in localstack/localstack, tests/aws/services/events/test_events.snapshot.json, from AWS."""
    if sum(map(_measure_event, given.get("Entries") or [])) >= _EVENTS_BYTES:
        yield "ValidationException", "Total size of the entries in the request is over the limit."


def _measure_event(entry: Given) -> int:
    parts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return sum(map(_count_bytes, parts)) + (_TIME_BYTES if entry.get("Time") else 0)


def _check_log_events(given: Given) -> Iterator[Refusal]:
    events: list[Given] = given.get("logEvents") or []
    size = sum(_count_bytes(event["message"]) + _LOG_EVENT_BYTES for event in events)
    times = [event["timestamp"] for event in events]
    if size > _LOG_BYTES:
        yield _LOGS, f"Upload too large: {size} bytes exceeds limit of {_LOG_BYTES}"
    if max(times) - min(times) > _LOG_MILLISECONDS:
        yield _LOGS, "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."


_LOGS = "InvalidParameterException"

RULES: dict[str, Callable[[Given], Iterator[Refusal]]] = {
    "events:PutEvents": _check_events,
    "logs:PutLogEvents": _check_log_events,
    "sns:Publish": _check_publish,
    "sns:PublishBatch": _check_publish_batch,
    "sqs:ChangeMessageVisibilityBatch": _check_entries,
    "sqs:DeleteMessageBatch": _check_entries,
    "sqs:SendMessage": _check_send,
    "sqs:SendMessageBatch": _check_send_batch,
}
