"""Finishes a build: stops its work, completes the record, notifies once and starts the pending build."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import NOT_ENDED, BuildRecord, now, read_build, update_build
from sagebuild.builds.status import find_step
from sagebuild.cost.spent import price_seconds
from sagebuild.deadline import Deadline
from sagebuild.errors import SagebuildError, StillRunningError
from sagebuild.finish.build_metrics import write_metrics
from sagebuild.finish.ending import Ending
from sagebuild.finish.prune import prune_builds
from sagebuild.finish.reason import explain_build
from sagebuild.launch.start import pass_on_lock
from sagebuild.names import name_resource
from sagebuild.notifications.notify import notify_once
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.merging import override_document
from sagebuild.plan.uses import record_live
from sagebuild.running.endpoint import describe_endpoint, limit_log_retention
from sagebuild.running.image_builds import find_built_images, find_source_commit
from sagebuild.running.job import Job, complete_job, job_facts
from sagebuild.running.metrics import find_missing_metrics
from sagebuild.running.scaling import clear_scaling, restore_scaling
from sagebuild.running.step_jobs import to_attributes
from sagebuild.running.undo import undo_deployment
from sagebuild.running.work import Work, stop_work
from sagebuild.service import Service
from sagebuild.steps.package_status import settle_package

# Without a deadline. SageMaker gives a script 120 s after SIGTERM; a first deployment takes minutes.
WAIT_SECONDS = 840.0
JOB_WAIT_SECONDS = 180.0
# After this time a failing part is not retried but reported to the user.
PATIENCE = timedelta(hours=1)
# Refusals after which the same call may succeed within that time; any other one is reported at once. Another change
# of the same resource is under way, or the account's instances are in use:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html and API_UpdateEndpoint.html,
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
_PASSING_CODES = frozenset(
    {
        "ConcurrentUpdateException",
        "ConflictException",
        "ResourceInUse",
        "ResourceInUseException",
        "ResourceLimitExceeded",
    }
)

_log = logging.getLogger("sagebuild")
_STATUS = {"SUCCEEDED": "succeeded", "ABORTED": "stopped", "FAILED": "failed", "TIMED_OUT": "failed"}


def finish_build(
    service: Service,
    number: int,
    ending: Ending,
    sleep: Callable[[float], None],
    clock: Callable[[], datetime] = now,
    invocation: str = "",
    deadline: Deadline | None = None,
) -> BuildRecord:
    """Finish a build whose execution has ended. Safe to repeat, also at the same time.

    The next call continues where a call ended that raised an error: Lambda repeats it, and so does the sweep.

    Parameters
    ----------
    invocation
        The id of the Lambda invocation: the same for its retries, different for concurrent calls.
    deadline
        The end of all waits together; default: 840 seconds from now.

    Raises
    ------
    StillRunningError
        Describe did not confirm that all paid work has ended; repeat the call.
    """
    wait = _Wait(deadline or Deadline(WAIT_SECONDS), sleep)
    record = read_build(service, number)
    if record.has_ended:
        _stop_late_work(service, record, wait)
    else:
        _complete_record(service, record, ending, wait)
        record = read_build(service, number)
    is_finished = False
    try:
        notified = notify_once(service, record, clock(), invocation or uuid4().hex)
        if notified:
            write_metrics(service, record)
        prune_builds(service, record)
        # Work that a failed or stopped build had requested may appear late, so the sweep looks at that build once more.
        is_finished = (notified or bool(record.notified_at)) and record.status in ("succeeded", "withheld")
    finally:
        pass_on_lock(service, number, is_finished=is_finished)
    return record


@dataclass(frozen=True)
class _Wait:
    """How the parts of a finish wait."""

    deadline: Deadline
    sleep: Callable[[float], None]


@dataclass(frozen=True)
class _Attempts:
    """Runs the parts of a finish, and keeps a note for the user about each one that failed.

    Parameters
    ----------
    stopped_at
        The end of the execution; None if every failure that may pass is raised.
    """

    stopped_at: datetime | None
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Run a part. A failure that may pass repeats the whole finish, until an hour has passed."""
        try:
            yield
        except (SagebuildError, ClientError) as error:
            may_pass = not isinstance(error, ClientError) or error.response["Error"]["Code"] in _PASSING_CODES
            if may_pass and (self.stopped_at is None or now() - self.stopped_at < PATIENCE):
                raise
            self.problems.append(f"sagebuild could not clean this up; please check: {error}")


def _complete_record(service: Service, record: BuildRecord, ending: Ending, wait: _Wait) -> None:
    attempts = _Attempts(ending.stopped_at)
    work, job, images, commit = Work(), None, dict[str, str](), ""
    cost: float | None = None
    with attempts.attempt():
        work = _stop_all(service, record, wait)
        job = work.job and complete_job(service, work.job)
        record = replace(record, step_jobs=work.step_jobs)
        cost = price_seconds(record, job.seconds if job else 0)
    with attempts.attempt():
        images = find_built_images(service, record)
        commit = find_source_commit(service, record)
    status = "withheld" if ending.withheld else _STATUS[ending.status]
    if status != "succeeded":
        _restore_endpoint(service, record, wait, attempts)
    endpoint, step = None, ""
    with attempts.attempt():
        endpoint = describe_endpoint(service)
        record_live(service, None if endpoint and endpoint.status == "Failed" else endpoint)
    with attempts.attempt():
        limit_log_retention(service, record)
    with attempts.attempt():
        step = "" if ending.status == "SUCCEEDED" else find_step(service, record.number)
    ours = record.endpoint_config or name_resource(service, record.number)
    reason = explain_build(service, record, ending, None if work.was_running else job, step)
    with attempts.attempt():
        settle_package(service, replace(record, status=status, reason=reason))
    update_build(
        service,
        record.number,
        only_if=NOT_ENDED,
        status=status,
        reason=reason,
        step=step,
        notes=[*record.notes, *attempts.problems, *_find_missing_metrics(record, job)],
        source_commit=commit,
        training_image=images.get(record.training_image, record.training_image),
        inference_image=images.get(record.inference_image, record.inference_image),
        **job_facts(job, record.evaluation_metrics),
        step_jobs=to_attributes(record.step_jobs),
        cost=cost,
        restore_failed=status != "succeeded" and endpoint is not None and endpoint.config == ours,
        live_after=endpoint.config if endpoint and endpoint.serves else "",
        ended_at=now().isoformat(),
    )


def _find_missing_metrics(record: BuildRecord, job: Job | None) -> list[str]:
    if not job or job.status != "Completed":
        return []
    document = override_document(read_leniently(record.parameters), read_leniently(record.overrides))
    return list(dict.fromkeys(find_missing_metrics(document, job.metrics)))


def _stop_all(service: Service, record: BuildRecord, wait: _Wait) -> Work:
    seconds = wait.deadline.limit(JOB_WAIT_SECONDS)
    work = stop_work(service, record, seconds, wait.deadline.clock, wait.sleep)
    running = [f"the {part.name} is {part.status}" for part in work.parts if not part.has_ended]
    if running:
        raise StillRunningError(
            f"Build {record.number} still has work that is not confirmed as ended {seconds:.0f} s after the stop: "
            f"{'; '.join(running)}."
        )
    return work


def _restore_endpoint(service: Service, record: BuildRecord, wait: _Wait, attempts: _Attempts) -> None:
    if read_state(service).removed_at:  # the removal deletes the endpoint
        return
    with attempts.attempt():
        clear_scaling(service, record)
    with attempts.attempt():
        left = wait.deadline.seconds_left
        attempts.problems.extend(undo_deployment(service, record, left, wait.deadline.clock, wait.sleep))
    with attempts.attempt():
        restore_scaling(service, record)


def _stop_late_work(service: Service, record: BuildRecord, wait: _Wait) -> None:
    """Stop work that an aborted execution had requested and that appeared only after the first finish."""
    work = _stop_all(service, record, wait)
    job = work.job and complete_job(service, work.job)
    cost = price_seconds(replace(record, step_jobs=work.step_jobs), job.seconds if job else 0)
    if cost is not None and cost > (record.cost or 0):  # less if SageMaker no longer describes an old job
        update_build(service, record.number, cost=cost)
    endpoint = None if record.has_succeeded else describe_endpoint(service)
    if endpoint and endpoint.config == name_resource(service, record.number):
        attempts = _Attempts(stopped_at=None)
        _restore_endpoint(service, record, wait, attempts)
        for problem in attempts.problems:
            _log.warning("build %d of %s: %s", record.number, service.label, problem)
