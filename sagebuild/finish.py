"""Ends a build, whatever way its execution ended: strays stopped, record completed, told once, the next one started."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagebuild.endpoint import describe_endpoint, undo_deployment
from sagebuild.errors import StillRunningError
from sagebuild.hooks import stop_executions
from sagebuild.image_builds import explain_failed_image, find_built_images, stop_image_builds
from sagebuild.job import Job, complete_job, stop_job
from sagebuild.launch import pass_on_lock
from sagebuild.notify import notify_once
from sagebuild.prune import prune_builds
from sagebuild.records import NOT_ENDED, BuildRecord, now, read_build, update_build
from sagebuild.scaling import clear_scaling, restore_scaling
from sagebuild.service import Service
from sagebuild.status import find_step

# SageMaker gives a script 120 s after SIGTERM; a first deployment takes minutes. Both fit a Lambda's 900 s.
JOB_WAIT = 180  # seconds
ENDPOINT_WAIT = 660  # seconds

_STATUS = {"SUCCEEDED": "succeeded", "ABORTED": "stopped", "FAILED": "failed", "TIMED_OUT": "failed"}


@dataclass(frozen=True)
class Ending:
    """How an execution ended: its status as Step Functions names it, and the error and cause that it gave."""

    status: str
    error: str = ""
    cause: str = ""


def finish_build(
    service: Service, number: int, ending: Ending, sleep: Callable[[float], None] = time.sleep
) -> BuildRecord:
    """Do all that is left to do for a build whose execution has ended. Safe to repeat.

    Raises
    ------
    StillRunningError
        Something paid has not confirmed that it stopped; the call is to be repeated.
    """
    record = read_build(service, number)
    if not record.has_ended:
        _complete_record(service, record, ending, sleep)
        record = read_build(service, number)
    notify_once(service, record)
    prune_builds(service, record)
    pass_on_lock(service, number)
    return record


def _complete_record(service: Service, record: BuildRecord, ending: Ending, sleep: Callable[[float], None]) -> None:
    if not stop_image_builds(service, record, JOB_WAIT, sleep=sleep):
        raise StillRunningError(
            f"An image build of build {record.number} still runs {JOB_WAIT} s after it was stopped."
        )
    job = stop_job(service, record, JOB_WAIT, sleep=sleep)
    if job and not job.has_ended:
        raise StillRunningError(f"The job {job.name} is still {job.status} {JOB_WAIT} s after it was told to stop.")
    job = job and complete_job(service, job)
    stop_executions(service, record.number)
    status = _STATUS[ending.status]
    if status != "succeeded":
        clear_scaling(service, record)
        undo_deployment(service, record, ENDPOINT_WAIT, sleep=sleep)
        restore_scaling(service, record)
    endpoint = describe_endpoint(service)
    images = find_built_images(service, record)
    failed_image = explain_failed_image(service, ending.cause) if status == "failed" else ""
    update_build(
        service,
        record.number,
        only_if=NOT_ENDED,
        status=status,
        reason=failed_image or explain_ending(ending, job, record.stop_requested_by),
        step="" if status == "succeeded" else find_step(service, record.number),
        training_image=images.get(record.training_image, record.training_image),
        inference_image=images.get(record.inference_image, record.inference_image),
        **_describe_outcome(job),
        live_after=endpoint.config if endpoint and endpoint.status != "Failed" else "",
        ended_at=now().isoformat(),
    )


def _describe_outcome(job: Job | None) -> dict[str, Any]:
    """What the record tells of the job."""
    if job is None:
        return {}
    told: dict[str, Any] = {"job_status": job.status, "job_seconds": job.seconds, "metrics": job.metrics}
    if tuning := job.tuning:
        told |= {"trainings": tuning.trainings, "trainings_completed": tuning.completed}
        told |= {"training_job": tuning.best, "best_hyperparameters": tuning.hyperparameters}
    return told | {"artifacts": job.artifacts}


def explain_ending(ending: Ending, job: Job | None, stop_requested_by: str) -> str:
    """Why a build did not succeed, in one sentence or the failing part's own words; empty for one that did."""
    if ending.status == "SUCCEEDED":
        return ""
    if ending.status == "ABORTED":
        return f"Stopped by {stop_requested_by or 'someone outside sagebuild, in the AWS console or by an API call'}."
    if ending.status == "TIMED_OUT":
        return "The build took longer than the state machine allows."
    if job and job.status == "Stopped" and job.tuning:
        return "The tuning job was stopped by someone outside sagebuild."
    if job and job.status == "Stopped":
        return "The training job was stopped: by its time limit (trainmaxrun) or by someone outside sagebuild."
    return (job.reason if job else "") or _read_cause(ending)


def _read_cause(ending: Ending) -> str:
    """Lambda wraps its message in JSON as ``errorMessage``; a ``.sync`` task hands on what Describe told it.

    That has a ``FailureReason`` for a job, and a ``Cause`` for an execution of a person's own state machine.
    """
    try:
        facts: Any = json.loads(ending.cause)
    except ValueError:
        facts = None
    if isinstance(facts, dict):
        return str(facts.get("errorMessage") or facts.get("FailureReason") or facts.get("Cause") or ending.cause)
    return ending.cause or ending.error or "Step Functions gave no reason."
