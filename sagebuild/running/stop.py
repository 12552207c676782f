"""Stops the running build, and says what was confirmed rather than what was asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import NOT_ENDED, read_build, update_build
from sagebuild.errors import AwsUnavailableError, NoBuildRunningError
from sagebuild.names import execution_arn, name_execution
from sagebuild.running.work import Part, stop_work
from sagebuild.service import Service, aws_call

# What Step Functions says of an execution that does nothing more.
ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})


@dataclass(frozen=True)
class Stopped:
    """What was seen after a build was told to stop.

    Parameters
    ----------
    job_status
        The training or tuning job's status at the last look; None if no job had been started.
    confirmed
        Whether the execution is over and nothing paid runs any more.
    parts
        All that the build ran, the execution first, each as Describe told of it at the last look.
    """

    number: int
    job_status: str | None
    confirmed: bool
    parts: tuple[Part, ...] = ()

    @property
    def summary(self) -> str:
        """What was confirmed, and what could not be yet, in a sentence each."""
        ended = [f"{part.name} ({part.status})" for part in self.parts if part.has_ended]
        open_ends = [f"{part.name} ({part.status})" for part in self.parts if not part.has_ended]
        said = [f"Build {self.number}: confirmed as ended: {', '.join(ended) or 'nothing yet'}."]
        if open_ends:
            said.append(f"Not confirmed yet: {', '.join(open_ends)}; the end of the build keeps looking.")
        return " ".join(said)


def stop_build(
    service: Service,
    number: int | None = None,
    wait_seconds: float = 4.0,
    requested_by: str = "voice",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Stopped:
    """Stop the running build's execution and all that it runs.

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
    # No longer "launching": from now on nobody starts an execution that was not started yet.
    update_build(service, running, only_if=NOT_ENDED, status="stopping", stop_requested_by=requested_by)
    execution = _stop_execution(service, running, requested_by)
    work = stop_work(service, read_build(service, running), wait_seconds, clock, sleep)
    if not execution.has_ended:
        execution = _describe_execution(service, running)
    parts = (execution, *work.parts)
    return Stopped(
        number=running,
        job_status=work.job.status if work.job else None,
        confirmed=all(part.has_ended for part in parts),
        parts=parts,
    )


def _stop_execution(service: Service, number: int, requested_by: str) -> Part:
    with aws_call(f"stop build {number}"):
        try:
            service.stepfunctions.stop_execution(
                executionArn=execution_arn(service, number), error="BuildStopped", cause=f"Stopped by {requested_by}."
            )
        except service.stepfunctions.exceptions.ExecutionDoesNotExist:
            # Whoever launched it died before the start; the sweep ends such a build.
            return Part(f"execution {name_execution(number)}", "never started", has_ended=True)
    return _describe_execution(service, number)


def _describe_execution(service: Service, number: int) -> Part:
    """The execution was told to stop by now: not to be told of it is no failure of that."""
    try:
        with aws_call(f"describe build {number}"):
            arn = execution_arn(service, number)
            status: str = service.stepfunctions.describe_execution(executionArn=arn)["status"]
    except AwsUnavailableError as error:
        status = str(error)
    return Part(f"execution {name_execution(number)}", status, status in ENDED)
