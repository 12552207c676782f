"""What a build runs beside its execution, most of it paid: stopped, and looked at until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.errors import AwsUnavailableError
from sagebuild.requests.hooks import stop_executions
from sagebuild.running.image_builds import stop_image_builds
from sagebuild.running.job import Job, describe_job, stop_job
from sagebuild.service import Service


@dataclass(frozen=True)
class Part:
    """One thing that a build runs.

    Parameters
    ----------
    name
        As a person knows it: "training job sagebuild-dev-3f2a1c00-12".
    status
        In AWS's word, at the last look; where AWS would not say, its error.
    has_ended
        Whether it is certain that it runs no more.
    """

    name: str
    status: str
    has_ended: bool


@dataclass
class Work:
    """What a build was found to run, when it was told to stop.

    Parameters
    ----------
    job
        As it is now.
    was_running
        Whether the job ran until now, so that it says nothing of why the build ended.
    """

    job: Job | None = None
    was_running: bool = False
    parts: list[Part] = field(default_factory=list)


def stop_work(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Work:
    """Stop all that a build still runs, and look until it has ended or the time is up.

    Returns
    -------
    Work
        What there was, as it was at the last look; a part of which AWS would not tell is among the parts, too.
    """
    work = Work()
    job_kind = "tuning job" if record.tuning_job else "training job"
    with _told_as_part(work, job_kind):
        before = describe_job(service, record)
        work.was_running = before is not None and not before.has_ended
        work.job = stop_job(service, record, wait_seconds, clock, sleep)
        if job := work.job:
            work.parts.append(Part(f"{job_kind} {job.name}", job.status, job.has_ended))
    with _told_as_part(work, "image builds"):
        if record.image_builds:
            ended = stop_image_builds(service, record, wait_seconds, clock, sleep)
            work.parts.append(Part("image builds", "ended" if ended else "IN_PROGRESS", ended))
    with _told_as_part(work, "own state machines"):
        for name, status in stop_executions(service, record.number).items():
            work.parts.append(Part(f"state machine {name}", status, status != "RUNNING"))
    return work


@contextmanager
def _told_as_part(work: Work, name: str) -> Iterator[None]:
    """One thing that cannot be looked at is no reason to leave the others running."""
    try:
        yield
    except (AwsUnavailableError, ClientError) as error:
        work.parts.append(Part(name, str(error), has_ended=False))
