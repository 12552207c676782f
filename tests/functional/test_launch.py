"""One build runs at a time, and no request is lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any

import pytest

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import BuildRecord, Trigger, list_builds, now, read_build, update_build
from sagebuild.launch.start import Launched, launch_build, pass_on_lock
from tests.functional.conftest import Stack

VOICE = Trigger("voice", "a person")


def test_the_first_request_starts_build_one(stack: Stack) -> None:
    assert launch_build(stack.service, VOICE) == Launched(1, started=True)
    assert stack.executions() == ["build-1"]
    assert read_build(stack.service, 1).trigger == VOICE


def test_a_record_of_the_first_version_is_read(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, prices_of="2026-05-20", cost_most=1.5)
    record = read_build(stack.service, 1)
    assert (record.prices_date, record.cost_max) == ("2026-05-20", 1.5)


def test_requests_during_a_build_become_the_pending_build(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    answers = [launch_build(stack.service, Trigger("topic", str(i))) for i in range(5)]
    assert answers[-1] == Launched(1, started=False, waiting=5)
    assert stack.executions() == ["build-1"]

    assert pass_on_lock(stack.service, 1) == 2
    second = read_build(stack.service, 2)
    assert (second.trigger, second.requests) == (Trigger("topic", "0"), 5)
    assert stack.executions() == ["build-1", "build-2"]
    assert pass_on_lock(stack.service, 2) is None
    assert read_state(stack.service).running is None


def test_two_concurrent_requests_start_one_build(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    call, lock = stack.service.dynamodb._make_api_call, Lock()  # type: ignore[attr-defined]

    def call_alone(operation: str, arguments: Any) -> Any:
        with lock:  # moto compares and writes in two steps, DynamoDB in one
            return call(operation, arguments)

    monkeypatch.setattr(stack.service.dynamodb, "_make_api_call", call_alone)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda i: launch_build(stack.service, Trigger("topic", str(i))), range(6)))
    assert sum(answer.started for answer in answers) == 1
    state = read_state(stack.service)
    assert state.pending
    assert state.pending.count == 5
    assert stack.executions() == ["build-1"]


def test_a_change_of_a_stale_state_writes_nothing(stack: Stack) -> None:
    seen = read_state(stack.service)
    launch_build(stack.service, VOICE)
    record = BuildRecord(7, VOICE, created_at=now().isoformat())
    assert not change_state(stack.service, seen, replace(seen, running=7, last_number=7), record)
    assert [build.number for build in list_builds(stack.service)] == [1]


def test_the_next_launch_completes_one_that_died_between_lock_and_start(stack: Stack) -> None:
    state = read_state(stack.service)
    record = BuildRecord(1, VOICE, created_at=now().isoformat())
    assert change_state(stack.service, state, replace(state, running=1, last_number=1), record)
    assert stack.executions() == []
    launch_build(stack.service, VOICE)
    assert stack.executions() == ["build-1"]


def test_passing_on_the_lock_twice_starts_one_build(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE)
    assert pass_on_lock(stack.service, 1) == 2
    assert pass_on_lock(stack.service, 1) == 2
    assert stack.executions() == ["build-1", "build-2"]


def test_numbers_grow_and_the_newest_build_comes_first(stack: Stack) -> None:
    for number in (1, 2, 3):
        assert launch_build(stack.service, VOICE).number == number
        pass_on_lock(stack.service, number)
    assert [build.number for build in list_builds(stack.service, limit=2)] == [3, 2]


@pytest.mark.parametrize("count", [0, 1, 40])
def test_list_builds_returns_as_many_as_exist(stack: Stack, count: int) -> None:
    for number in range(1, count + 1):
        launch_build(stack.service, VOICE)
        pass_on_lock(stack.service, number)
    assert len(list_builds(stack.service)) == min(count, 20)
