"""The records of a queue's messages in the event for a function, and the function's report on them."""

import base64
import json
from typing import Any

from moto.events.models import EventPattern

from local.messaging.senders import region_of


def describe(message: dict[str, Any], source_arn: str) -> dict[str, Any]:
    """The record of a received message.

    Parameters
    ----------
    message
        A message of ReceiveMessage, with all attributes.
    source_arn
        The queue's ARN.
    """
    attributes = {
        name: _lower_first(value) | {"stringListValues": [], "binaryListValues": []}
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": source_arn,
        "awsRegion": region_of(source_arn),
    }


def matches(record: dict[str, Any], filters: list[dict[str, str]]) -> bool:
    """False when there are filters and the record matches none."""
    try:
        event = record | {"body": json.loads(record["body"])}
    except ValueError:
        event = record
    return not filters or any(EventPattern.load(each["Pattern"]).matches_event(event) for each in filters)


def read_failed_ids(payload: bytes, all_ids: set[str]) -> set[str]:
    """The ids of the messages that the function reports as failed; all of them if the report is invalid."""
    report = json.loads(payload or b"null") or {}
    try:
        failed = {item["itemIdentifier"] for item in report.get("batchItemFailures") or []}
    except (AttributeError, KeyError, TypeError):
        return all_ids
    return failed if failed <= all_ids else all_ids


def _lower_first(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name[0].lower() + name[1:]: base64.b64encode(each).decode() if isinstance(each, bytes) else each
        for name, each in value.items()
    }
