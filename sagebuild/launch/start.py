"""Starts builds: one at a time, and everything asked for meanwhile becomes the one build that follows."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from sagebuild.builds.lock import Pending, StackState, change_state, fingerprint_request, read_state, remember
from sagebuild.builds.records import BuildRecord, Trigger, now, read_build
from sagebuild.errors import AwsUnavailableError, BuildRunningError
from sagebuild.launch.triggers import LaunchRequest
from sagebuild.names import name_execution
from sagebuild.parameters.overrides import merge_overrides
from sagebuild.service import Service, aws_call

# Few callers can meet (the queue's function runs twice at most); each meeting lets one of them through.
_ATTEMPTS = 20

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Launched:
    """What became of a request for a build.

    Parameters
    ----------
    number
        The build that was started, or the one that runs already.
    started
        Whether this request started it.
    waiting
        If not: how many requests the build that follows now stands for.
    """

    number: int
    started: bool
    waiting: int = 0


def launch_build(
    service: Service, trigger: Trigger, overrides: Mapping[str, Any] | None = None, sleep: Sleep = time.sleep
) -> Launched:
    """Start a build, or have one follow the build that runs.

    Parameters
    ----------
    overrides
        Parameters for this build alone, in place of the document's.

    Raises
    ------
    BuildRunningError
        A rollback was asked for, and it could only follow.
    AwsUnavailableError
        Nothing was started and nothing noted.
    """
    return launch_builds(service, [LaunchRequest(trigger, uuid4().hex, overrides or {})], sleep)


def launch_builds(service: Service, requests: Sequence[LaunchRequest], sleep: Sleep = time.sleep) -> Launched:
    """Start one build for all these requests, or have one follow the build that runs.

    However many they are, that is one change of the table. A request that was counted before is not counted again.

    Parameters
    ----------
    requests
        At least one, oldest first.

    Raises
    ------
    AwsUnavailableError
        Whether they were counted is unknown; the same call may be repeated.
    """
    taken = 0
    for state in _look(service, sleep):
        new = _leave_out_seen(state, requests)
        if any(request.trigger.rollback for request in new.values()) and (state.running or state.pending):
            raise BuildRunningError(
                f"Build {state.running or state.last_number + 1} is running, and a rollback does not wait for its end; "
                "stop the build, or ask again when it has ended."
            )
        if state.running is None and (new or state.pending):
            number = _take_lock(service, state, new)
            taken = state.last_number + 1
            if number:
                start_execution(service, number)
                return Launched(number, started=True)
        elif not new or _add_pending(service, state, new):
            if state.running:
                _resume_lock_holder(service, state.running)
            waiting = (state.pending.count if state.pending else 0) + len(new)
            started = not new and state.running == taken
            return Launched(state.running or state.last_number, started, 0 if started else waiting)
    raise AwsUnavailableError("Too many requests for a build arrived at the same moment; try again in a minute.")


def pass_on_lock(service: Service, ended: int, sleep: Sleep = time.sleep) -> int | None:
    """Give an ended build's lock to the build that waits, and start that; without one, free the lock.

    Safe to repeat: a call that died half way is completed by the next.

    Returns
    -------
    int or None
        The number of the build that now runs.

    Raises
    ------
    AwsUnavailableError
        The lock is still the ended build's; the call is to be repeated.
    """
    for state in _look(service, sleep):
        if state.running != ended:
            if state.running:
                _resume_lock_holder(service, state.running)
            return state.running
        if not state.pending:
            if change_state(service, state, replace(state, running=None)):
                return None
        elif number := _take_lock(service, state, {}):
            start_execution(service, number)
            return number
    raise AwsUnavailableError(f"Build {ended} has ended and could not pass on its lock; try again in a minute.")


def start_pending(service: Service, sleep: Sleep = time.sleep) -> int | None:
    """Start whatever should run and does not, because somebody died on the way.

    That is a build that has the lock and was never started, one that waits behind a build whose end is recorded, or
    one that waits behind nobody. A build that runs, or whose end nobody has recorded yet, is left alone.

    Returns
    -------
    int or None
        The number of the build that now runs.
    """
    state = read_state(service)
    if state.running is None:
        return launch_builds(service, [], sleep).number if state.pending else None
    if read_build(service, state.running).has_ended:
        return pass_on_lock(service, state.running, sleep)
    _resume_lock_holder(service, state.running)
    return state.running


def start_execution(service: Service, number: int) -> None:
    """Start the state machine for a build; for one that has been started this changes nothing."""
    machine, name = service.settings.state_machine_arn, name_execution(number)
    with aws_call(f"start build {number}"), suppress(service.stepfunctions.exceptions.ExecutionAlreadyExists):
        service.stepfunctions.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"number": number}))


def _look(service: Service, sleep: Sleep) -> Iterator[StackState]:
    """The state, again after each change that somebody else was faster with."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(random.uniform(0.02, 0.2))
        yield read_state(service)


def _leave_out_seen(state: StackState, requests: Sequence[LaunchRequest]) -> dict[str, LaunchRequest]:
    """The requests that were not counted yet, each once, by their prints."""
    seen = set(state.seen.split())
    by_print = {fingerprint_request(request.id): request for request in requests}
    return {mark: request for mark, request in by_print.items() if mark not in seen}


def _take_lock(service: Service, state: StackState, new: Mapping[str, LaunchRequest]) -> int | None:
    """Let the next number have the lock, for what waits and what is new."""
    number = state.last_number + 1
    pending = _coalesce(state.pending, list(new.values()))
    record = BuildRecord(
        number,
        pending.trigger,
        created_at=now().isoformat(),
        requests=pending.count,
        request_kinds=dict(pending.kinds),
        requested_since=pending.since if state.pending else "",
        overrides=pending.overrides,
    )
    wanted = StackState(number, running=number, seen=remember(state.seen, new))
    return number if change_state(service, state, wanted, record) else None


def _add_pending(service: Service, state: StackState, new: Mapping[str, LaunchRequest]) -> bool:
    pending = _coalesce(state.pending, list(new.values()))
    return change_state(service, state, replace(state, pending=pending, seen=remember(state.seen, new)))


def _coalesce(pending: Pending | None, new: Sequence[LaunchRequest]) -> Pending:
    """One build for what waits and what is new; of a parameter that several set, the last value is taken."""
    first = pending or Pending(new[0].trigger, 0, now().isoformat())
    overrides = first.overrides
    for request in new:
        overrides = merge_overrides(overrides, request.overrides)
    kinds = Counter(first.kinds) + Counter(request.trigger.kind for request in new)
    return Pending(first.trigger, first.count + len(new), first.since, dict(kinds), overrides)


def _resume_lock_holder(service: Service, number: int) -> None:
    """Do what whoever had the lock may have died before: the start, which twice is the same start, or passing it on."""
    record = read_build(service, number)
    if record.status == "launching":
        start_execution(service, number)
    elif record.notified_at:
        pass_on_lock(service, number)
