"""Approval: a build waits, at no cost, until a person says that its model may be deployed, or until the time is up.

The execution waits with a task token, which the record keeps until it is used. The answer is written into the record
first, on the condition that there is none yet, and sent to the execution then: of two people who answer at once one
is told that the other was faster, and an answer that was written and not sent is sent by the sweep.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.lock import read_state
from sagebuild.builds.records import NOT_ENDED, BuildRecord, read_build, update_build
from sagebuild.cost.spent import tell_amount
from sagebuild.errors import BuildNotFoundError, NoApprovalPendingError
from sagebuild.names import execution_url, name_resource
from sagebuild.notifications.notify import build_facts, format_seconds, publish_facts, tell_metrics, tell_moment
from sagebuild.parameters import BuildParameters
from sagebuild.service import Service, aws_call

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html: nobody waits with this token.
_GONE = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})
_COMMENT_LENGTH = 1000  # characters


class ApprovalPlan(TypedDict):
    """Whether a person is asked, for how long, and the reason that no answer gives."""

    wanted: bool
    seconds: NotRequired[int]
    request: NotRequired[dict[str, int]]
    late: NotRequired[str]


def plan_approval(context: BuildContext[BuildParameters]) -> ApprovalPlan:
    """Whether a person is asked, and what `request_approval` takes."""
    if not asks_approval(context.parameters):
        return {"wanted": False}
    seconds = math.ceil(context.parameters.approvalhours * 3600)
    return {
        "wanted": True,
        "seconds": seconds,
        "request": {"number": context.number, "seconds": seconds},
        "late": f"nobody approved it within {format_seconds(seconds)}",
    }


def asks_approval(parameters: BuildParameters) -> bool:
    """Whether a build asks for approval; False also for a build that leaves the endpoint alone."""
    return parameters.approval == "manual" and parameters.deployEndpoint


def request_approval(service: Service, number: int, token: str, seconds: int, execution: str, at: datetime) -> None:
    """Note what the build waits with, and ask for an answer, once. Safe to repeat.

    Parameters
    ----------
    token
        Of the task that waits; another one when the task is tried again.
    seconds
        How long it waits.
    execution
        The ARN of what waits.
    at
        Since when.

    Raises
    ------
    BuildNotFoundError
        The build has ended.
    """
    record = read_build(service, number)
    if record.has_ended:
        raise BuildNotFoundError(f"Build {number} has ended, and asks nobody any more.")
    # An answer that the task before this one has not heard is sent by the sweep, with this token.
    until = (at + timedelta(seconds=seconds)).isoformat()
    update_build(service, number, only_if=NOT_ENDED, approval_token=token, approval_until=until)
    if record.approval_requested_at or record.approval:
        return
    _publish(service, read_build(service, number), execution_url(service, execution))
    update_build(service, number, approval_requested_at=at.isoformat())


def find_waiting(service: Service) -> BuildRecord | None:
    """The build that waits for an answer, if one does."""
    running = read_state(service).running
    record = read_build(service, running) if running else None
    return record if record and record.awaits_approval else None


def answer_approval(
    service: Service, approved: bool, by: str, number: int | None = None, comment: str = ""
) -> BuildRecord:
    """Answer a build that waits: it deploys its model, or ends without. The same answer again changes nothing.

    Parameters
    ----------
    by
        Who answers: "voice", "command", ...
    number
        The build meant; default: whichever waits.
    comment
        Why, for the record and the notification; of a long one, the beginning.

    Returns
    -------
    BuildRecord
        With the answer.

    Raises
    ------
    NoApprovalPendingError
        No build waits for an answer, or not that one, or somebody has given another one.
    AwsUnavailableError
        The answer may not have reached the build; the same answer again sends it again, and so does the sweep.
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
        # Somebody was faster, or the task was tried again and waits with another token.
        return answer_approval(service, approved, by, record.number, comment)
    if deliver_answer(service, read_build(service, record.number)):
        return read_build(service, record.number)
    # Nobody waits with that token: as long as no other one has come, the answer was none.
    unheard = dict.fromkeys((*given, "approval_token"), "")
    if update_build(service, record.number, only_if={"approval_token": record.approval_token}, **unheard):
        raise NoApprovalPendingError(
            f"Build {record.number} waits for an answer no longer: its time was up, or it was stopped."
        )
    return read_build(service, record.number)


def deliver_answer(service: Service, record: BuildRecord) -> bool:
    """Send the answer in a record to the execution that waits for it, unless that was done.

    Returns
    -------
    bool
        False if nobody waits for it.
    """
    if not record.approval or not record.approval_token or record.has_ended:
        return True
    said = f": {record.approval_comment}" if record.approval_comment else ""
    output = {"approved": record.approval == "approved", "reason": f"{record.approval} by {record.approval_by}{said}"}
    with aws_call(f"answer build {record.number}"):
        try:
            service.stepfunctions.send_task_success(taskToken=record.approval_token, output=json.dumps(output))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            # The first try of a repeated call may have been heard.
            if not error.response["ResponseMetadata"].get("RetryAttempts"):
                return False
    update_build(service, record.number, only_if={"approval_token": record.approval_token}, approval_token="")
    return True


def describe_request(record: BuildRecord) -> str:
    """The request in plain words: what the model has measured, what is live, what it has cost, and until when."""
    live = tell_metrics(record.live_metrics)
    served = f"live now: {live}" if live else "nothing is known of what is live now" if record.live_before else ""
    served = served or "nothing is live yet"
    cost = f", {tell_amount(record.cost)}" if record.cost is not None else ""
    trained = f"{format_seconds(record.job_seconds)} of training were paid for{cost}; " if record.job_seconds else ""
    return (
        f"Build {record.number} asks whether to deploy its model: {tell_metrics(record.metrics) or 'no metrics'}; "
        f"{served}; {trained}without a yes until {tell_moment(record.approval_until)} it is not deployed."
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
        return f"Build {record.number} was {record.approval} by {record.approval_by} already."
    if record.has_ended:
        return f"Build {record.number} has ended, and waits for no answer."
    return f"Build {record.number} waits for no answer."


def _publish(service: Service, record: BuildRecord, console: str) -> None:
    number, name = record.number, service.stack_name
    text = "\n".join(
        [
            describe_request(record),
            f"Yes: sagebuild approve {number} --stack {name}. No: sagebuild reject {number} --stack {name}.",
            "Or say so to Alexa, or set the approval status of its model package, where there is one.",
            *(f"Note: {note}" for note in record.notes),
            f"Details: {console}",
        ]
    )
    asked = {"id": f"{name_resource(service, number)}-approval", "outcome": "approval"}
    publish_facts(
        service, f"{name}: build {number} asks for approval", build_facts(service, record, text, console) | asked
    )
