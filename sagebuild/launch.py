"""Starts builds: one at a time, and everything asked for meanwhile becomes the one build that follows."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from sagebuild.errors import AwsUnavailableError, BuildRunningError
from sagebuild.lock import Pending, StackState, change_state, read_state
from sagebuild.names import name_execution
from sagebuild.records import BuildRecord, Trigger, now, read_build
from sagebuild.service import Service, aws_call

# Two callers can meet, ten hardly do; each meeting lets one of them through.
_ATTEMPTS = 10


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


def launch_build(service: Service, trigger: Trigger, sleep: Callable[[float], None] = time.sleep) -> Launched:
    """Start a build, or have one follow the build that runs.

    Raises
    ------
    BuildRunningError
        A rollback was asked for, and it could only follow.
    AwsUnavailableError
        Nothing was started and nothing noted.
    """
    for _ in range(_ATTEMPTS):
        state = read_state(service)
        if state.running is None:
            number = _take_lock(service, state, trigger)
            if number:
                start_execution(service, number)
                return Launched(number, started=True)
        elif trigger.rollback:
            raise BuildRunningError(
                f"Build {state.running} is running, and a rollback does not wait for its end; stop the build, or ask "
                "again when it has ended."
            )
        else:
            waiting = _add_pending(service, state, trigger)
            if waiting:
                _start_again_if_unstarted(service, state.running)
                return Launched(state.running, started=False, waiting=waiting)
        sleep(random.uniform(0.02, 0.2))
    raise AwsUnavailableError("Too many requests for a build arrived at the same moment; try again in a minute.")


def pass_on_lock(service: Service, ended: int) -> int | None:
    """Give an ended build's lock to the build that waits, and start that; without one, free the lock.

    Safe to repeat: a call that died half way is completed by the next.

    Returns
    -------
    int or None
        The number of the build that now runs.
    """
    for _ in range(_ATTEMPTS):
        state = read_state(service)
        if state.running != ended:
            break
        if state.pending is None:
            if change_state(service, state, replace(state, running=None)):
                return None
        elif number := _take_lock(service, state, state.pending.trigger):
            start_execution(service, number)
            return number
    if state.running is not None and state.running != ended:
        _start_again_if_unstarted(service, state.running)
        return state.running
    return None


def start_execution(service: Service, number: int) -> None:
    """Start the state machine for a build; for one that has been started this changes nothing."""
    machine, name = service.setting("STATE_MACHINE_ARN"), name_execution(number)
    with aws_call(f"start build {number}"), suppress(service.stepfunctions.exceptions.ExecutionAlreadyExists):
        service.stepfunctions.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"number": number}))


def _take_lock(service: Service, state: StackState, trigger: Trigger) -> int | None:
    number = state.last_number + 1
    wanted = replace(state, last_number=number, running=number, pending=None)
    requests = state.pending.count if state.pending else 1
    record = BuildRecord(number, trigger, created_at=now().isoformat(), requests=requests)
    return number if change_state(service, state, wanted, record) else None


def _add_pending(service: Service, state: StackState, trigger: Trigger) -> int | None:
    if state.pending:
        pending = replace(state.pending, count=state.pending.count + 1)
    else:
        pending = Pending(trigger, count=1, since=now().isoformat())
    return pending.count if change_state(service, state, replace(state, pending=pending)) else None


def _start_again_if_unstarted(service: Service, number: int) -> None:
    """Whoever took the lock may have died before the start; starting twice is the same start."""
    if read_build(service, number).status == "launching":
        start_execution(service, number)
