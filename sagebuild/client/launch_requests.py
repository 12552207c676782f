"""Requests builds and rollbacks, and waits for the number of the build.

A request for the default pipeline is a message to the launch topic. One for another pipeline is an event whose
detail-type names it, because IAM can limit the detail-types that a user may send.

Requests are checked before they are sent, because the launch function reports a refusal only in its log.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sagebuild.builds.lock import PipelineState, fingerprint_request, read_seen, read_state
from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.client.descriptions import suggest
from sagebuild.errors import (
    AccessDeniedError,
    AwsUnavailableError,
    BuildRunningError,
    InputError,
    NotConfirmedError,
)
from sagebuild.launch.promotion_request import PROMOTION
from sagebuild.launch.triggers import CONFIRMED, REQUEST_SOURCE, Expected, LaunchRequest, read_target, write_confirmed
from sagebuild.parameters.changes import change_document, combine_problems
from sagebuild.parameters.json_text import read_raw_document
from sagebuild.parameters.overrides import check_overrides
from sagebuild.parameters.store import read_document
from sagebuild.plan.rollback import find_target
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

POLL_SECONDS = 0.3
# A request takes one or two seconds from the topic to the record, and longer after a cold start or a retry.
TIMEOUT_SECONDS = 60.0
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html: the user lacks permissions.
_REFUSED = frozenset(
    {"AccessDeniedException", "NotAuthorizedForDetailTypeException", "NotAuthorizedForSourceException"}
)

Clock = Callable[[], float]
Sleep = Callable[[float], None]


def request_build(
    service: Service,
    kind: str,
    overrides: Mapping[str, Any] | None = None,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
    commit: str = "",
) -> int:
    """Request a build.

    Parameters
    ----------
    kind
        "command" or "notebook", for the build's record.
    overrides
        Parameters for this build alone, as `build_overrides` gives them.
    commit
        The git commit of the project that was applied, for the build's record.

    Returns
    -------
    int
        The number of the build that was started, or of the build that will follow the running one.

    Raises
    ------
    NotConfirmedError
        The request was sent, but no build has included it in time.
    """
    before = read_state(service)
    _send(service, kind, overrides or {}, {"commit": commit})
    return _wait_for(service, lambda: find_number(before, read_state(service)), "request for a build", clock, sleep)


def request_rollback(
    service: Service, kind: str, to: str | int, clock: Clock = time.monotonic, sleep: Sleep = time.sleep
) -> int:
    """Request a rollback.

    Parameters
    ----------
    kind
        "command" or "notebook", for the record.
    to
        "previous", or the number of a build.

    Returns
    -------
    int
        The number of the build that does the rollback.

    Raises
    ------
    RollbackError, BuildNotFoundError
        The rollback is impossible; `sagebuild.plan.rollback.find_target` lists the reasons.
    BuildRunningError
        A build is running, or began just before the rollback.
    NotConfirmedError
        The request was sent, but no build has included it in time.
    """
    before = read_state(service)
    target = preview_rollback(service, to)
    _send(service, kind, {"rollback": target.number}, {})  # never "previous": it may mean another build by then

    def find_new_build() -> int | None:
        now = read_state(service)
        return now.last_number if now.last_number > before.last_number else None

    number = _wait_for(service, find_new_build, "request for a rollback", clock, sleep)
    if not read_build(service, number).trigger.rollback:
        raise BuildRunningError(
            f"Build {number} began just before the rollback, so nothing was rolled back; stop the build or wait until "
            "it has ended, then try again."
        )
    return number


def preview_rollback(service: Service, to: str | int) -> BuildRecord:
    """Find the build that a rollback would restore, in the same way as the rollback's own plan.

    Raises
    ------
    RollbackError, BuildNotFoundError
        The rollback is impossible.
    BuildRunningError
        A build is running; a rollback is not queued behind it.
    """
    target, state = read_target(to), read_state(service)
    if state.running or state.pending:
        raise BuildRunningError(
            f"Build {state.running or state.last_number + 1} is running, and a rollback is not queued behind a build; "
            f"stop it ({suggest(service, 'stop')}) or wait until it has ended, then try again."
        )
    return find_target(service, target, describe_endpoint(service))


def build_overrides(service: Service, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Build the overrides for one build, each a whole parameter, and check them together with the document.

    Parameters
    ----------
    changes
        Values by name; a dotted name changes a value inside a parameter: ``{"hyperparameters.epochs": 20}``.

    Raises
    ------
    ParameterError
        The document is invalid with these overrides, or a dotted name needs a document that is valid JSON.
    InputError
        ``changes`` contains "rollback", which is not a parameter.
    """
    if "rollback" in changes:  # the launch topic would start a rollback
        raise InputError("rollback is not a parameter; use 'sagebuild rollback', or rollback() of the pipeline.")
    text, framework = read_document(service), service.settings.framework
    reaches_inside = any("." in path for path in changes)
    changed, problems = change_document(read_raw_document(text) if reaches_inside else {}, changes, (), framework)
    names = dict.fromkeys(path.partition(".")[0] for path in changes)
    overrides = {name: changed[name] for name in names if name in changed}
    if problems:
        raise combine_problems(problems, lambda: check_overrides(service.settings, text, overrides))
    check_overrides(service.settings, text, overrides)
    return overrides


def find_number(before: PipelineState, after: PipelineState) -> int | None:
    """Return the number of the build that a request became; None if the state does not show it yet.

    Either a build has begun since the request, or the pending build, which gets the next number, counts the request.
    """
    if after.last_number > before.last_number:
        return after.last_number
    count_before = before.pending.count if before.pending else 0
    count_after = after.pending.count if after.pending else 0
    return after.last_number + 1 if count_after > count_before else None


def send_confirmed(
    service: Service, request: LaunchRequest, clock: Clock = time.monotonic, sleep: Sleep = time.sleep
) -> None:
    """Send the request of a planned change, and wait until a build covers it or the pipeline's state has changed.

    Raises
    ------
    NotConfirmedError
        Neither has happened in time.
    """
    content = {"rollback": request.trigger.rollback} if request.trigger.rollback else request.overrides
    if request.origin:
        content = {PROMOTION: request.origin}
    _send(service, request.trigger.kind, content, {CONFIRMED: write_confirmed(request)})

    def find_any_change() -> int | None:
        state = read_state(service)
        overrides = state.pending.overrides if state.pending else ""
        is_counted = fingerprint_request(request.id) in read_seen(service, state)
        has_changed = Expected(state.last_number, state.running or 0, overrides) != request.expected
        return state.last_number + 1 if is_counted or has_changed else None

    _wait_for(service, find_any_change, "request for a build", clock, sleep)


def _send(service: Service, kind: str, content: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    """Send a request; ``marks`` are more attributes of the message, or members of the event, of which empty ones count
    as absent."""
    given = {name: text for name, text in marks.items() if text}
    if service.pipeline:
        _put_event(service, kind, content, given)
    else:
        _publish(service, kind, content, given)


def _put_event(service: Service, kind: str, content: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    detail = {"trigger": kind, "detail": read_user_name(), "overrides": content}
    entry: PutEventsRequestEntryTypeDef = {
        "Source": REQUEST_SOURCE,
        "DetailType": f"{service.stack_name}/{service.pipeline}",
        "Detail": json.dumps({**detail, **marks}),
    }
    events: EventBridgeClient = service.open_client("events")
    with aws_call("send the request to EventBridge"):
        answer = events.put_events(Entries=[entry])
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html: the call succeeds, and its answer
    # has the error of an event that was not accepted.
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        code, message = failed.get("ErrorCode", "an unknown error"), failed.get("ErrorMessage", "")
        again = "" if code in _REFUSED else " Try again in a minute."
        error = AccessDeniedError if code in _REFUSED else AwsUnavailableError
        raise error(f"EventBridge did not accept the request for a build of {service.label}: {code} {message}.{again}")


def _publish(service: Service, kind: str, content: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    attributes = {"trigger": kind, **marks}
    with aws_call("send the request to the launch topic"):
        service.sns.publish(
            TopicArn=service.settings.launch_topic_arn,
            Subject=read_user_name(),
            Message=json.dumps(content),
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )


def _wait_for(service: Service, find_number: Callable[[], int | None], request: str, clock: Clock, sleep: Sleep) -> int:
    deadline = clock() + TIMEOUT_SECONDS
    while clock() < deadline:
        if number := find_number():
            return number
        sleep(POLL_SECONDS)
    raise NotConfirmedError(
        f"The {request} was sent, but after {TIMEOUT_SECONDS:.0f} s no build has included it. The request is not lost: "
        f"run '{suggest(service, 'doctor')}' to see whether the launch is stuck."
    )


def read_user_name() -> str:
    """Return the name of this machine's user, in at most 100 ASCII characters as an SNS subject; or "unknown user"."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = ""
    return name.encode("ascii", "replace").decode()[:100].strip() or "unknown user"
