"""Finds builds that a lost event, a failed function or an aborted execution left unfinished, and finishes them.

The finish of a build can be repeated at any time, so the sweep only finds the builds. It repairs two things itself: it
starts an execution that a failed launch did not start, and sends a stored approval that did not reach its build.

One query reads the states of all pipelines, and each list of running work is read once for the whole stack. Further
calls are for builds that run or are not confirmed as finished, never for idle pipelines.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sagebuild.builds.lock import PipelineState, change_state, list_states
from sagebuild.builds.records import BuildRecord, list_builds, now, read_build
from sagebuild.errors import BuildNotFoundError
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import start_execution
from sagebuild.log_keys import log_about
from sagebuild.names import (
    execution_arn,
    name_execution,
    parse_resource_name,
    parse_stack_resource,
    parse_step_job,
    parse_tuning_name,
    stack_prefix,
)
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.image_builds import find_running_tags
from sagebuild.service import LARGE_PAGES, Service, aws_call
from sagebuild.steps.approval import deliver_answer

_log = logging.getLogger("sagebuild")
# Until then, the execution's own event may finish the build; a second finish is harmless and needless.
GRACE = timedelta(minutes=2)
# How long after its end a build that did not succeed is examined for work that appears late.
LATE = timedelta(hours=1)


@dataclass(frozen=True)
class Unfinished:
    """A build whose finish must be repeated, and why."""

    pipeline: str
    number: int
    ending: Ending
    why: str


@dataclass(frozen=True)
class RunningWork:
    """What runs in the whole stack: the builds that jobs belong to, by pipeline, and the tags of image builds."""

    jobs: Mapping[str, Collection[int]]
    image_tags: Collection[str]


def sweep_builds(service: Service, at: datetime) -> list[str]:
    """Repeat the finish of each unfinished build of the stack.

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
    reasons = []
    for each in unfinished:
        bound = service.for_pipeline(each.pipeline)
        reasons.append(f"Build {each.number} of {bound.label}: {each.why}")
        with log_about(each.pipeline, each.number):
            _log.warning("finished again: %s", reasons[-1])
        repeat_finish(bound, each)
    return reasons


def find_unfinished(service: Service, at: datetime) -> list[Unfinished]:
    """Return the builds of all pipelines that have ended and are not finished, each once, the oldest of each first.

    Builds that are confirmed as finished are removed from the states, so that the next sweep skips them.
    """
    states = list_states(service)
    work = _find_work(service, states)
    return [
        each for state in states for each in _find_in_pipeline(service.for_pipeline(state.pipeline), state, work, at)
    ]


def _find_in_pipeline(service: Service, state: PipelineState, work: RunningWork, at: datetime) -> list[Unfinished]:
    found = {each.number: each for each in find_lost_end(service, state, at)}
    confirmed = set()
    for record in _read_ended(service, state, work):
        why = _explain_undone(service, state, record, work, at)
        if why:
            found.setdefault(record.number, _repeat(service, record, why))
        elif _is_confirmed(state, record, at):
            confirmed.add(record.number)
    _remove_confirmed(service, state, confirmed)
    return sorted(found.values(), key=lambda each: each.number)


def repeat_finish(service: Service, unfinished: Unfinished) -> None:
    """Invoke the finish with an event like the one that was lost or failed."""
    ending = unfinished.ending
    stopped_at = ending.stopped_at or now()
    detail = {
        "name": name_execution(service, unfinished.number),
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


def find_lost_end(service: Service, state: PipelineState, at: datetime) -> Iterator[Unfinished]:
    """Yield the build that has the lock, if its execution has ended or will never start."""
    if state.running is None:
        return
    record = read_build(service, state.running)
    if record.has_ended:
        yield _repeat(service, record, "it has ended and still has the lock.")
        return
    execution = _describe_execution(service, record.number)
    if execution is None and record.status == "launching" and not state.removed_at:
        start_execution(service, record.number)
    elif execution is None:
        yield Unfinished(service.pipeline, record.number, _explain_absence(record), "it has no execution.")
    elif execution["status"] == "RUNNING":
        deliver_answer(service, record)
    elif execution["stopDate"] <= at - GRACE:
        error, cause, output = (execution.get(name, "") for name in ("error", "cause", "output"))
        ending = Ending(execution["status"], error, cause, execution["stopDate"], output)
        why = "its execution has ended, and the build is not finished."
        yield Unfinished(service.pipeline, record.number, ending, why)


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


def _read_ended(service: Service, state: PipelineState, work: RunningWork) -> Iterator[BuildRecord]:
    """Yield the ended builds that may not be finished; a job may also belong to an older one.

    A state of version 0.1 has no list of unfinished builds; the newest builds stand for it.
    """
    if state.unfinished is None:
        records = {record.number: record for record in list_builds(service)}
    else:
        records = dict(_read_all(service, state.unfinished))
    records |= _read_all(service, set(work.jobs.get(state.pipeline, ())) - records.keys())
    yield from (record for record in records.values() if record.has_ended)


def _read_all(service: Service, numbers: Collection[int]) -> Iterator[tuple[int, BuildRecord]]:
    for number in numbers:
        try:
            yield number, read_build(service, number)
        except BuildNotFoundError:  # a job of the same name that no build started
            continue


def _explain_undone(
    service: Service, state: PipelineState, record: BuildRecord, work: RunningWork, at: datetime
) -> str:
    """Return what is left to do for an ended build; empty without anything."""
    if not record.notified_at:
        return "its notification may not have been published."
    if record.number in work.jobs.get(state.pipeline, ()):
        return "one of its jobs is still running."
    if not set(record.image_builds).isdisjoint(work.image_tags):
        return "one of its image builds is still running."
    has_given_up = record.restore_failed and datetime.fromisoformat(record.ended_at) < at - LATE
    if record.has_succeeded or state.running is not None or has_given_up:
        return ""
    endpoint = describe_endpoint(service)
    is_live = endpoint is not None and parse_resource_name(service, endpoint.config) == record.number
    return "it did not succeed, and its endpoint configuration is live." if is_live else ""


def _is_confirmed(state: PipelineState, record: BuildRecord, at: datetime) -> bool:
    """Return whether nothing of an ended build can appear any more."""
    if record.status in ("succeeded", "withheld"):
        return True
    return state.running is None and datetime.fromisoformat(record.ended_at) < at - LATE


def _remove_confirmed(service: Service, state: PipelineState, confirmed: Collection[int]) -> None:
    """Remove confirmed builds from the state. After a lost write, the next sweep does it."""
    unfinished = state.unfinished
    if unfinished is None:
        unfinished = tuple(record.number for record in list_builds(service))
    left = tuple(number for number in unfinished if number not in confirmed)
    if left != state.unfinished:
        change_state(service, state, replace(state, unfinished=left))


def _repeat(service: Service, record: BuildRecord, why: str) -> Unfinished:
    """Return a build that has its outcome, which the repeated finish does not change."""
    return Unfinished(service.pipeline, record.number, Ending("FAILED"), why)


def _find_work(service: Service, states: Collection[PipelineState]) -> RunningWork:
    """Find the running work of all pipelines: one list of each kind."""
    sagemaker, jobs = service.sagemaker, defaultdict[str, set[int]](set)
    for name in _list_running(sagemaker, "list_training_jobs", "TrainingJob", stack_prefix(service)):
        if found := parse_stack_resource(service, name):
            jobs[found[0]].add(found[1])
    key = f"-{service.stack_key}-"
    tunings = list(_list_running(sagemaker, "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJob", key))
    steps = [
        *_list_running(sagemaker, "list_processing_jobs", "ProcessingJob", key),
        *_list_running(sagemaker, "list_transform_jobs", "TransformJob", key),
    ]
    for state in states if tunings or steps else ():
        bound = service.for_pipeline(state.pipeline)
        jobs[state.pipeline] |= {number for name in tunings if (number := parse_tuning_name(bound, name)) is not None}
        jobs[state.pipeline] |= {step[0] for name in steps if (step := parse_step_job(bound, name))}
    return RunningWork(jobs, find_running_tags(service))


def _list_running(sagemaker: Any, operation: str, kind: str, contained: str) -> Iterator[str]:
    with aws_call("list the running jobs"):
        pages = sagemaker.get_paginator(operation).paginate(
            NameContains=contained, StatusEquals="InProgress", PaginationConfig=LARGE_PAGES
        )
        for page in pages:
            yield from (job[f"{kind}Name"] for job in page[f"{kind}Summaries"])
