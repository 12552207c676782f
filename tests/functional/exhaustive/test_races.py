"""No request is lost and no build runs twice, in any order of calls, and wherever a function dies."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from sagebuild.builds.lock import PipelineState, read_state
from sagebuild.builds.records import Trigger, list_builds, now, update_build
from sagebuild.finish.sweep import GRACE, find_lost_end
from sagebuild.launch.start import launch_builds, pass_on_lock
from sagebuild.launch.triggers import LaunchRequest
from sagebuild.names import execution_prefix, name_execution, parse_execution_name
from sagebuild.service import Service
from tests.functional.conftest import REGION, create_builds_table, empty_moto
from tests.functional.interleaving import Caller, DiedError, Gate, Gated, every_order, run_in_order
from tests.functional.test_pipelines import create

Work = Callable[[Service], object]
ENDED: dict[str, Any] = {
    "status": "succeeded",
    "ended_at": "2026-01-01T00:00:00+00:00",
    "notified_at": "2026-01-01T00:00:01+00:00",
}


class Machine:
    """Step Functions as a launch uses it; it refuses a second build while one runs."""

    exceptions = SimpleNamespace(
        ExecutionAlreadyExists=type("ExecutionAlreadyExists", (Exception,), {}),
        ExecutionDoesNotExist=type("ExecutionDoesNotExist", (Exception,), {}),
    )

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: set[str] = set()

    def start_execution(self, *, name: str, **_arguments: Any) -> None:
        if name in self.started:
            raise self.exceptions.ExecutionAlreadyExists
        pipeline = parse_execution_name(name)[0]
        running = [one for one in self.started if one not in self.ended and parse_execution_name(one)[0] == pipeline]
        assert running == [], f"{name} was started beside another build of its pipeline"
        self.started.append(name)

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        name = executionArn.rpartition(":")[2]
        if name not in self.started:
            raise self.exceptions.ExecutionDoesNotExist
        return {"status": "SUCCEEDED" if name in self.ended else "RUNNING", "stopDate": now() - 2 * GRACE}


class World:
    """An empty builds table, a machine, and callers on them."""

    def __init__(self) -> None:
        self.table = boto3.client("dynamodb", region_name=REGION)
        self.machine = Machine()
        self.service = self.connect(lambda: None)

    def connect(self, gate: Gate, answered: Gate = lambda: None) -> Service:
        """A service whose calls pass these gates."""
        clients = {"dynamodb": self.table, "stepfunctions": self.machine}
        settings = {"BUILDS_TABLE": "builds", "STATE_MACHINE_ARN": "arn:aws:states:::stateMachine:build"}
        return Service(settings, lambda name: Gated(clients[name], gate, answered))

    def clear(self) -> None:
        """Empty the table and the machine."""
        for item in self.table.scan(TableName="builds")["Items"]:
            self.table.delete_item(TableName="builds", Key={name: item[name] for name in ("kind", "number")})
        self.machine.__init__()  # type: ignore[misc]

    def caller(self, work: Work) -> Caller:
        """A caller whose calls each wait for their turn."""
        return lambda gate: work(self.connect(gate))

    def deaths(self, work: Work, prepare: Callable[[], object]) -> Iterator[str]:
        """Let a function die before each of its calls and after each answer; yield where it died."""
        for call, answered in ((number // 2, number % 2 == 1) for number in itertools.count()):
            self.clear()
            prepare()
            count = itertools.count()

            def die(count: Iterator[int] = count, call: int = call) -> None:
                if next(count) == call:
                    raise DiedError

            try:
                work(self.connect(*((lambda: None, die) if answered else (die, lambda: None))))
            except DiedError:
                yield f"{'after' if answered else 'before'} call {call}"
            else:
                assert call > 2, "it made too few calls"
                return

    def end(self, number: int, service: Service) -> None:
        """A build's execution ends, and its finish completes the record and passes on the lock."""
        self.machine.ended.add(name_execution(service, number))
        update_build(service, number, **ENDED)
        pass_on_lock(service, number, sleep=lambda _: None)

    def check(self, requests: int, pipeline: str = "") -> PipelineState:
        """Check that each request counts once, the lock holder runs, and a pending build follows a running one."""
        service = self.service.for_pipeline(pipeline)
        state, records = read_state(service), list_builds(service)
        counted = sum(record.requests for record in records) + (state.pending.count if state.pending else 0)
        assert counted == requests
        started = [name for name in self.machine.started if parse_execution_name(name)[0] == pipeline]
        assert started == [f"{execution_prefix(service)}{number}" for number in range(1, state.last_number + 1)]
        assert len(records) == state.last_number
        assert state.running == (state.last_number if state.pending else state.running)
        return state


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    empty_moto()
    create_builds_table(boto3.client("dynamodb", region_name=REGION))
    return World()


def ask(*names: str) -> Work:
    """Ask for a build with these requests."""
    requests = [LaunchRequest(Trigger("upload", name), name) for name in names]
    return lambda service: launch_builds(service, requests, sleep=lambda _: None)


def sweep(service: Service) -> list[int]:
    """Sweep, and finish the builds that the sweep finds; their numbers."""
    found = [each.number for each in find_lost_end(service, read_state(service), now())]
    for number in found:
        pass_on_lock(service, number, sleep=lambda _: None)
    return found


def test_concurrent_requests_start_one_build_in_every_order(world: World) -> None:
    def run(order: Sequence[int]) -> list[list[int]]:
        world.clear()
        choices = run_in_order([world.caller(ask("a")), world.caller(ask("b"))], order)
        state = world.check(requests=2)
        assert (state.running, state.last_number) == (1, 1)
        return choices

    assert every_order(run) > 10


def test_a_message_delivered_twice_at_once_counts_once_in_every_order(world: World) -> None:
    def run(order: Sequence[int]) -> list[list[int]]:
        world.clear()
        choices = run_in_order([world.caller(ask("a")), world.caller(ask("a"))], order)
        state = world.check(requests=1)
        assert (state.running, state.pending) == (1, None)
        return choices

    assert every_order(run) > 10


def test_two_pipelines_build_side_by_side_in_every_order(world: World) -> None:
    def in_fraud(work: Work) -> Work:
        return lambda service: work(service.for_pipeline("fraud"))

    def run(order: Sequence[int]) -> list[list[int]]:
        world.clear()
        create(world.service, "fraud")
        for work in (ask("first"), in_fraud(ask("first")), in_fraud(ask("a"))):
            work(world.service)
        ending = world.caller(lambda service: world.end(1, service.for_pipeline("fraud")))
        choices = run_in_order([world.caller(ask("a")), ending], order)
        assert (world.check(requests=2).running, world.check(2, "fraud").running) == (1, 2)
        return choices

    assert every_order(run, interruptions=1) > 5


@pytest.mark.parametrize("waiting", [0, 1])
def test_a_build_follows_a_request_at_the_end_of_another_in_every_order(world: World, waiting: int) -> None:
    def run(order: Sequence[int]) -> list[list[int]]:
        world.clear()
        for number in range(1 + waiting):
            ask(f"earlier-{number}")(world.service)
        world.machine.ended.add("build-1")
        ending = world.caller(lambda service: world.end(1, service))
        choices = run_in_order([ending, world.caller(ask("late"))], order)
        state = world.check(requests=2 + waiting)
        assert state.running == 2  # "late" is part of build 2, or pending behind it
        return choices

    assert every_order(run) > 10


def test_an_end_delivered_twice_at_once_starts_one_build_in_every_order(world: World) -> None:
    def run(order: Sequence[int]) -> list[list[int]]:
        world.clear()
        ask("first")(world.service)
        ask("second")(world.service)
        world.machine.ended.add("build-1")
        ending = world.caller(lambda service: pass_on_lock(service, 1, sleep=lambda _: None))
        choices = run_in_order([ending, ending], order)
        assert world.check(requests=2).running == 2
        return choices

    assert every_order(run) > 10


def test_a_launch_that_dies_anywhere_is_completed_by_the_next_delivery(world: World) -> None:
    for between in (None, "b"):
        for died in world.deaths(ask("a"), lambda: None):
            if between:
                ask(between)(world.service)
            ask("a")(world.service)
            state = world.check(requests=2 if between else 1)
            assert (state.running, state.last_number) == (1, 1), died


@pytest.mark.parametrize(
    ("repair", "requests"),
    [(sweep, 2), (lambda service: pass_on_lock(service, 1), 2), (ask("b"), 3)],
    ids=["sweeper", "repetition", "request"],
)
def test_a_finish_that_dies_anywhere_is_completed(world: World, repair: Work, requests: int) -> None:
    def end_a_build() -> None:
        ask("first")(world.service)
        ask("a")(world.service)
        world.machine.ended.add("build-1")
        update_build(world.service, 1, **ENDED)

    for died in world.deaths(lambda service: pass_on_lock(service, 1), end_a_build):
        repair(world.service)
        assert world.check(requests).running == 2, died


def test_a_pending_build_without_a_running_one_is_started_by_the_next_request(world: World) -> None:
    ask("first")(world.service)
    ask("second")(world.service)
    world.machine.ended.add("build-1")
    key = {"kind": {"S": "stack"}, "number": {"N": "0"}}
    world.table.update_item(
        TableName="builds",
        Key=key,
        UpdateExpression="SET running = :none",
        ExpressionAttributeValues={":none": {"NULL": True}},
    )
    ask("third")(world.service)
    state = world.check(requests=3)
    assert (state.running, state.pending) == (2, None)


def test_the_sweep_leaves_a_running_build_and_an_idle_stack_alone(world: World) -> None:
    assert sweep(world.service) == []
    ask("a")(world.service)
    ask("b")(world.service)
    assert sweep(world.service) == []
    state = world.check(requests=2)
    assert (state.running, state.pending is not None) == (1, True)
