"""Explains why a build did not succeed: the cause first, then the lines of the log and the command for more.

The first paragraph of a reason is its summary, which voice and tables show alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sagebuild.builds.records import BuildRecord, StepJob, now
from sagebuild.cost.spent import format_dollars
from sagebuild.finish.ending import Ending
from sagebuild.running.causes import NO_MODEL, explain_cause, find_error, pick_lines
from sagebuild.running.failure_logs import read_endpoint_end, read_step_end, read_training_end
from sagebuild.running.image_builds import explain_failed_image
from sagebuild.running.job import Job
from sagebuild.service import Service

# An SNS message, with a text for each protocol, holds 256 KB.
_LONGEST = 4000  # characters
_LINES_SEARCHED = 30
# The errors of a job that did not complete. After any other error, the finish itself stopped the job.
_STOPPED_JOB_ERRORS = frozenset({"ProcessingNotCompletedError", "TransformNotCompletedError", "States.TaskFailed"})
# The steps whose failure has its cause in the log of the endpoint.
_ENDPOINT_STEPS = frozenset(
    {"Check Component", "Check Endpoint", "Create Endpoint", "Update Endpoint", "Run Smoke Test"}
)


def explain_build(service: Service, record: BuildRecord, ending: Ending, job: Job | None, step: str) -> str:
    """Explain a build's ending, with the cause from the log of the container that failed; empty for a success."""
    return _limit(_explain(service, record, ending, job, step))


def _explain(service: Service, record: BuildRecord, ending: Ending, job: Job | None, step: str) -> str:
    reason = explain_ending(ending, job, record.stop_requested_by, step)
    if ending.status != "FAILED":
        return reason
    if job and job.ran_out_of_time and record.cost_limit is not None:
        return _explain_maxcost(record.cost_limit)
    more = _name_log_command(service, record)
    if failed_image := explain_failed_image(service, ending.cause):
        return _join(failed_image.reason, failed_image.lines, more)
    ended_at = ending.stopped_at or now()
    if failed := next((each for each in record.step_jobs if each.status == "Failed"), None):
        lines = read_step_end(service, failed, ended_at)
        return _add_cause(f"{_name_step_job(failed)} failed", failed.reason or reason, lines, more, is_endpoint=False)
    stopped = next((each for each in record.step_jobs if each.status == "Stopped"), None)
    if stopped and ending.error in _STOPPED_JOB_ERRORS:
        return f"{_name_step_job(stopped)} was stopped by someone outside sagebuild, or at its time limit, maxrun."
    if job and job.status == "Failed":
        lines = read_training_end(service, job.failed_training or job.name, ended_at)
        return _add_cause("The training failed", reason, lines, more, is_endpoint=False)
    if ending.error == "EndpointDeploymentError" or step in _ENDPOINT_STEPS:
        lines = read_endpoint_end(service, record, ended_at)
        return _add_cause("", reason, lines, more, is_endpoint=True)
    if NO_MODEL in reason:
        return _add_cause("", reason, [], more, is_endpoint=True)
    return reason


def _name_step_job(job: StepJob) -> str:
    if job.kind == "transform":
        return "The batch transform"
    return "The evaluation" if job.report else f"The processing job {job.name}"


def explain_ending(ending: Ending, job: Job | None, stop_requested_by: str, step: str = "") -> str:
    """Explain why a build did not succeed, in one sentence or AWS's own words; empty for a success."""
    if ending.status == "SUCCEEDED":
        return ending.withheld
    if ending.status == "ABORTED":
        return f"Stopped by {stop_requested_by or 'someone outside sagebuild, in the AWS console or by an API call'}."
    if ending.status == "TIMED_OUT":
        return "The build took longer than the state machine allows."
    if ending.error == "States.Timeout":
        advice = " Raise batchtransform.maxrun, or score fewer files." if step == "Transform Data" else ""
        return f"The step {step or 'that ran'} did not end within its time limit.{advice}"
    if job and job.status == "Stopped":
        return _explain_stopped_job(job)
    return (job.reason if job else "") or _read_cause(ending)


def _explain_stopped_job(job: Job) -> str:
    if job.tuning:
        return "The tuning job was stopped by someone outside sagebuild."
    if job.ran_out_of_time:
        return "The training was stopped at its time limit; raise trainmaxrun, or train for a shorter time."
    if job.waited_too_long:
        return "The training waited too long for spot instances; raise spotmaxwait, or set spot to false."
    return "The training job was stopped by someone outside sagebuild."


def _add_cause(subject: str, reason: str, lines: Sequence[str], more: str, *, is_endpoint: bool) -> str:
    """Return the reason with the cause in its first paragraph; unchanged if the cause is unknown."""
    shown = pick_lines(lines)
    error = find_error(shown)
    # Without an exception, the cause may be further up.
    searched = shown if error else lines[-_LINES_SEARCHED:]
    sentence = explain_cause("\n".join([reason, *searched]), is_endpoint=is_endpoint)
    if not sentence and error and subject:
        sentence = f"{subject}: {error}"
    elif not sentence and error and error not in reason:
        sentence = f"{reason} The container's log: {error}"
    if not sentence or sentence.startswith(reason):
        return _join(sentence or reason, shown, more)
    return _join(f"{sentence}\n\nSageMaker: {reason}", shown, more)


def _join(reason: str, lines: Sequence[str], more: str) -> str:
    shown = ["The last lines of the log:", *(f"  {line}" for line in lines)] if lines else []
    return "\n\n".join([reason, "\n".join([*shown, more])])


def _name_log_command(service: Service, record: BuildRecord) -> str:
    pipeline = f" --pipeline {service.pipeline}" if service.pipeline else ""
    return f"More: sagebuild logs {record.number} --stack {service.stack_name}{pipeline}"


def _limit(reason: str) -> str:
    """Return text of bounded length that every reader can show; the end has the command for more."""
    printable = "".join(character if character.isprintable() or character in "\n\t" else " " for character in reason)
    if len(printable) <= _LONGEST:
        return printable
    end = printable.rpartition("\n")[2]
    return f"{printable[:_LONGEST]} ..." if len(end) > 200 else f"{printable[: _LONGEST - len(end)]} ...\n{end}"


def _read_cause(ending: Ending) -> str:
    """Return the message in a cause. Lambda's JSON has an ``errorMessage``; a ``.sync`` task returns Describe's answer.

    That has a ``FailureReason`` for a job, and a ``Cause`` for an execution of the user's state machine.
    """
    try:
        facts: Any = json.loads(ending.cause)
    except ValueError:
        facts = None
    if isinstance(facts, dict):
        return str(facts.get("errorMessage") or facts.get("FailureReason") or facts.get("Cause") or ending.cause)
    return ending.cause or ending.error or "Step Functions gave no reason."


def _explain_maxcost(limit: float) -> str:
    """Explain the end of a training that ``maxcost`` had shortened."""
    return (
        f"The training was stopped when its cost reached maxcost ({format_dollars(limit)}); raise maxcost, train for a "
        "shorter time, or train on a cheaper instance type."
    )
