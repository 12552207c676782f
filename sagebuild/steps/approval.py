"""Manual approval: a build waits, at no cost, until a user approves or rejects its model, or the time is up.

The execution waits with a task token, which the record keeps until the answer is sent. The answer is stored with a
conditional write, then sent. So the first of two answers wins, and the sweep sends a stored answer that was not sent.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NotRequired, TypedDict

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.lock import read_state
from sagebuild.builds.records import NOT_ENDED, BuildRecord, read_build, update_build
from sagebuild.cost.spent import format_amount
from sagebuild.errors import BuildNotFoundError, NoApprovalPendingError
from sagebuild.names import execution_url, name_resource
from sagebuild.notifications.notify import REPEATED, build_facts, publish_facts
from sagebuild.notifications.words import format_metrics, format_moment, format_seconds
from sagebuild.service import Service, aws_call
from sagebuild.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html: no task waits with the token.
_GONE = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})
_COMMENT_LENGTH = 1000  # characters


class ApprovalPlan(TypedDict):
    """Whether approval is wanted, its time limit, and the reason (``late``) when the time is up."""

    wanted: bool
    seconds: NotRequired[int]
    request: NotRequired[dict[str, int | str]]
    late: NotRequired[str]


def plan_approval(context: BuildContext[BuildParameters]) -> ApprovalPlan:
    """Plan the approval: whether it is wanted, and the request of `request_approval`."""
    if not asks_approval(context.parameters):
        return {"wanted": False}
    seconds = math.ceil(context.parameters.approvalhours * SECONDS_PER_HOUR)
    return {
        "wanted": True,
        "seconds": seconds,
        "request": {"number": context.number, "pipeline": context.service.pipeline, "seconds": seconds},
        "late": f"not approved within {format_seconds(seconds)}",
    }


def asks_approval(parameters: BuildParameters) -> bool:
    """Return True when a build needs approval; False also when it deploys nothing."""
    return parameters.approval == "manual" and parameters.deployEndpoint


def request_approval(service: Service, number: int, token: str, seconds: int, execution: str, at: datetime) -> None:
    """Store the task token and publish the request for approval, once. Safe to repeat.

    Parameters
    ----------
    token
        The token of the waiting task; a retried task has another one.
    seconds
        How long the task waits.
    execution
        The ARN of the waiting execution.
    at
        The start of the wait.

    Raises
    ------
    BuildNotFoundError
        The build has ended.
    """
    record = read_build(service, number)
    if record.has_ended:
        raise BuildNotFoundError(f"Build {number} has ended and needs no approval.")
    # An answer to an earlier try of the task is sent by the sweep, with this token.
    until = (at + timedelta(seconds=seconds)).isoformat()
    update_build(service, number, only_if=NOT_ENDED, approval_token=token, approval_until=until)
    if record.approval_requested_at or record.approval:
        return
    # An earlier try of the task stored its token, and may have published the request before it failed.
    is_repeated = bool(record.approval_token)
    _publish(service, read_build(service, number), execution_url(service, execution), is_repeated=is_repeated)
    update_build(service, number, approval_requested_at=at.isoformat())


def find_waiting(service: Service) -> BuildRecord | None:
    """Return the build that waits for approval, if any."""
    running = read_state(service).running
    record = read_build(service, running) if running else None
    return record if record and record.awaits_approval else None


def answer_approval(
    service: Service, approved: bool, by: str, number: int | None = None, comment: str = ""
) -> BuildRecord:
    """Approve or reject the model of a waiting build. The same answer again changes nothing.

    Parameters
    ----------
    by
        The source of the answer: "voice", "command", ...
    number
        The build to answer; default: the waiting one.
    comment
        For the record and the notification; cut after 1,000 characters.

    Returns
    -------
    BuildRecord
        The record with the answer.

    Raises
    ------
    NoApprovalPendingError
        No build waits for approval, the given one does not, or it has a different answer.
    AwsUnavailableError
        The answer may not have reached the build; the same answer again, or the sweep, sends it again.
    """
    answer = "approved" if approved else "rejected"
    record = _find_asked(service, number)
    if record.approval == answer:
        deliver_answer(service, record)
        return record
    if not record.awaits_approval:
        raise NoApprovalPendingError(_explain_refusal(record))
    given = {"approval": answer, "approval_by": by, "approval_comment": comment[:_COMMENT_LENGTH]}
    asked = {"approval": "", "approval_token": record.approval_token, "status": "running"}
    if not update_build(service, record.number, only_if=asked, **given):
        # Another answer was stored first, or the task was retried and waits with another token.
        return answer_approval(service, approved, by, record.number, comment)
    if deliver_answer(service, read_build(service, record.number)):
        return read_build(service, record.number)
    # No task waits with that token: unless a retried task stored another one, the answer has no effect.
    cleared = dict.fromkeys((*given, "approval_token"), "")
    if update_build(service, record.number, only_if={"approval_token": record.approval_token}, **cleared):
        raise NoApprovalPendingError(
            f"Build {record.number} no longer waits for approval: its time was up, or it was stopped."
        )
    return read_build(service, record.number)


def deliver_answer(service: Service, record: BuildRecord) -> bool:
    """Send the answer in a record to the waiting execution, unless it was sent.

    Returns
    -------
    bool
        False when no task waits for the answer.
    """
    if not record.approval or not record.approval_token or record.has_ended:
        return True
    comment = f": {record.approval_comment}" if record.approval_comment else ""
    reason = f"{record.approval} by {record.approval_by}{comment}"
    output = {"approved": record.approval == "approved", "reason": reason}
    with aws_call(f"answer build {record.number}"):
        try:
            service.stepfunctions.send_task_success(taskToken=record.approval_token, output=json.dumps(output))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            # An earlier try of the same call may have succeeded.
            if not error.response["ResponseMetadata"].get("RetryAttempts"):
                return False
    update_build(service, record.number, only_if={"approval_token": record.approval_token}, approval_token="")
    return True


def describe_request(record: BuildRecord) -> str:
    """Describe the request: the model's metrics, the live model's metrics, the cost so far, and the time limit."""
    live = "the metrics of the live model are unknown" if record.live_before else "nothing is live yet"
    if record.live_metrics:
        live = f"live now: {format_metrics(record.live_metrics)}"
    cost = f", {format_amount(record.cost)}" if record.cost is not None else ""
    trained = f"{format_seconds(record.job_seconds)} of training billed{cost}; " if record.job_seconds else ""
    return (
        f"Build {record.number} asks whether to deploy its model: {format_metrics(record.metrics) or 'no metrics'}; "
        f"{live}; {trained}not deployed unless approved by {format_moment(record.approval_until)}."
    )


def _find_asked(service: Service, number: int | None) -> BuildRecord:
    if number is not None:
        return read_build(service, number)
    waiting = find_waiting(service)
    if waiting is None:
        raise NoApprovalPendingError("No build waits for an answer.")
    return waiting


def _explain_refusal(record: BuildRecord) -> str:
    if record.approval:
        return f"Build {record.number} was already {record.approval} by {record.approval_by}."
    if record.has_ended:
        return f"Build {record.number} has ended and needs no approval."
    return f"Build {record.number} does not wait for approval."


def _publish(service: Service, record: BuildRecord, console: str, *, is_repeated: bool) -> None:
    number, name = record.number, service.stack_name
    where = f"--stack {name}" + (f" --pipeline {service.pipeline}" if service.pipeline else "")
    text = "\n".join(
        [
            describe_request(record),
            f"To answer: sagebuild approve {number} {where}, or sagebuild reject {number} {where}.",
            "You can also answer with Alexa, or set the approval status of the build's model package, if it has one.",
            *(f"Note: {note}" for note in record.notes),
            f"Details: {console}",
        ]
    ) + (REPEATED if is_repeated else "")
    request = {"id": f"{name_resource(service, number)}-approval", "outcome": "approval"}
    publish_facts(
        service,
        f"{service.label}: build {number} asks for approval",
        build_facts(service, record, text, console) | request,
    )
