"""Parses the messages of the launch queue: each one requests a build, is ignored, or is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sagebuild.builds.records import Trigger
from sagebuild.errors import MalformedMessageError, ParameterError, RollbackError
from sagebuild.launch.events import EVENT_SOURCES, find_text
from sagebuild.launch.message_text import begins_like_json, strip_invisible
from sagebuild.launch.promotion_request import PROMOTION, read_origin
from sagebuild.launch.s3_notifications import find_created_object, is_s3
from sagebuild.parameters.json_text import read_object

# The kinds of triggers; a publisher to the launch topic names one of them in the message attribute "trigger".
_OWN_KINDS = {"assistant", "command", "notebook", "page", PROMOTION, "topic", "voice"}
KINDS = tuple(sorted({*_OWN_KINDS, *(source.kind for source in EVENT_SOURCES.values())}))
PREVIOUS = "previous"
# The message attribute, or member of an event's detail, that binds a request to the state in which it was confirmed.
CONFIRMED = "confirmed"
REQUEST_SOURCE = "sagebuild"  # of the events by which the client and the schedules request builds
COMMIT = re.compile(r"[0-9a-f]{7,64}(-dirty)?", re.ASCII)  # as git describe --always --dirty writes it
_DETAIL_LENGTH = 200  # characters
_MOST_ENVELOPES = 5
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True)
class Expected:
    """The state in which a request was confirmed; in any other one, the request is refused.

    Parameters
    ----------
    last_number
        The number of the newest build.
    running
        The number of the running build; 0 if none runs.
    pending_overrides
        The parameters of the pending build, as JSON; empty without any.
    """

    last_number: int
    running: int
    pending_overrides: str


@dataclass(frozen=True)
class LaunchRequest:
    """A request for a build.

    Parameters
    ----------
    trigger
        What requested the build.
    id
        The same for every delivery of the same request.
    overrides
        Parameters for this build only, in place of the document's.
    pipeline
        The name of the pipeline as the message gives it; empty for the default pipeline, or for an upload.
    key
        The key of an uploaded object in the data bucket, which determines the pipeline; empty without an upload.
    commit
        The git commit of the project that was applied before the request; empty if there is none.
    expected
        The state of the pipeline when a person confirmed the request; None if it is valid in any state.
    origin
        Of a promotion, its ``folder`` and the checksum of its ``manifest``; empty for any other request.
    """

    trigger: Trigger
    id: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    pipeline: str = ""
    key: str = ""
    commit: str = ""
    expected: Expected | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_alone(self) -> bool:
        """Whether it needs a build of its own: a rollback or a promotion. False for a request that may be merged."""
        return bool(self.trigger.rollback or self.origin)


def read_message(body: str, message_id: str, launch_topic: str) -> LaunchRequest | None:
    """Read a message of the launch queue.

    Parameters
    ----------
    body
        As SNS, EventBridge or S3 wrote it.
    message_id
        SQS's id of the message.
    launch_topic
        The ARN of the launch topic: only its messages may override parameters.

    Returns
    -------
    LaunchRequest or None
        None for a message that starts no build: an event of S3 that brings no object, or an alarm that left the state
        ALARM.

    Raises
    ------
    MalformedMessageError
        The message is not a request for a build.
    RollbackError
        The message requests a rollback, but names neither "previous" nor a build's number.
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
    raise MalformedMessageError(
        "The message is neither an SNS notification nor an event of EventBridge or S3; publish to the launch topic."
    )


def _read_notification(envelope: Mapping[str, Any], message_id: str, launch_topic: str) -> LaunchRequest | None:
    text = _unwrap(find_text(envelope, "Message"))
    request_id = find_text(envelope, "MessageId") or message_id
    content = _read_object(text)
    if content and is_s3(content):
        return _read_s3(content, request_id)
    if content and _is_aws_event(content):
        return _read_forwarded_event(content, request_id)
    if content and "AlarmName" in content and "NewStateValue" in content:
        alarm = _build_trigger("alarm", find_text(content, "AlarmName"))
        return LaunchRequest(alarm, request_id) if find_text(content, "NewStateValue") == "ALARM" else None
    detail = find_text(envelope, "Subject") or ("" if content else text)
    pipeline = find_text(envelope, "MessageAttributes", "pipeline", "Value")
    if envelope.get("TopicArn") != launch_topic:
        own = _build_trigger("topic", detail or find_text(envelope, "TopicArn"))
        return LaunchRequest(own, request_id, pipeline=pipeline)
    overrides = _read_overrides(text)
    kind = find_text(envelope, "MessageAttributes", "trigger", "Value") or "topic"
    if kind not in KINDS:
        raise MalformedMessageError(f"The attribute trigger is {kind[:40]!r}; it must be one of {', '.join(KINDS)}.")
    request = _build_request(_build_trigger(kind, detail), request_id, overrides, pipeline)
    request = replace(request, commit=_read_commit(find_text(envelope, "MessageAttributes", "commit", "Value")))
    confirmed = find_text(envelope, "MessageAttributes", CONFIRMED, "Value")
    return _bind_to_state(request, confirmed) if confirmed else request


def _unwrap(text: str) -> str:
    """Return the innermost message of a notification that was published to a topic again, with its envelope."""
    for _ in range(_MOST_ENVELOPES):
        content = _read_object(text)
        if not content or content.get("Type") != "Notification" or not isinstance(content.get("Message"), str):
            break
        text = content["Message"]
    return text


def _is_aws_event(content: Mapping[str, Any]) -> bool:
    return all(isinstance(content.get(name), str) for name in ("source", "detail-type")) and "detail" in content


def _read_forwarded_event(event: Mapping[str, Any], request_id: str) -> LaunchRequest | None:
    """Read an event that a rule of the user sends to a topic; one of another source starts a build, too."""
    source = EVENT_SOURCES.get(find_text(event, "source"))
    if source is None:
        name = f"{find_text(event, 'detail-type')} from {find_text(event, 'source')}"
        return LaunchRequest(_build_trigger("topic", name), request_id)
    detail = source.describe(event)
    return None if detail is None else LaunchRequest(_build_trigger(source.kind, detail), request_id)


def _build_request(trigger: Trigger, request_id: str, overrides: Mapping[str, Any], pipeline: str) -> LaunchRequest:
    if "rollback" in overrides:
        rollback = replace(trigger, rollback=_read_rollback(overrides))
        return LaunchRequest(rollback, request_id, pipeline=pipeline)
    if (trigger.kind == PROMOTION) != (PROMOTION in overrides):
        raise MalformedMessageError(f"The trigger {PROMOTION} and the member {PROMOTION} belong together; use neither.")
    if trigger.kind == PROMOTION:
        return LaunchRequest(trigger, request_id, pipeline=pipeline, origin=read_origin(overrides))
    return LaunchRequest(trigger, request_id, overrides, pipeline)


def _read_overrides(text: str) -> dict[str, Any]:
    """Read the parameters that a message overrides; empty for free text, which is the build's reason."""
    if not begins_like_json(text):
        return {}
    try:
        return read_object(strip_invisible(text), "it")
    except ParameterError as error:
        raise MalformedMessageError(
            f"The message begins like JSON, so it must be a JSON object of parameters to override: {error}"
        ) from None


def _read_request_event(event: Mapping[str, Any], message_id: str) -> LaunchRequest:
    """Read an event of the client or of a pipeline's schedule.

    Its detail-type is "STACK/PIPELINE", because IAM can limit PutEvents to a detail-type:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    detail = event.get("detail")
    content: Mapping[str, Any] = detail if isinstance(detail, Mapping) else {}
    kind, overrides = find_text(content, "trigger"), content.get("overrides", {})
    if kind not in KINDS:
        raise MalformedMessageError(f"detail.trigger is {kind[:40]!r}; it must be one of {', '.join(KINDS)}.")
    if not isinstance(overrides, Mapping):
        raise MalformedMessageError("detail.overrides is not a JSON object; give the parameters to override by name.")
    trigger = _build_trigger(kind, find_text(content, "detail"))
    pipeline = find_text(event, "detail-type").partition("/")[2]
    request = _build_request(trigger, find_text(event, "id") or message_id, overrides, pipeline)
    request = replace(request, commit=_read_commit(find_text(content, "commit")))
    confirmed = find_text(content, CONFIRMED)
    return _bind_to_state(request, confirmed) if confirmed else request


def _read_commit(text: str) -> str:
    if text and not COMMIT.fullmatch(text):
        raise MalformedMessageError(f"The commit is {text[:40]!r}; it must be a git hash, or a hash and -dirty.")
    return text


def write_confirmed(request: LaunchRequest) -> str:
    """Write the id of a confirmed request and the state in which it was confirmed, for its message."""
    return json.dumps({"id": request.id, **asdict(request.expected)}) if request.expected else ""


def _bind_to_state(request: LaunchRequest, confirmed: str) -> LaunchRequest:
    """Return the request with the id and the state that its message gives, as `write_confirmed` wrote them."""
    match _read_object(confirmed):
        case {"id": str(one), "last_number": int(last), "running": int(running), "pending_overrides": str(pending)}:
            return replace(request, id=one, expected=Expected(last, running, pending))
    raise MalformedMessageError(f"{CONFIRMED} is not the state in which a planned change was confirmed.")


def _read_rollback(content: Mapping[str, Any]) -> str:
    if len(content) > 1:
        raise MalformedMessageError(
            "The message requests a rollback and overrides parameters; request only one of them."
        )
    return read_target(content["rollback"])


def read_target(wanted: object) -> str:
    """Return a rollback's target: "previous", or a build's number.

    Raises
    ------
    RollbackError
        It is neither.
    """
    text = str(wanted).strip().lower()
    if text != PREVIOUS and not _NUMBER.fullmatch(text):
        raise RollbackError(f'rollback is {text[:40]!r}; it must be "{PREVIOUS}" or the number of a build.')
    return text


def _read_event(event: Mapping[str, Any], message_id: str) -> LaunchRequest | None:
    name = find_text(event, "source")
    if name == REQUEST_SOURCE:
        return _read_request_event(event, message_id)
    source = EVENT_SOURCES.get(name)
    if source is None:
        known = ", ".join((*EVENT_SOURCES, REQUEST_SOURCE))
        raise MalformedMessageError(f"The event's source is {name[:40]!r}; it must be one of {known}.")
    detail = source.describe(event)
    if detail is None:
        return None
    key = find_text(event, "detail", "object", "key") if source.kind == "upload" else ""
    return LaunchRequest(_build_trigger(source.kind, detail), find_text(event, "id") or message_id, key=key)


def _read_s3(message: Mapping[str, Any], request_id: str) -> LaunchRequest | None:
    found = find_created_object(message)
    return LaunchRequest(_build_trigger("upload", "s3://{}/{}".format(*found)), request_id) if found else None


def _build_trigger(kind: str, detail: str) -> Trigger:
    """Build a trigger whose detail is one printable line."""
    line = " ".join("".join(character if character.isprintable() else " " for character in detail).split())
    return Trigger(kind, line if len(line) <= _DETAIL_LENGTH else f"{line[: _DETAIL_LENGTH - 3]}...")


def _read_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(strip_invisible(text))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
