"""Starts builds, one at a time in each pipeline; all requests during a build become one pending build."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from sagebuild.builds.lock import (
    PipelineState,
    change_state,
    read_seen,
    read_state,
    remember,
)
from sagebuild.builds.records import BuildRecord, Trigger, now, read_build
from sagebuild.builds.summary import summarize
from sagebuild.errors import (
    AwsUnavailableError,
    BuildRunningError,
    InvalidValueError,
    PipelineNotFoundError,
)
from sagebuild.launch.merge import coalesce, leave_out_seen, refuse_conflicts
from sagebuild.launch.triggers import LaunchRequest
from sagebuild.names import name_execution
from sagebuild.service import Service, aws_call

# Callers compete during a burst: Lambda runs the queue's function five times at once, and more often while it lasts.
# One of them succeeds in each round; the pauses become longer, and take at most ten seconds together on average.
_ATTEMPTS = 20
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0  # seconds

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Launched:
    """The result of a request for a build.

    Parameters
    ----------
    number
        The build that was started, or the one that is running.
    started
        Whether this request started the build.
    waiting
        Otherwise, the number of requests that the pending build now covers.
    refused
        The reasons for which requests were refused, by the requests' ids.
    """

    number: int
    started: bool
    waiting: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)


def launch_build(
    service: Service, trigger: Trigger, overrides: Mapping[str, Any] | None = None, sleep: Sleep = time.sleep
) -> Launched:
    """Start a build, or make it pending while another one runs.

    Parameters
    ----------
    overrides
        Parameters for this build only, in place of the document's.

    Raises
    ------
    BuildRunningError
        The request is a rollback and a build is running.
    InvalidValueError
        The overrides do not fit those of an earlier request for the same build.
    PipelineNotFoundError
        The pipeline does not exist, or it is being removed.
    AwsUnavailableError
        Nothing was started and no request was counted.
    """
    launched = launch_builds(service, [LaunchRequest(trigger, uuid4().hex, overrides or {})], sleep)
    for reason in launched.refused.values():
        raise InvalidValueError(reason)
    return launched


def launch_builds(service: Service, requests: Sequence[LaunchRequest], sleep: Sleep = time.sleep) -> Launched:
    """Start one build for all these requests, or make it pending while another one runs.

    That is one write, for any number of requests. A repeated request counts once. A request is refused if its overrides
    do not fit those of an earlier request for the same build.

    Parameters
    ----------
    requests
        At least one, oldest first.

    Raises
    ------
    BuildRunningError, PipelineNotFoundError
        See `launch_build`.
    AwsUnavailableError
        It is unknown whether the requests were counted; repeat the same call.
    """
    taken = 0
    for state in _read_until_written(service, sleep):
        if state.removed_at or not state.exists:
            raise PipelineNotFoundError(
                f"The pipeline {service.label} {'is being removed' if state.removed_at else 'does not exist'}; "
                "no build was started."
            )
        seen = read_seen(service, state)
        new, refused = refuse_conflicts(service, state, leave_out_seen(seen, requests))
        if any(request.is_alone for request in new.values()) and (state.running or state.pending):
            what = "promotion" if any(request.origin for request in new.values()) else "rollback"
            raise BuildRunningError(
                f"Build {state.running or state.last_number + 1} is running, and a {what} does not wait for its end; "
                f"stop the build, or request the {what} again when it has ended."
            )
        if state.running is None and (new or state.pending):
            number = _take_lock(service, state, new, seen)
            taken = state.last_number + 1
            if number:
                start_execution(service, number)
                return Launched(number, started=True, refused=refused)
        elif not new or _add_pending(service, state, new, seen):
            if state.running:
                _resume_lock_holder(service, state.running)
            waiting = (state.pending.count if state.pending else 0) + len(new)
            started = not new and state.running == taken
            return Launched(state.running or state.last_number, started, 0 if started else waiting, refused)
    raise AwsUnavailableError("Too many requests for a build arrived at the same time; try again in a minute.")


def pass_on_lock(service: Service, ended: int, sleep: Sleep = time.sleep, *, is_finished: bool = False) -> int | None:
    """Pass an ended build's lock to the pending build and start it, or free the lock.

    Safe to repeat: the next call completes a call that died.

    Parameters
    ----------
    is_finished
        Whether nothing of the ended build is left to do, so that the sweep need not look at it again.

    Returns
    -------
    int or None
        The number of the running build.

    Raises
    ------
    AwsUnavailableError
        The ended build still holds the lock; repeat the call.
    """
    for state in _read_until_written(service, sleep):
        rest = tuple(number for number in state.unfinished or () if number != ended)
        left = replace(state, unfinished=rest) if is_finished and state.unfinished else state
        left = _summarize_end(service, left, ended)
        if state.running != ended:
            if left != state and not change_state(service, state, left):
                continue
            if state.running:
                _resume_lock_holder(service, state.running)
            return state.running
        if not state.pending or state.removed_at:  # a removal starts no build, and drops the pending one
            if change_state(service, state, replace(left, running=None, pending=None)):
                return None
        elif number := _take_lock(service, left, {}):
            start_execution(service, number)
            return number
    raise AwsUnavailableError(f"Build {ended} has ended and could not pass on the lock; try again in a minute.")


def _summarize_end(service: Service, state: PipelineState, ended: int) -> PipelineState:
    """Return the state with the summary of an ended build, unless it has that of this build or a later one."""
    is_newest = ended in (state.running, state.newest_ended)
    if not is_newest or (state.summary and state.summary.number >= ended):
        return state
    record = read_build(service, ended)
    return replace(state, summary=summarize(service, record)) if record.has_ended else state


def start_execution(service: Service, number: int) -> None:
    """Start the state machine for a build, unless it was started."""
    machine, name = service.settings.state_machine_arn, name_execution(service, number)
    content = json.dumps({"number": number, "pipeline": service.pipeline})
    with aws_call(f"start build {number}"), suppress(service.stepfunctions.exceptions.ExecutionAlreadyExists):
        service.stepfunctions.start_execution(stateMachineArn=machine, name=name, input=content)


def _read_until_written(service: Service, sleep: Sleep) -> Iterator[PipelineState]:
    """Yield the state again after each lost write."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(random.uniform(_SHORTEST_PAUSE, min(0.1 * 2**attempt, _LONGEST_PAUSE)))
        yield read_state(service)


def _take_lock(
    service: Service, state: PipelineState, new: Mapping[str, LaunchRequest], seen: Sequence[str] = ()
) -> int | None:
    """Give the lock to a new build for all requests; return its number, or None after a lost write."""
    number = state.last_number + 1
    pending = coalesce(state.pending, list(new.values()))
    record = BuildRecord(
        number,
        pending.trigger,
        created_at=now().isoformat(),
        requests=pending.count,
        request_kinds=dict(pending.kinds),
        requested_since=pending.since if state.pending else "",
        overrides=pending.overrides,
        origin=next((dict(request.origin) for request in new.values() if request.origin), {}),
        project_commit=pending.commit,
    )
    unfinished = None if state.unfinished is None else (*state.unfinished, number)
    wanted = replace(state, last_number=number, running=number, pending=None, unfinished=unfinished)
    fingerprints = remember(seen, new) if new else None
    return number if change_state(service, state, wanted, record, fingerprints) else None


def _add_pending(service: Service, state: PipelineState, new: Mapping[str, LaunchRequest], seen: Sequence[str]) -> bool:
    pending = coalesce(state.pending, list(new.values()))
    return change_state(service, state, replace(state, pending=pending), fingerprints=remember(seen, new))


def _resume_lock_holder(service: Service, number: int) -> None:
    """Start the lock holder's execution or pass its lock on. Both are idempotent."""
    record = read_build(service, number)
    if record.status == "launching":
        start_execution(service, number)
    elif record.notified_at:
        pass_on_lock(service, number)
