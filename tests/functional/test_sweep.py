"""The sweep finds each build that is not finished, says why, and invokes the finish with the end that was lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import Trigger, now, update_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.event import finish_execution
from sagebuild.finish.sweep import Unfinished, find_unfinished, repeat_finish, sweep_builds
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource, name_step_job, name_tuning_job
from sagebuild.service import Service
from tests.functional.conftest import Stack
from tests.functional.exhaustive.test_sweep import World
from tests.functional.test_finish import deploy, never_sleep
from tests.functional.test_pipelines import create

VOICE = Trigger("voice")
FAILED = Ending("FAILED", "E", "why")
END = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def world(stack: Stack) -> World:
    return World(stack)


def find(world: World, at: datetime | None = None) -> list[tuple[str, int, str]]:
    """The pipeline and number of each unfinished build, and why."""
    found = find_unfinished(world.service, at or now())
    return [(each.pipeline, each.number, each.why) for each in found]


def fail(service: Service, number: int = 1, **changes: Any) -> None:
    """A build that has failed, at a fixed time."""
    launch_build(service, VOICE)
    finish_build(service, number, FAILED, never_sleep)
    update_build(service, number, ended_at=END.isoformat(), **changes)


def collect_events(world: World) -> list[dict[str, Any]]:
    """Collect the invocations of the finish."""
    world.stack.settings["FINISH_FUNCTION_ARN"] = "the-finish"
    invoked: list[dict[str, Any]] = []
    world.service.__dict__["functions"] = SimpleNamespace(invoke=lambda **call: invoked.append(call))
    return invoked


def test_the_sweep_repeats_the_end_of_an_execution(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    invoked = collect_events(world)
    launch_build(world.service, VOICE)
    described = {"status": "FAILED", "error": "E", "cause": "why", "stopDate": END}
    monkeypatch.setattr(world.service.stepfunctions, "describe_execution", lambda **_: described)
    assert sweep_builds(world.service, END + timedelta(minutes=1, seconds=59)) == []
    reason = "its execution has ended, and the build is not finished."
    assert sweep_builds(world.service, END + timedelta(minutes=2)) == [f"Build 1 of sagebuild-test: {reason}"]
    (call,) = invoked
    assert (call["FunctionName"], call["InvocationType"]) == ("the-finish", "Event")
    detail = json.loads(call["Payload"])["detail"]
    ended = {"name": "build-1", "status": "FAILED", "error": "E", "cause": "why", "output": ""}
    assert detail == ended | {"stopDate": END.timestamp() * 1000}
    record = finish_execution(world.service, detail, "one", never_sleep)
    assert record
    assert (record.status, record.reason) == ("failed", "why")


def test_the_sweep_passes_on_the_output_of_an_execution(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_build(world.service, VOICE)
    described = {"status": "SUCCEEDED", "output": '{"withheld": "why"}', "stopDate": END}
    monkeypatch.setattr(world.service.stepfunctions, "describe_execution", lambda **_: described)
    (found,) = find_unfinished(world.service, now())
    assert found.ending == Ending("SUCCEEDED", "", "", END, '{"withheld": "why"}')


def test_an_end_without_a_time_ends_now(world: World) -> None:
    (invoked, begun) = collect_events(world), now()
    repeat_finish(world.service, Unfinished("", 3, Ending("ABORTED"), "any"))
    detail = json.loads(invoked[0]["Payload"])["detail"]
    assert begun.timestamp() - 1 < detail["stopDate"] / 1000 < now().timestamp() + 1


def test_the_builds_of_all_pipelines_are_found_the_oldest_first(world: World) -> None:
    fraud = create(world.service, "fraud")
    for service in (fraud, world.service):
        for number in (1, 2, 3):
            fail(service, number, notified_at="")
        launch_build(service, VOICE)
        update_build(service, 4, status="failed", ended_at=END.isoformat(), notified_at="yes")
    lost, held = "its notification may not have been published.", "it has ended and still has the lock."
    one = [(1, lost), (2, lost), (3, lost), (4, held)]
    assert find(world) == [(name, number, why) for name in ("", "fraud") for number, why in one]
    assert [each.ending for each in find_unfinished(world.service, now())] == [Ending("FAILED")] * 8


def test_work_that_goes_on_after_its_build_is_found(world: World) -> None:
    fraud = create(world.service, "fraud")
    for number, changes in enumerate(({}, {}, {"image_builds": ["3-training", "3-source"]}, {}), 1):
        fail(fraud, number, **changes)
    world.begin_training(1)
    world.jobs = {name_resource(fraud, 1): "InProgress", name_resource(world.service, 1): "InProgress"}
    step = name_step_job(fraud, 2, "transform")
    world.step_jobs = {("Transform", step): "InProgress", ("Processing", name_step_job(fraud, 4, "a")): "Stopped"}
    world.image_builds = {"3-source": "IN_PROGRESS", "4-training": "IN_PROGRESS"}
    job, image = "one of its jobs is still running.", "one of its image builds is still running."
    assert find(world) == [("fraud", 1, job), ("fraud", 2, job), ("fraud", 3, image)]


def test_a_tuning_that_goes_on_after_its_build_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fraud = create(world.service, "fraud")
    fail(fraud)
    fail(world.service)
    names = [{"HyperParameterTuningJobName": name} for name in (name_tuning_job(fraud, 1), "strange-name")]
    answer = world._answer

    def list_tunings(operation: str, asked: dict[str, Any]) -> Any:
        if operation != "ListHyperParameterTuningJobs":
            return answer(operation, asked)
        assert (asked["StatusEquals"], asked["MaxResults"]) == ("InProgress", 100)
        return SimpleNamespace(status_code=200), {
            "HyperParameterTuningJobSummaries": [each for each in names if asked["NameContains"] in str(each)],
            "ResponseMetadata": {"HTTPStatusCode": 200},
        }

    monkeypatch.setattr(world, "_answer", list_tunings)
    assert find(world) == [("fraud", 1, "one of its jobs is still running.")]


def test_a_job_of_an_older_build_than_the_unfinished_ones_is_found(world: World) -> None:
    fail(world.service)
    state = read_state(world.service)
    change_state(world.service, state, replace(state, unfinished=()))
    for number in (8, 1):  # a set of numbers begins with 8, of which there is no build
        world.begin_training(number)
    assert find(world) == [("", 1, "one of its jobs is still running.")]


def test_an_endpoint_of_a_failed_build_is_found_for_an_hour_after_a_failed_restoration(world: World) -> None:
    fail(world.service)
    deploy(world.service, 1)
    live = [("", 1, "it did not succeed, and its endpoint configuration is live.")]
    assert find(world, END + timedelta(days=1)) == live
    update_build(world.service, 1, restore_failed=True)
    assert find(world, END + timedelta(hours=1)) == live
    assert read_state(world.service).unfinished == (1,)
    assert find(world, END + timedelta(hours=1, seconds=1)) == []
    assert read_state(world.service).unfinished == ()


def test_an_endpoint_is_left_to_the_build_that_runs(world: World) -> None:
    fail(world.service)
    deploy(world.service, 1)
    launch_build(world.service, VOICE)
    assert find(world, END + timedelta(days=1)) == []
    assert read_state(world.service).unfinished == (1, 2)


def test_an_endpoint_of_another_build_is_no_reason(world: World) -> None:
    launch_build(world.service, VOICE)
    deploy(world.service, 1)
    finish_build(world.service, 1, Ending("SUCCEEDED"), never_sleep)
    fail(world.service, 2)
    assert find(world) == []


@pytest.mark.parametrize("status", ["succeeded", "withheld"])
def test_a_build_that_is_confirmed_is_examined_no_more(world: World, status: str) -> None:
    fail(world.service)
    fail(world.service, 2, status=status)
    fail(world.service, 3)
    assert find(world, END + timedelta(hours=1)) == []
    assert read_state(world.service).unfinished == (1, 3)
    version = read_state(world.service).version
    assert find(world, END + timedelta(hours=1)) == []
    assert read_state(world.service).version == version
    assert find(world, END + timedelta(hours=1, seconds=1)) == []
    assert read_state(world.service).unfinished == ()


def test_a_launch_that_did_not_start_its_execution_is_completed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("sagebuild.launch.start.start_execution", lambda *_: None)
        launch_build(world.service, VOICE)
    assert world.stack.executions() == []
    assert find(world) == []
    assert world.stack.executions() == ["build-1"]


@pytest.mark.parametrize("stopped_by", ["", "voice"])
def test_a_build_without_an_execution_ends(world: World, stopped_by: str) -> None:
    launch_build(world.service, VOICE)
    update_build(world.service, 1, status="running", stop_requested_by=stopped_by)
    world.stack.settings["STATE_MACHINE_ARN"] += "-new"
    (found,) = find_unfinished(world.service, now())
    gone = "The execution no longer exists: its state machine was replaced or deleted while it ran."
    ending = Ending("ABORTED") if stopped_by else Ending("FAILED", "ExecutionGoneError", gone)
    assert found == Unfinished("", 1, ending, "it has no execution.")
