"""Stops the running build, and reports which parts of it have ended, as Describe confirms them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import NOT_ENDED, BuildRecord, read_build, update_build
from sagebuild.errors import AwsUnavailableError, NoBuildRunningError
from sagebuild.names import execution_arn, name_execution
from sagebuild.running.work import Part, stop_work
from sagebuild.service import Service, aws_call

# The statuses of an execution that has ended.
ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
# The outcome of a build whose execution ended by itself; its record says "withheld" for some that succeeded.
_OUTCOMES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "failed"}


@dataclass(frozen=True)
class Stopped:
    """What was confirmed after a request to stop a build.

    Parameters
    ----------
    job_status
        The training or tuning job's status when last described; None if it was never started.
    confirmed
        Whether the execution and all paid work have ended.
    parts
        Everything that the build ran, the execution first, each when last described.
    outcome
        How the build ended: "stopped", or "succeeded", "failed" or "withheld" if it ended by itself before the stop
        reached it; empty while its execution runs.
    """

    number: int
    job_status: str | None
    confirmed: bool
    parts: tuple[Part, ...] = ()
    outcome: str = "stopped"

    @property
    def summary(self) -> str:
        """A sentence each for the parts that have ended, and for those not confirmed yet."""
        ended = [f"{part.name} ({part.status})" for part in self.parts if part.has_ended]
        running = [f"{part.name} ({part.status})" for part in self.parts if not part.has_ended]
        sentences = [f"Build {self.number}: confirmed as ended: {', '.join(ended) or 'nothing yet'}."]
        if running:
            sentences.append(f"Not confirmed yet: {', '.join(running)}; sagebuild keeps checking.")
        return " ".join(sentences)


def stop_build(
    service: Service,
    number: int | None = None,
    wait_seconds: float = 4.0,
    requested_by: str = "voice",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Stopped:
    """Stop the running build's execution and all its work.

    Parameters
    ----------
    number
        The build to stop; default: the running one.
    wait_seconds
        How long to wait for the job's end. SageMaker gives a training script 120 s to end, so after a short wait it
        may still be "Stopping"; the finish of the build keeps checking.
    requested_by
        Named in the reason: "voice", "command", ...

    Raises
    ------
    NoBuildRunningError
        No build is running, or another one is.
    """
    running = read_state(service).running
    if running is None:
        raise NoBuildRunningError("No build is running; there is nothing to stop.")
    if number not in (None, running):
        raise NoBuildRunningError(f"Build {number} is not running; build {running} is, and was not stopped.")
    # No longer "launching": from now on no caller starts the execution.
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
        outcome=_find_outcome(read_build(service, running), execution),
    )


def describe_stopped(service: Service, record: BuildRecord) -> Stopped:
    """Describe a build after an earlier request to stop it."""
    execution = _describe_execution(service, record.number)
    return Stopped(
        record.number,
        record.job_status or None,
        execution.has_ended,
        (execution,),
        _find_outcome(record, execution),
    )


def _find_outcome(record: BuildRecord, execution: Part) -> str:
    """Return the recorded outcome of a build; until it is recorded, that of its execution."""
    if record.has_ended:
        return record.status
    if not execution.has_ended:
        return ""
    return _OUTCOMES.get(execution.status, "stopped")


def _stop_execution(service: Service, number: int, requested_by: str) -> Part:
    with aws_call(f"stop build {number}"):
        try:
            service.stepfunctions.stop_execution(
                executionArn=execution_arn(service, number), error="BuildStopped", cause=f"Stopped by {requested_by}."
            )
        except service.stepfunctions.exceptions.ExecutionDoesNotExist:
            # The launch died before it started the execution; the sweep ends such a build.
            return Part(f"execution {name_execution(service, number)}", "never started", has_ended=True)
    return _describe_execution(service, number)


def _describe_execution(service: Service, number: int) -> Part:
    """Describe an execution after StopExecution. A failed Describe is reported as unconfirmed."""
    try:
        with aws_call(f"describe build {number}"):
            arn = execution_arn(service, number)
            status: str = service.stepfunctions.describe_execution(executionArn=arn)["status"]
    except AwsUnavailableError as error:
        status = str(error)
    return Part(f"execution {name_execution(service, number)}", status, status in ENDED)
