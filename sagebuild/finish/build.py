"""Ends a build, whatever way its execution ended: strays stopped, record completed, told once, the next one started."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from sagebuild.builds.records import NOT_ENDED, BuildRecord, now, read_build, update_build
from sagebuild.builds.status import find_step
from sagebuild.cost.budget import explain_maxcost
from sagebuild.cost.spent import price_seconds
from sagebuild.errors import SagebuildError, StillRunningError
from sagebuild.finish.prune import prune_builds
from sagebuild.launch.start import pass_on_lock
from sagebuild.names import name_resource
from sagebuild.notifications.notify import notify_once
from sagebuild.running.endpoint import describe_endpoint, undo_deployment
from sagebuild.running.image_builds import explain_failed_image, find_built_images
from sagebuild.running.job import Job, complete_job, job_facts
from sagebuild.running.scaling import clear_scaling, restore_scaling
from sagebuild.running.work import Work, stop_work
from sagebuild.service import Service
from sagebuild.steps.registry import settle_package

# SageMaker gives a script 120 s after SIGTERM; a first deployment takes minutes. Both fit a Lambda's 900 s.
JOB_WAIT = 180  # seconds
ENDPOINT_WAIT = 660  # seconds
# What could not be undone for so long is told to the person, who can do more about it than another try.
PATIENCE = timedelta(hours=1)
# A script's whole output may be in the cause; a message to a topic, in a text for each protocol, holds 256 KB.
_REASON_LENGTH = 4000

_STATUS = {"SUCCEEDED": "succeeded", "ABORTED": "stopped", "FAILED": "failed", "TIMED_OUT": "failed"}


@dataclass(frozen=True)
class Ending:
    """How an execution ended: its status as Step Functions names it, the error and cause or output, and when."""

    status: str
    error: str = ""
    cause: str = ""
    stopped_at: datetime | None = None
    output: str = ""  # JSON

    @property
    def withheld(self) -> str:
        """Why a good model was not deployed, on purpose; empty unless that is what became of the build."""
        told: Any = json.loads(self.output) if self.output else {}
        return str(told.get("withheld", "")) if isinstance(told, dict) else ""


def finish_build(
    service: Service,
    number: int,
    ending: Ending,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = now,
    invocation: str = "",
) -> BuildRecord:
    """Do all that is left to do for a build whose execution has ended. Safe to repeat, also at the same time.

    Parameters
    ----------
    invocation
        What tells this call from others that may run at the same time, and is the same when it is tried again.

    Raises
    ------
    StillRunningError
        Something paid has not confirmed that it stopped; the call is to be repeated.
    """
    record = read_build(service, number)
    if record.has_ended:
        _stop_latecomers(service, record, sleep)
    else:
        _complete_record(service, record, ending, sleep)
        record = read_build(service, number)
    try:
        notify_once(service, record, clock(), invocation or uuid4().hex)
        prune_builds(service, record)
    finally:
        pass_on_lock(service, number)
    return record


def _complete_record(service: Service, record: BuildRecord, ending: Ending, sleep: Callable[[float], None]) -> None:
    undone: list[str] = []
    work, job, images = Work(), None, dict[str, str]()
    cost: float | None = None
    with _attempt(ending, undone):
        work = _stop_all(service, record, sleep)
        job = work.job and complete_job(service, work.job)
        cost = price_seconds(record, job.seconds if job else 0)
    with _attempt(ending, undone):
        images = find_built_images(service, record)
    status = "withheld" if ending.withheld else _STATUS[ending.status]
    if status != "succeeded":
        with _attempt(ending, undone):
            _restore_endpoint(service, record, sleep)
    endpoint = describe_endpoint(service)
    step = "" if ending.status == "SUCCEEDED" else find_step(service, record.number)
    reason = _explain(service, record, ending, None if work.was_running else job, step)
    with _attempt(ending, undone):
        settle_package(service, replace(record, status=status, reason=reason))
    update_build(
        service,
        record.number,
        only_if=NOT_ENDED,
        status=status,
        reason=reason if len(reason) <= _REASON_LENGTH else f"{reason[:_REASON_LENGTH]} ...",
        step=step,
        notes=[*record.notes, *undone],
        training_image=images.get(record.training_image, record.training_image),
        inference_image=images.get(record.inference_image, record.inference_image),
        **job_facts(job),
        cost=cost,
        live_after=endpoint.config if endpoint and endpoint.status != "Failed" else "",
        ended_at=now().isoformat(),
    )


def _explain(service: Service, record: BuildRecord, ending: Ending, job: Job | None, step: str) -> str:
    if ending.status == "FAILED" and job and job.ran_out_of_time and record.cost_limit is not None:
        return explain_maxcost(record.cost_limit)
    failed_image = explain_failed_image(service, ending.cause) if ending.status == "FAILED" else ""
    return failed_image or explain_ending(ending, job, record.stop_requested_by, step)


@contextmanager
def _attempt(ending: Ending, undone: list[str]) -> Iterator[None]:
    """A part of the end: what fails is tried again with the whole, until patience ends and the person is told."""
    try:
        yield
    except (SagebuildError, ClientError) as error:
        if ending.stopped_at is None or now() - ending.stopped_at < PATIENCE:
            raise
        undone.append(f"This could not be put right and needs you: {error}")


def _stop_all(service: Service, record: BuildRecord, sleep: Callable[[float], None]) -> Work:
    work = stop_work(service, record, JOB_WAIT, sleep=sleep)
    running = [f"the {part.name} is {part.status}" for part in work.parts if not part.has_ended]
    if running:
        raise StillRunningError(
            f"Not all of build {record.number} is known to have ended, {JOB_WAIT} s after it was told to stop: "
            f"{'; '.join(running)}."
        )
    return work


def _restore_endpoint(service: Service, record: BuildRecord, sleep: Callable[[float], None]) -> None:
    clear_scaling(service, record)
    undo_deployment(service, record, ENDPOINT_WAIT, sleep=sleep)
    restore_scaling(service, record)


def _stop_latecomers(service: Service, record: BuildRecord, sleep: Callable[[float], None]) -> None:
    """What an aborted execution had begun may appear only after the first look."""
    _stop_all(service, record, sleep)
    endpoint = None if record.has_succeeded else describe_endpoint(service)
    if endpoint and endpoint.config == name_resource(service, record.number):
        _restore_endpoint(service, record, sleep)


def explain_ending(ending: Ending, job: Job | None, stop_requested_by: str, step: str = "") -> str:
    """Why a build did not succeed, in one sentence or the failing part's own words; empty for one that did."""
    if ending.status == "SUCCEEDED":
        return ending.withheld
    if ending.status == "ABORTED":
        return f"Stopped by {stop_requested_by or 'someone outside sagebuild, in the AWS console or by an API call'}."
    if ending.status == "TIMED_OUT":
        return "The build took longer than the state machine allows."
    if ending.error == "States.Timeout":
        return f"The step {step or 'that ran'} did not end within its time limit."
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
