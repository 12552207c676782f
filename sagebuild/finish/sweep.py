"""Finds what a lost event, a dead function or an aborted execution left, and has the build's finish put it right.

The finish of a build can be repeated at any time and does whatever is left to do; so all that a sweep has to find out
is for which builds. It does nothing itself but to start an execution that a dying launch has not started, and to send
an approval that was given and has not reached its build.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sagebuild.builds.lock import StackState, read_state
from sagebuild.builds.records import BuildRecord, list_builds, now, read_build
from sagebuild.errors import BuildNotFoundError
from sagebuild.finish.build import Ending
from sagebuild.launch.start import start_execution
from sagebuild.names import execution_arn, name_execution, resource_prefix, tuning_prefix
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.image_builds import find_running_tags
from sagebuild.service import Service, aws_call
from sagebuild.steps.approval import deliver_answer

# Until then its own event may be about to finish it; what runs twice does no harm, only work.
GRACE = timedelta(minutes=2)
# Of the newest builds, how many are looked at for what was not done.
_LOOKED_AT = 20


@dataclass(frozen=True)
class Unfinished:
    """A build whose finish has to be repeated, and why."""

    number: int
    ending: Ending
    why: str


def sweep_builds(service: Service, at: datetime) -> list[str]:
    """Have everything finished that was left.

    Parameters
    ----------
    at
        The time of the sweep.

    Returns
    -------
    list
        Why each build's finish was repeated, a sentence each.
    """
    unfinished = find_unfinished(service, at)
    for each in unfinished:
        repeat_finish(service, each)
    return [f"Build {each.number}: {each.why}" for each in unfinished]


def find_unfinished(service: Service, at: datetime) -> list[Unfinished]:
    """The builds that have ended and left something undone, each once; the oldest first."""
    state = read_state(service)
    newest = [record for record in list_builds(service, limit=_LOOKED_AT) if record.has_ended]
    found = [*_find_lost_end(service, state, at), *_find_undone(service, newest), *_find_strays(service, state)]
    return sorted({each.number: each for each in reversed(found)}.values(), key=lambda each: each.number)


def repeat_finish(service: Service, unfinished: Unfinished) -> None:
    """Send the finish an event like the one that it has missed, or that came to nothing."""
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


def _find_lost_end(service: Service, state: StackState, at: datetime) -> Iterator[Unfinished]:
    """The build that has the lock, if its execution has ended or will never start."""
    if state.running is None:
        return
    record = read_build(service, state.running)
    if record.has_ended:
        yield _again(record, "it has ended and kept the lock.")
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
        yield Unfinished(record.number, ending, "its execution has ended, and nobody has finished the build.")


def _describe_execution(service: Service, number: int) -> Any:
    with aws_call(f"describe build {number}"):
        try:
            return service.stepfunctions.describe_execution(executionArn=execution_arn(service, number))
        except service.stepfunctions.exceptions.ExecutionDoesNotExist:
            return None


def _explain_absence(record: BuildRecord) -> Ending:
    if record.stop_requested_by:
        return Ending("ABORTED")
    cause = "The execution of this build is gone: its state machine was replaced or deleted while it ran."
    return Ending("FAILED", "ExecutionGoneError", cause)


def _find_undone(service: Service, ended: list[BuildRecord]) -> Iterator[Unfinished]:
    """The builds that nobody was told of, or whose images are still being built."""
    running = find_running_tags(service)
    for record in ended:
        if not record.notified_at:
            yield _again(record, "it is not certain that it was told of.")
        if not running.isdisjoint(record.image_builds):
            yield _again(record, "an image build of it still runs.")


def _find_strays(service: Service, state: StackState) -> Iterator[Unfinished]:
    """The builds that have ended and still have a job running, or have left the endpoint with what failed."""
    for number in _list_numbers_of_jobs(service):
        record = _read_ended(service, number)
        if record:
            yield _again(record, "a job of it still runs.")
    endpoint = describe_endpoint(service) if state.running is None else None
    live = _parse_number(resource_prefix(service), endpoint.config) if endpoint else None
    if live:
        record = _read_ended(service, live)
        if record and not record.has_succeeded:
            yield _again(record, "the endpoint has its configuration, though it did not succeed.")


def _list_numbers_of_jobs(service: Service) -> Iterator[int]:
    """The numbers in the names of the stack's running jobs; the trainings of a tuning job are not listed apart."""
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
        numbers = (_parse_number(prefix, job[name]) for job in jobs[f"{kind}Summaries"])
        yield from (number for number in numbers if number)


def _parse_number(prefix: str, name: str) -> int | None:
    found = re.fullmatch(re.escape(prefix) + r"(\d+)", name)
    return int(found[1]) if found else None


def _read_ended(service: Service, number: int) -> BuildRecord | None:
    """The record, if it is one of a build that has ended: what runs under another number is not the sweep's."""
    try:
        record = read_build(service, number)
    except BuildNotFoundError:
        return None
    return record if record.has_ended else None


def _again(record: BuildRecord, why: str) -> Unfinished:
    """A build whose outcome is known already; the finish will not change that."""
    return Unfinished(record.number, Ending("FAILED"), why)
