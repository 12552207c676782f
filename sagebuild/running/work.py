"""Stops a build's work outside its execution, most of it paid, and waits until it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, StepJob
from sagebuild.deadline import Deadline
from sagebuild.errors import AwsUnavailableError
from sagebuild.running.executions import stop_executions
from sagebuild.running.image_builds import stop_image_builds
from sagebuild.running.job import Job, describe_job, stop_job
from sagebuild.running.step_jobs import stop_step_jobs
from sagebuild.service import Service


@dataclass(frozen=True)
class Part:
    """One thing that a build runs.

    Parameters
    ----------
    name
        For example "training job sagebuild-dev-3f2a1c00-12".
    status
        AWS's status when last described; the error if Describe failed.
    has_ended
        Whether Describe confirmed its end.
    kind
        "processing" or "transform" for such a job; else empty.
    """

    name: str
    status: str
    has_ended: bool
    kind: str = ""


@dataclass
class Work:
    """What a build ran when it was stopped.

    Parameters
    ----------
    job
        The training or tuning job when last described.
    step_jobs
        The processing, evaluation and transform jobs when last described.
    was_running
        Whether the job ran until it was stopped here, so that it does not explain why the build ended.
    """

    job: Job | None = None
    step_jobs: list[StepJob] = field(default_factory=list)
    was_running: bool = False
    parts: list[Part] = field(default_factory=list)


def stop_work(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Work:
    """Stop everything that a build still runs, and wait until it has ended or the time is up.

    Parameters
    ----------
    wait_seconds
        For all parts together.

    Returns
    -------
    Work
        Each part when last described; also those that could not be described.
    """
    work, deadline = Work(), Deadline(wait_seconds, clock)
    job_kind = "tuning job" if record.tuning_job else "training job"
    with _report_failure(work, job_kind):
        before = describe_job(service, record)
        work.was_running = before is not None and not before.has_ended
        work.job = stop_job(service, record, deadline.seconds_left, clock, sleep)
        if job := work.job:
            work.parts.append(Part(f"{job_kind} {job.name}", job.status, job.has_ended))
    work.step_jobs = record.step_jobs
    with _report_failure(work, "processing and transform jobs"):
        work.step_jobs = stop_step_jobs(service, record, deadline.seconds_left, clock, sleep)
        work.parts += [
            Part(f"{each.kind} job {each.job}", each.status, each.has_ended, each.kind)
            for each in work.step_jobs
            if each.status
        ]
    with _report_failure(work, "image builds"):
        if record.image_builds:
            ended = stop_image_builds(service, record, deadline.seconds_left, clock, sleep)
            work.parts.append(Part("image builds", "ended" if ended else "IN_PROGRESS", ended))
    with _report_failure(work, "own state machines"):
        for name, status in stop_executions(service, record.number).items():
            work.parts.append(Part(f"state machine {name}", status, status != "RUNNING"))
    return work


@contextmanager
def _report_failure(work: Work, name: str) -> Iterator[None]:
    """Add a part that could not be described or stopped to the work, so that the other parts are still stopped."""
    try:
        yield
    except (AwsUnavailableError, ClientError) as error:
        work.parts.append(Part(name, str(error), has_ended=False))
