"""What asks for a build: reads the messages of the launch queue, whatever they came by."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_plus

from sagebuild.builds.records import Trigger
from sagebuild.errors import MalformedMessageError, ParameterError, RollbackError
from sagebuild.parameters.json_text import read_object

# How a publisher to the launch topic may name itself, in the message attribute "trigger".
KINDS = ("alarm", "command", "notebook", "push", "schedule", "topic", "upload", "voice")
PREVIOUS = "previous"
_DETAIL = 200  # characters of it that are kept


@dataclass(frozen=True)
class LaunchRequest:
    """A request for a build.

    Parameters
    ----------
    trigger
        What asked.
    id
        The same for every delivery of the same request.
    overrides
        Parameters for this build alone, in place of the document's.
    """

    trigger: Trigger
    id: str
    overrides: Mapping[str, Any] = field(default_factory=dict)


def read_message(body: str, message_id: str, launch_topic: str) -> LaunchRequest | None:
    """The request in a message of the launch queue.

    Parameters
    ----------
    body
        What SNS or EventBridge has sent there, or S3 itself.
    message_id
        SQS's.
    launch_topic
        The ARN of the one topic whose messages may override parameters; of others only the arrival counts.

    Returns
    -------
    LaunchRequest or None
        None for what asks for nothing: S3's test of a notification, an alarm that is over.

    Raises
    ------
    MalformedMessageError
        It is neither of these.
    RollbackError
        It asks for a rollback to what is no build.
    """
    message = _read_object(body)
    if message is None:
        raise MalformedMessageError("The message is not JSON; publish to the launch topic, not to its queue.")
    if message.get("Type") == "Notification":
        return _read_notification(message, message_id, launch_topic)
    if "detail-type" in message:
        return _read_event(message, message_id)
    if is_s3(message):
        return _read_s3(message, message_id)
    raise MalformedMessageError("The message came neither through a topic nor from EventBridge or S3.")


def is_s3(message: Mapping[str, Any]) -> bool:
    """Whether S3 wrote it: its notification of objects, or its test of the way to here."""
    return message.get("Event") == "s3:TestEvent" or _text(message, "Records", 0, "eventSource") == "aws:s3"


def _read_notification(envelope: Mapping[str, Any], message_id: str, launch_topic: str) -> LaunchRequest | None:
    text = _text(envelope, "Message")
    request_id = _text(envelope, "MessageId") or message_id
    content = _read_object(text)
    if content and is_s3(content):
        return _read_s3(content, request_id)
    if content and "AlarmName" in content and "NewStateValue" in content:
        return _read_alarm(_text(content, "AlarmName"), _text(content, "NewStateValue"), request_id)
    detail = _text(envelope, "Subject") or ("" if content else text)
    if envelope.get("TopicArn") != launch_topic:
        return LaunchRequest(_trigger("topic", detail or _text(envelope, "TopicArn")), request_id)
    overrides = _read_overrides(text)
    kind = _text(envelope, "MessageAttributes", "trigger", "Value") or "topic"
    if kind not in KINDS:
        raise MalformedMessageError(f"The attribute trigger is {kind[:40]!r}; it must be one of {', '.join(KINDS)}.")
    trigger = _trigger(kind, detail)
    if "rollback" in overrides:
        return LaunchRequest(replace(trigger, rollback=_read_rollback(overrides)), request_id)
    return LaunchRequest(trigger, request_id, overrides)


def _read_overrides(text: str) -> dict[str, Any]:
    """The parameters that a message overrides; none for free text, which is the reason of the build."""
    if text.removeprefix("\ufeff").lstrip()[:1] not in ("{", "["):
        return {}
    try:
        return read_object(text, "it")
    except ParameterError as error:
        raise MalformedMessageError(
            f"The message begins like JSON, so it must be a JSON object of parameters to override: {error}"
        ) from None


def _read_rollback(content: Mapping[str, Any]) -> str:
    if len(content) > 1:
        raise MalformedMessageError("The message asks for a rollback and overrides parameters; ask for one of them.")
    return read_target(content["rollback"])


def read_target(wanted: object) -> str:
    """What a rollback goes back to: "previous", or a build's number.

    Raises
    ------
    RollbackError
        It is neither.
    """
    text = str(wanted).strip().lower()
    if text != PREVIOUS and not (text.isdecimal() and int(text)):
        raise RollbackError(f'rollback is {text[:40]!r}; it must be "{PREVIOUS}" or the number of a build.')
    return text


def _read_event(event: Mapping[str, Any], message_id: str) -> LaunchRequest | None:
    source = _text(event, "source")
    request_id = _text(event, "id") or message_id
    if source == "aws.cloudwatch":
        return _read_alarm(_text(event, "detail", "alarmName"), _text(event, "detail", "state", "value"), request_id)
    if source not in _EVENTS:
        raise MalformedMessageError(f"Events of {source[:40] or 'an unnamed source'} start no build.")
    return LaunchRequest(_EVENTS[source](event), request_id)


def _read_upload(event: Mapping[str, Any]) -> Trigger:
    return _name_upload(_text(event, "detail", "bucket", "name"), _text(event, "detail", "object", "key"))


def _read_push(event: Mapping[str, Any]) -> Trigger:
    repository, branch = _text(event, "detail", "repositoryName"), _text(event, "detail", "referenceName")
    return _trigger("push", f"{repository} {branch} {_text(event, 'detail', 'commitId')[:7]}".strip())


def _read_schedule(event: Mapping[str, Any]) -> Trigger:
    return _trigger("schedule", _text(event, "time"))


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Trigger]] = {
    "aws.s3": _read_upload,
    "aws.codecommit": _read_push,
    "aws.events": _read_schedule,
}


def _read_s3(message: Mapping[str, Any], request_id: str) -> LaunchRequest | None:
    if message.get("Event") == "s3:TestEvent":
        return None
    bucket = _text(message, "Records", 0, "s3", "bucket", "name")
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html: the key is URL-encoded.
    key = unquote_plus(_text(message, "Records", 0, "s3", "object", "key"))
    return LaunchRequest(_name_upload(bucket, key), request_id)


def _read_alarm(name: str, state: str, request_id: str) -> LaunchRequest | None:
    return LaunchRequest(_trigger("alarm", name), request_id) if state == "ALARM" else None


def _name_upload(bucket: str, key: str) -> Trigger:
    return _trigger("upload", f"s3://{bucket}/{key}")


def _trigger(kind: str, detail: str) -> Trigger:
    """A trigger whose detail fits on a line."""
    line = " ".join("".join(character if character.isprintable() else " " for character in detail).split())
    return Trigger(kind, line if len(line) <= _DETAIL else f"{line[: _DETAIL - 3]}...")


def _read_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: Any, *path: str | int) -> str:
    """The text at a place in a message; empty if there is none, for nobody vouches for what is in a message."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return ""
    return value if isinstance(value, str) else ""
