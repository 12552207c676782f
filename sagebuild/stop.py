"""Stops the running build, and says what was confirmed rather than what was asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sagebuild.errors import NoBuildRunningError
from sagebuild.image_builds import stop_image_builds
from sagebuild.job import stop_job
from sagebuild.lock import read_state
from sagebuild.names import execution_arn
from sagebuild.records import NOT_ENDED, read_build, update_build
from sagebuild.service import Service, aws_call


@dataclass(frozen=True)
class Stopped:
    """What was seen after a build was told to stop.

    Parameters
    ----------
    job_status
        The training or tuning job's status at the last look; None if no job had been started.
    confirmed
        Whether the execution is over and nothing paid runs any more.
    """

    number: int
    job_status: str | None
    confirmed: bool


def stop_build(
    service: Service,
    number: int | None = None,
    wait_seconds: float = 4.0,
    requested_by: str = "voice",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Stopped:
    """Stop the running build's execution, its image builds and its training or tuning job.

    Parameters
    ----------
    number
        The build meant; default: whichever runs.
    wait_seconds
        How long to look for the job's end. SageMaker gives a training script 120 s to end by itself, so a short wait
        may find it still "Stopping"; the finish of the build keeps looking.
    requested_by
        Who is named as the reason: "voice", "command", ...

    Raises
    ------
    NoBuildRunningError
        No build runs, or not that one.
    """
    running = read_state(service).running
    if running is None:
        raise NoBuildRunningError("No build is running; there is nothing to stop.")
    if number not in (None, running):
        raise NoBuildRunningError(f"Build {number} is not running any more; build {running} is, and was left alone.")
    update_build(service, running, only_if=NOT_ENDED, stop_requested_by=requested_by)
    arn = execution_arn(service, running)
    with aws_call(f"stop build {running}"):
        service.stepfunctions.stop_execution(
            executionArn=arn, error="BuildStopped", cause=f"Stopped by {requested_by}."
        )
    record = read_build(service, running)
    images_ended = stop_image_builds(service, record, wait_seconds, clock, sleep)
    job = stop_job(service, record, wait_seconds, clock, sleep)
    with aws_call(f"describe build {running}"):
        status = service.stepfunctions.describe_execution(executionArn=arn)["status"]
    return Stopped(
        number=running,
        job_status=job.status if job else None,
        confirmed=status != "RUNNING" and images_ended and (job is None or job.has_ended),
    )
