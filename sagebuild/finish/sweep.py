"""Finds builds that a lost event, a failed function or an aborted execution left unfinished, and finishes them.

The finish of a build can be repeated at any time, so the sweep only finds the builds. It repairs two things itself: it
starts an execution that a failed launch did not start, and sends a stored approval that did not reach its build.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sagebuild.builds.lock import StackState, read_state
from sagebuild.builds.records import BuildRecord, list_builds, now, read_build
from sagebuild.errors import BuildNotFoundError
from sagebuild.finish.build import Ending
from sagebuild.launch.start import start_execution
from sagebuild.names import (
    execution_arn,
    name_execution,
    parse_number,
    parse_resource_name,
    resource_prefix,
    tuning_prefix,
)
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.image_builds import find_running_tags
from sagebuild.service import Service, aws_call
from sagebuild.steps.approval import deliver_answer

# Until then, the execution's own event may finish the build; a second finish is harmless and needless.
GRACE = timedelta(minutes=2)
# The newest builds that are searched for unfinished ones.
_BUILDS_SEARCHED = 20


@dataclass(frozen=True)
class Unfinished:
    """A build whose finish must be repeated, and why."""

    number: int
    ending: Ending
    why: str


def sweep_builds(service: Service, at: datetime) -> list[str]:
    """Repeat the finish of each unfinished build.

    Parameters
    ----------
    at
        The time of the sweep.

    Returns
    -------
    list
        A sentence for each build, with the reason.
    """
    unfinished = find_unfinished(service, at)
    for each in unfinished:
        repeat_finish(service, each)
    return [f"Build {each.number}: {each.why}" for each in unfinished]


def find_unfinished(service: Service, at: datetime) -> list[Unfinished]:
    """Return the builds that have ended and are not finished, each once, oldest first."""
    state = read_state(service)
    newest = [record for record in list_builds(service, limit=_BUILDS_SEARCHED) if record.has_ended]
    found = [*find_lost_end(service, state, at), *_find_undone(service, newest), *_find_strays(service, state)]
    return sorted({each.number: each for each in reversed(found)}.values(), key=lambda each: each.number)


def repeat_finish(service: Service, unfinished: Unfinished) -> None:
    """Invoke the finish with an event like the one that was lost or failed."""
    ending = unfinished.ending
    stopped_at = ending.stopped_at or now()
    detail = {
        "name": name_execution(unfinished.number),
        "status": ending.status,
        "error": ending.error,
        "cause": ending.cause,
        "output": ending.output,
        "stopDate": round(stopped_at.timestamp() * 1000),
    }
    with aws_call(f"finish build {unfinished.number}"):
        service.functions.invoke(
            FunctionName=service.settings.finish_function_arn,
            InvocationType="Event",
            Payload=json.dumps({"detail": detail}),
        )


def find_lost_end(service: Service, state: StackState, at: datetime) -> Iterator[Unfinished]:
    """Yield the build that has the lock, if its execution has ended or will never start."""
    if state.running is None:
        return
    record = read_build(service, state.running)
    if record.has_ended:
        yield _repeat(record, "it has ended and still has the lock.")
        return
    execution = _describe_execution(service, record.number)
    if execution is None and record.status == "launching":
        start_execution(service, record.number)
    elif execution is None:
        yield Unfinished(record.number, _explain_absence(record), "it has no execution.")
    elif execution["status"] == "RUNNING":
        deliver_answer(service, record)
    elif execution["stopDate"] <= at - GRACE:
        error, cause, output = (execution.get(name, "") for name in ("error", "cause", "output"))
        ending = Ending(execution["status"], error, cause, execution["stopDate"], output)
        yield Unfinished(record.number, ending, "its execution has ended, and the build is not finished.")


def _describe_execution(service: Service, number: int) -> Any:
    with aws_call(f"describe build {number}"):
        try:
            return service.stepfunctions.describe_execution(executionArn=execution_arn(service, number))
        except service.stepfunctions.exceptions.ExecutionDoesNotExist:
            return None


def _explain_absence(record: BuildRecord) -> Ending:
    if record.stop_requested_by:
        return Ending("ABORTED")
    cause = "The execution no longer exists: its state machine was replaced or deleted while it ran."
    return Ending("FAILED", "ExecutionGoneError", cause)


def _find_undone(service: Service, ended: list[BuildRecord]) -> Iterator[Unfinished]:
    """Yield the builds without a published notification, or whose images are still being built."""
    running = find_running_tags(service)
    for record in ended:
        if not record.notified_at:
            yield _repeat(record, "its notification may not have been published.")
        if not running.isdisjoint(record.image_builds):
            yield _repeat(record, "one of its image builds is still running.")


def _find_strays(service: Service, state: StackState) -> Iterator[Unfinished]:
    """Yield ended builds with a running job, and an unsuccessful build whose configuration is live."""
    for number in _list_running_numbers(service):
        record = _read_ended(service, number)
        if record:
            yield _repeat(record, "one of its jobs is still running.")
    endpoint = describe_endpoint(service) if state.running is None else None
    live = parse_resource_name(service, endpoint.config) if endpoint else None
    if live:
        record = _read_ended(service, live)
        if record and not record.has_succeeded:
            yield _repeat(record, "it did not succeed, and its endpoint configuration is live.")


def _list_running_numbers(service: Service) -> Iterator[int]:
    """Yield the build numbers in the names of the stack's running training and tuning jobs."""
    sagemaker = service.sagemaker
    lists: list[tuple[Any, str, str, str]] = [
        (sagemaker.list_training_jobs, "TrainingJob", "TrainingJobName", resource_prefix(service)),
        (
            sagemaker.list_hyper_parameter_tuning_jobs,
            "HyperParameterTuningJob",
            "HyperParameterTuningJobName",
            tuning_prefix(service),
        ),
    ]
    for operation, kind, name, prefix in lists:
        with aws_call("list the running jobs"):
            jobs = operation(NameContains=prefix, StatusEquals="InProgress", MaxResults=100)
        numbers = (parse_number(prefix, job[name]) for job in jobs[f"{kind}Summaries"])
        yield from (number for number in numbers if number)


def _read_ended(service: Service, number: int) -> BuildRecord | None:
    """Return the record of an ended build; None for a running or unknown build, which the sweep leaves alone."""
    try:
        record = read_build(service, number)
    except BuildNotFoundError:
        return None
    return record if record.has_ended else None


def _repeat(record: BuildRecord, why: str) -> Unfinished:
    """Return a build that has its outcome, which the repeated finish does not change."""
    return Unfinished(record.number, Ending("FAILED"), why)
