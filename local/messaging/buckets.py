"""S3 event notifications: checks their destinations, adds the fields that moto omits, and delivers them."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import ClientError
from moto.s3 import notifications

from local import calls, events, partitions
from local.messages import Given, Refusal
from local.messaging import senders
from local.messaging.delivery import Delivery

_SERVICE = "s3.amazonaws.com"
_SUBJECT = "Amazon S3 Notification"
_moto_event = notifications._get_s3_event
_moto_send = notifications.send_event


def send_event(account_id: str, event_name: str, bucket: Any, key: Any) -> None:
    """Send an event to its targets; drop moto's tagging event on uploads, which AWS sends only for tagging calls."""
    call = calls.current()
    if "ObjectTagging" in event_name and not (call and call.operation.name.endswith("ObjectTagging")):
        return
    _moto_send(account_id, event_name, bucket, key)


def describe_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> Any:
    """The event with AWS's fields."""
    event = _moto_event(event_name, bucket, key, notification_id)
    for record in event["Records"]:
        owner = {"principalId": "LOCAL"}
        record |= {
            "userIdentity": owner,
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": uuid.uuid4().hex[:16].upper(), "x-amz-id-2": uuid.uuid4().hex},
        }
        record["s3"]["bucket"]["ownerIdentity"] = owner
        record["s3"]["object"]["key"] = quote_plus(key.name, safe="/")
        record["s3"]["object"]["sequencer"] = f"{time.time_ns():016X}"
        if bucket.is_versioned:
            record["s3"]["object"]["versionId"] = key.version_id
    return event


def send_to_queue(account_id: str, event: Any, queue_name: str, region: str) -> None:
    """Send an event to a queue."""
    arn = f"arn:{partitions.of(region)}:sqs:{region}:{account_id}:{queue_name}"
    _start(event, arn, partial(_send, event, arn, partial(senders.send_to_queue, arn, json.dumps(event))))


def send_to_topic(account_id: str, event: Any, topic_arn: str, region: str) -> None:  # noqa: ARG001
    """Publish an event to a topic."""
    publish = partial(senders.publish, topic_arn, json.dumps(event), _SUBJECT)
    _start(event, topic_arn, partial(_send, event, topic_arn, publish))


def send_to_function(account_id: str, event: Any, function_arn: str, region: str) -> None:  # noqa: ARG001
    """Invoke a function whose policy allows S3 for this bucket."""
    bucket_arn = event["Records"][0]["s3"]["bucket"]["arn"]
    arguments = (function_arn, json.dumps(event), _SERVICE, bucket_arn)
    _start(event, function_arn, partial(senders.invoke_as_service, *arguments))


def send_to_event_bus(account_id: str, bucket: Any, event_name: str, key: Any) -> None:  # noqa: ARG001
    """Send an event to the default bus."""
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {
            "key": key.name,
            "size": key.size,
            "etag": key.etag.strip('"'),
            "sequencer": f"{time.time_ns():016X}",
        },
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": bucket.account_id,
        "source-ip-address": "127.0.0.1",
        "reason": _REASONS.get(event_name.split(":")[1], event_name.split(":")[1]),
    }
    detail_type = notifications._detail_type(event_name)
    events.emit("aws.s3", detail_type, [bucket.arn], detail, bucket.region_name)


_REASONS = {"ObjectCreated": "PutObject", "ObjectRemoved": "DeleteObject"}


def _send(event: Any, receiver: str, send: Any) -> None:
    if "Records" in event:  # S3 also sends a test event, which names no ARN
        senders.check_policy(_SERVICE, event["Records"][0]["s3"]["bucket"]["arn"], receiver)
    send()


def _start(event: Any, receiver: str, send: Any) -> None:
    name = event.get("Event") or event["Records"][0]["eventName"]
    Delivery(f"S3's {name} to {receiver}", send).start()


def _check_destinations(given: Given) -> Iterator[Refusal]:
    """Check that the destinations of notifications exist, and that S3 may send to them.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    call = calls.current()
    assert call is not None
    if given.get("SkipDestinationValidation"):
        return
    bucket_arn = f"arn:{partitions.of(call.region)}:s3:::{given['Bucket']}"
    for kind, (service, check) in _DESTINATIONS.items():
        for each in (given.get("NotificationConfiguration") or {}).get(f"{kind}Configurations") or []:
            arn = str(each.get(f"{kind}Arn"))
            if arn.count(":") < 5 or arn.split(":")[2] != service:
                yield "InvalidArgument", f"The ARN {arn} is not that of a destination in {service}."
                continue
            try:
                check(arn, bucket_arn)
            except (ClientError, senders.NotPermittedError) as error:
                yield "InvalidArgument", f"Unable to validate the following destination configurations: {arn}: {error}"


def _check_queue(arn: str, bucket_arn: str) -> None:
    _check_standard(arn)
    senders.check_queue(arn)
    senders.check_policy(_SERVICE, bucket_arn, arn)


def _check_topic(arn: str, bucket_arn: str) -> None:
    _check_standard(arn)
    senders.check_topic(arn)
    senders.check_policy(_SERVICE, bucket_arn, arn)


def _check_function(arn: str, bucket_arn: str) -> None:
    senders.check_function(arn, _SERVICE, bucket_arn)


def _check_standard(arn: str) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
    if arn.endswith(".fifo"):
        raise senders.NotPermittedError("S3 does not send to FIFO queues and topics")


_DESTINATIONS: dict[str, tuple[str, Callable[[str, str], None]]] = {
    "LambdaFunction": ("lambda", _check_function),
    "Queue": ("sqs", _check_queue),
    "Topic": ("sns", _check_topic),
}
RULES = {"s3:PutBucketNotificationConfiguration": _check_destinations}
