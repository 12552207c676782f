"""One build runs at a time, and no request is lost."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import Lock
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.items import to_item
from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import BuildRecord, Trigger, build_key, list_builds, now, read_build, update_build
from sagebuild.builds.summary import Summary
from sagebuild.errors import AwsUnavailableError, BuildRunningError, PipelineNotFoundError
from sagebuild.launch.merge import OUTDATED
from sagebuild.launch.start import Launched, launch_build, launch_builds, pass_on_lock
from sagebuild.launch.triggers import Expected, LaunchRequest
from sagebuild.names import execution_arn
from tests.functional.conftest import Stack

VOICE = Trigger("voice", "a person")


def lose_writes(stack: Stack, monkeypatch: pytest.MonkeyPatch, count: int) -> list[str]:
    """Let another caller be faster at the next writes of the state; return the list of all writes."""
    call, writes = stack.service.dynamodb._make_api_call, []  # type: ignore[attr-defined]

    def write(operation: str, arguments: Any) -> Any:
        if operation in ("PutItem", "TransactWriteItems"):
            writes.append(operation)
            if len(writes) <= count:
                raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, operation)
        return call(operation, arguments)

    monkeypatch.setattr(stack.service.dynamodb, "_make_api_call", write)
    return writes


def end(stack: Stack, number: int, outcome: str = "failed") -> None:
    """Complete a build's record, as the finish does before it passes on the lock."""
    update_build(stack.service, number, status=outcome, ended_at=f"2026-01-0{number}T00:00:00+00:00")


def test_the_first_request_starts_build_one(stack: Stack) -> None:
    assert launch_build(stack.service, VOICE) == Launched(1, started=True)
    assert stack.executions() == ["build-1"]
    assert read_build(stack.service, 1).trigger == VOICE
    arn = execution_arn(stack.service, 1)
    described = stack.service.stepfunctions.describe_execution(executionArn=arn)
    assert json.loads(described["input"]) == {"number": 1, "pipeline": ""}


def test_a_request_that_is_pending_counts_once(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    for _ in range(2):
        again = launch_builds(stack.service, [LaunchRequest(VOICE, "again")])
        assert again == Launched(1, started=False, waiting=1)


def test_a_request_that_is_delivered_again_counts_once_in_every_state(stack: Stack) -> None:
    one, two, three = (LaunchRequest(VOICE, name) for name in ("one", "two", "three"))
    assert launch_builds(stack.service, [one]) == Launched(1, started=True)
    assert launch_builds(stack.service, [one]) == Launched(1, started=False)
    assert launch_builds(stack.service, [two]).waiting == 1
    assert pass_on_lock(stack.service, 1) == 2
    assert launch_builds(stack.service, [one, two]) == Launched(2, started=False)
    assert pass_on_lock(stack.service, 2) is None
    assert launch_builds(stack.service, [one, two]) == Launched(2, started=False)
    assert launch_builds(stack.service, [three]) == Launched(3, started=True)
    assert launch_builds(stack.service, [one, two, three]) == Launched(3, started=False)
    assert stack.executions() == ["build-1", "build-2", "build-3"]


def test_a_build_whose_write_was_repeated_after_a_lost_answer_is_reported_as_started(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = stack.service.dynamodb._make_api_call  # type: ignore[attr-defined]

    lost: list[str] = []

    def write_twice(operation: str, arguments: Any) -> Any:
        answer = call(operation, arguments)
        if operation != "TransactWriteItems" or lost:
            return answer
        lost.append(operation)
        assert launch_build(stack.service, VOICE).waiting == 1
        return call(operation, arguments)

    monkeypatch.setattr(stack.service.dynamodb, "_make_api_call", write_twice)
    assert launch_build(stack.service, VOICE, sleep=lambda _: None) == Launched(1, started=True)
    assert stack.executions() == ["build-1"]


def test_a_promotion_keeps_its_origin(stack: Stack) -> None:
    origin = {"folder": "any", "manifest": "0"}
    launch_builds(stack.service, [LaunchRequest(Trigger("promotion"), "one", origin=origin)])
    assert read_build(stack.service, 1).origin == origin


def test_a_pipeline_that_does_not_exist_or_is_removed_starts_no_build(stack: Stack) -> None:
    absent = r"^The pipeline sagebuild-test/fraud does not exist; no build was started\.$"
    with pytest.raises(PipelineNotFoundError, match=absent):
        launch_build(stack.service.for_pipeline("fraud"), VOICE)
    state = read_state(stack.service)
    change_state(stack.service, state, replace(state, removed_at="2026-11-30T12:00:00+00:00"))
    with pytest.raises(
        PipelineNotFoundError, match=r"^The pipeline sagebuild-test is being removed; no build was started\.$"
    ):
        launch_build(stack.service, VOICE)
    assert stack.executions() == []


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
        item = build_key(stack.service, number) | to_item(asdict(BuildRecord(number, VOICE, now().isoformat())))
        stack.service.dynamodb.put_item(TableName=stack.service.settings.builds_table, Item=item)
    assert len(list_builds(stack.service)) == min(count, 20)


def test_a_lost_write_is_repeated_after_a_random_pause_that_grows(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_longest(shortest: float, longest: float) -> float:
        assert shortest == 0.02
        return longest

    monkeypatch.setattr(random, "uniform", take_longest)
    pauses: list[float] = []
    lose_writes(stack, monkeypatch, 5)
    assert launch_build(stack.service, VOICE, sleep=pauses.append) == Launched(1, started=True)
    assert pauses == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert stack.executions() == ["build-1"]


def test_a_launch_that_loses_every_write_fails_after_twenty(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    writes = lose_writes(stack, monkeypatch, 100)
    with pytest.raises(
        AwsUnavailableError, match=r"^Too many requests for a build arrived at the same time; try again"
    ):
        launch_build(stack.service, VOICE, sleep=pauses.append)
    assert (len(writes), len(pauses)) == (20, 19)
    assert stack.executions() == []


def test_a_lock_that_cannot_be_passed_on_stays(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    pauses: list[float] = []
    writes = lose_writes(stack, monkeypatch, 100)
    with pytest.raises(AwsUnavailableError, match=r"^Build 1 has ended and could not pass on the lock; try again in a"):
        pass_on_lock(stack.service, 1, pauses.append)
    assert (len(writes), len(pauses), read_state(stack.service).running) == (20, 19, 1)


def test_only_a_finished_build_is_no_longer_examined(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        launch_build(stack.service, VOICE)
        pass_on_lock(stack.service, number)
    assert read_state(stack.service).unfinished == (1, 2, 3)
    pass_on_lock(stack.service, 3, is_finished=True)
    assert read_state(stack.service).unfinished == (1, 2)
    launch_build(stack.service, VOICE)
    assert pass_on_lock(stack.service, 4, is_finished=True) is None
    assert read_state(stack.service).unfinished == (1, 2)
    pauses: list[float] = []
    lose_writes(stack, monkeypatch, 1)
    assert pass_on_lock(stack.service, 2, pauses.append, is_finished=True) is None
    assert (read_state(stack.service).unfinished, len(pauses)) == ((1,), 1)


def test_passing_on_a_lock_that_is_passed_on_writes_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(stack.service, VOICE)
    pass_on_lock(stack.service, 1)
    writes = lose_writes(stack, monkeypatch, 0)
    assert pass_on_lock(stack.service, 1) is None
    assert writes == []


def test_a_removal_drops_the_pending_build(stack: Stack) -> None:
    for _ in range(2):
        launch_build(stack.service, VOICE)
    state = read_state(stack.service)
    change_state(stack.service, state, replace(state, removed_at="2026-11-30T12:00:00+00:00"))
    assert pass_on_lock(stack.service, 1) is None
    state = read_state(stack.service)
    assert (state.running, state.pending, state.last_number) == (None, None, 1)
    assert stack.executions() == ["build-1"]


def test_the_summary_is_of_the_newest_build_that_has_ended(stack: Stack) -> None:
    def summarized(number: int) -> Summary | None:
        pass_on_lock(stack.service, number)
        return read_state(stack.service).summary

    for _ in range(2):
        launch_build(stack.service, VOICE)
    assert summarized(1) is None  # its record is not complete
    end(stack, 1)
    first = Summary(1, "failed", "2026-01-01T00:00:00+00:00")
    assert summarized(1) == first  # while build 2 runs
    end(stack, 1, "stopped")
    assert summarized(1) == first
    end(stack, 2)
    assert summarized(2) == Summary(2, "failed", "2026-01-02T00:00:00+00:00")
    launch_build(stack.service, VOICE)
    end(stack, 3)
    assert summarized(2) == Summary(2, "failed", "2026-01-02T00:00:00+00:00")
    assert summarized(3) == Summary(3, "failed", "2026-01-03T00:00:00+00:00")
    assert summarized(1) == Summary(3, "failed", "2026-01-03T00:00:00+00:00")


def test_an_older_build_gives_no_summary(stack: Stack) -> None:
    for number in (1, 2):
        launch_build(stack.service, VOICE)
        pass_on_lock(stack.service, number)
    end(stack, 1)
    pass_on_lock(stack.service, 1)
    assert read_state(stack.service).summary is None


def test_a_build_keeps_the_commit_and_the_times_of_its_requests(stack: Stack) -> None:
    requests = [LaunchRequest(VOICE, name, commit=commit) for name, commit in (("a", "aaa"), ("b", "bbb"), ("c", ""))]
    assert launch_builds(stack.service, requests) == Launched(1, started=True)
    first = read_build(stack.service, 1)
    assert (first.project_commit, first.requests, first.request_kinds) == ("bbb", 3, {"voice": 3})
    assert first.requested_since == ""
    launch_builds(stack.service, [LaunchRequest(VOICE, "d", commit="ddd")])
    assert launch_builds(stack.service, [LaunchRequest(Trigger("upload"), "e")]) == Launched(1, False, waiting=2)
    pending = read_state(stack.service).pending
    assert pass_on_lock(stack.service, 1) == 2
    second = read_build(stack.service, 2)
    assert pending
    assert (second.project_commit, second.requested_since) == ("ddd", pending.since)
    assert (second.trigger, second.request_kinds) == (VOICE, {"voice": 1, "upload": 1})
    assert first.created_at < pending.since < second.created_at


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (LaunchRequest(Trigger("voice", rollback="previous"), "b"), "rollback"),
        (LaunchRequest(Trigger("promotion"), "b", origin={"folder": "any", "manifest": "0"}), "promotion"),
    ],
)
def test_a_build_of_its_own_waits_for_no_other(stack: Stack, request_: LaunchRequest, what: str) -> None:
    launch_build(stack.service, VOICE)
    message = (
        f"^Build 1 is running, and a {what} does not wait for its end; stop the build, or request the {what} again"
    )
    with pytest.raises(BuildRunningError, match=message):
        launch_builds(stack.service, [request_])
    launch_build(stack.service, VOICE)
    state = read_state(stack.service)
    assert state.pending
    assert state.pending.count == 1
    change_state(stack.service, state, replace(state, running=None))  # a state that no version writes
    with pytest.raises(BuildRunningError, match=r"^Build 2 is running"):
        launch_builds(stack.service, [request_])


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        (Expected(2, 2, '{"maxcost": 5}'), True),
        (Expected(1, 2, '{"maxcost": 5}'), False),
        (Expected(2, 0, '{"maxcost": 5}'), False),
        (Expected(2, 2, ""), False),
    ],
)
def test_a_confirmed_request_is_refused_in_another_state(stack: Stack, expected: Expected, fits: bool) -> None:
    for _ in range(2):
        launch_build(stack.service, VOICE)
    pass_on_lock(stack.service, 1)
    launch_build(stack.service, VOICE, {"maxcost": 5})
    requests = [LaunchRequest(VOICE, "confirmed", expected=expected), LaunchRequest(VOICE, "any")]
    refused = {} if fits else {"confirmed": OUTDATED}
    assert launch_builds(stack.service, requests) == Launched(2, False, 3 if fits else 2, refused)


def test_a_request_is_confirmed_for_an_idle_pipeline(stack: Stack) -> None:
    present, past = (LaunchRequest(VOICE, str(number), expected=Expected(number, 0, "")) for number in (0, 1))
    assert launch_builds(stack.service, [present, past]) == Launched(1, started=True, refused={"1": OUTDATED})
