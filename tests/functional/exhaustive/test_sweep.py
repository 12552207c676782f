"""Wherever a function dies, the sweep or the next event finishes every build once."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from moto.sagemaker.models import sagemaker_backends

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import BuildRecord, StepJob, Trigger, now, read_build, update_build
from sagebuild.errors import StillRunningError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.sweep import find_unfinished
from sagebuild.launch.start import launch_build
from sagebuild.names import execution_arn, name_resource, name_step_job
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.step_jobs import to_attributes
from sagebuild.running.stop import stop_build
from sagebuild.service import Service
from tests.functional.conftest import REGION, Stack, client, create_stack, empty_moto
from tests.functional.test_finish import deploy, never_sleep

VOICE = Trigger("voice")
TOMORROW = timedelta(days=1)
ABORTED = Ending("ABORTED", "BuildStopped", "Stopped by voice.")


class DeathError(BaseException):
    """A Lambda function's process died: no handler catches it, and its later calls are not made."""


class World:
    """A stack whose training jobs run until they are stopped, and a service on it that can die."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.jobs: dict[str, str] = {}
        self.step_jobs: dict[tuple[str, str], str] = {}  # the status by kind and name
        self.image_builds: dict[str, str] = {}  # by their tag
        self.seconds = 0  # that SageMaker charges for a job
        self.repeated = 0
        self._lives: Iterator[int] = itertools.count()
        self.service = Service(stack.settings, _create_client)
        _worlds[:] = [self]

    def answer(self, model: Any, params: Any, **_call: Any) -> Any:
        """Return an answer in place of moto's, or None; or die."""
        if next(self._lives, None) is None:
            raise DeathError
        is_json = model.service_model.service_name in ("codebuild", "sagemaker")
        return self._answer(model.name, json.loads(params["body"])) if is_json else None

    def dies(self, calls: int, act: Callable[[Service], object]) -> bool:
        """Run a function that dies after so many calls; False when it ended before that."""
        self._lives = iter(range(calls))
        try:
            act(self.service)
        except DeathError:
            return True
        finally:
            self._lives = itertools.count()
        return False

    def _answer(self, operation: str, asked: dict[str, str]) -> Any:
        """Answer what moto lacks: jobs and image builds that run and stop, and updates of endpoints."""
        match operation:
            case "ListBuildsForProject":
                return _answered({"ids": list(self.image_builds)})
            case "BatchGetBuilds":
                return _answered({"builds": [_image_build(*each) for each in self.image_builds.items()]})
            case "StopBuild":
                self.image_builds[asked["id"]] = "STOPPED"
                return _answered({})
            case "ListTrainingJobs":
                running = [{"TrainingJobName": name} for name, status in self.jobs.items() if status == "InProgress"]
                return _answered({"TrainingJobSummaries": running})
            case "DescribeTrainingJob" if asked["TrainingJobName"] in self.jobs:
                seconds = {"BillableTimeInSeconds": self.seconds} if self.seconds else {}
                return _answered({"TrainingJobStatus": self.jobs[asked["TrainingJobName"]]} | seconds)
            case "StopTrainingJob":
                self.jobs[asked["TrainingJobName"]] = "Stopped"
                return _answered({})
            case "UpdateEndpoint":
                endpoint = sagemaker_backends["123456789012"][REGION].endpoints[asked["EndpointName"]]
                endpoint.endpoint_config_name = asked["EndpointConfigName"]
                return _answered({})
        return self._answer_about_steps(operation, asked)

    def _answer_about_steps(self, operation: str, asked: dict[str, str]) -> Any:
        """Answer for processing and transform jobs, once there are any."""
        found = re.fullmatch("(List|Describe|Stop)(Processing|Transform)Jobs?", operation)
        if not found or not self.step_jobs:
            return None
        verb, kind = found.groups()
        if verb == "List":
            running = [
                name for (each, name), status in self.step_jobs.items() if (each, status) == (kind, "InProgress")
            ]
            return _answered({f"{kind}JobSummaries": [{f"{kind}JobName": name} for name in running]})
        key = kind, asked[f"{kind}JobName"]
        if verb == "Stop":
            self.step_jobs[key] = "Stopped"
        return _answered({f"{kind}JobStatus": self.step_jobs[key]})

    def begin_training(self, number: int) -> None:
        """Start a build's training."""
        self.jobs[name_resource(self.service, number)] = "InProgress"

    def sweep(self, later: timedelta = TOMORROW) -> list[int]:
        """Sweep, and repeat each finish that it requests; return the builds' numbers."""
        found = find_unfinished(self.service, now() + later)
        for each in found:
            finish_build(self.service, each.number, each.ending, never_sleep, clock=lambda: now() + later)
        return [each.number for each in found]

    def abort(self, number: int) -> None:
        """Abort a build's execution without an event."""
        self.service.stepfunctions.stop_execution(executionArn=execution_arn(self.service, number))

    def check_notified_once(self, *numbers: int) -> None:
        """Check that each build was notified, and a second time only with the remark that it may be a repeat."""
        facts = [json.loads(text) for text in self.stack.read_notifications()]
        ids = [each["id"] for each in facts]
        assert set(ids) == {name_resource(self.service, number) for number in numbers}
        for before, after in itertools.pairwise(sorted(facts, key=lambda each: each["id"])):
            assert before["id"] != after["id"] or "may be a repeat" in after["text"] + before["text"]
        self.repeated = len(ids) - len(set(ids))


def _image_build(tag: str, status: str) -> dict[str, Any]:
    variables = [{"name": "IMAGE_TAG", "value": tag}]
    return {"id": tag, "buildStatus": status, "environment": {"environmentVariables": variables}}


_worlds: list[World] = []


@cache  # making a client takes longer than all that a test does with it
def _create_client(name: str) -> Any:
    made = client(name)
    made.meta.events.register_first("before-call", lambda **call: _worlds[0].answer(**call))
    return made


def _answered(body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    class Answer:
        status_code = 200

    return Answer(), body | {"ResponseMetadata": {"HTTPStatusCode": 200}}


def new_world() -> World:
    empty_moto()
    return World(create_stack())


def finish_aborted(service: Service) -> object:
    return finish_build(service, 2, ABORTED, sleep=never_sleep)


@pytest.mark.usefixtures("empty_aws")
def test_a_finish_that_dies_at_any_call_is_completed() -> None:
    repeated = []
    for calls in itertools.count():
        world = new_world()
        service = world.service
        launch_build(service, VOICE)
        live = deploy(service, 1)
        finish_build(service, 1, Ending("SUCCEEDED"), never_sleep)
        launch_build(service, VOICE)
        update_build(service, 2, live_before=live, status="running")
        service.sagemaker.update_endpoint(
            EndpointName=world.stack.settings["STACK_NAME"], EndpointConfigName=deploy(service, 2)
        )
        world.begin_training(2)
        launch_build(service, VOICE)  # which waits
        world.abort(2)
        died = world.dies(calls, finish_aborted)
        world.sweep()
        check_end_of_build_two(world, live)
        repeated.append(world.repeated)
        if not died:
            break
    assert calls > 15
    assert sum(repeated) == 1, "only a death between publication and mark may repeat the message"


def check_end_of_build_two(world: World, live: str) -> None:
    service = world.service
    record = read_build(service, 2)
    assert (record.status, bool(record.notified_at)) == ("stopped", True)
    assert set(world.jobs.values()) == {"Stopped"}
    endpoint = describe_endpoint(service)
    assert endpoint
    assert endpoint.config == live == record.live_after
    world.check_notified_once(1, 2)
    assert read_state(service).running == 3
    assert world.stack.executions() == ["build-1", "build-2", "build-3"]
    assert world.sweep(timedelta()) == []


@pytest.mark.usefixtures("empty_aws")
def test_a_launch_that_dies_at_any_call_is_completed() -> None:
    for calls in itertools.count():
        world = new_world()
        died = world.dies(calls, lambda service: launch_build(service, VOICE))
        assert world.sweep() == []
        has_lock = read_state(world.service).running == 1
        assert world.stack.executions() == ["build-1"] * has_lock
        if died:
            launch_build(world.service, VOICE)  # the queue delivers the message again
        end_all_builds(world)
        if not died:
            break
    assert calls == 4


def end_all_builds(world: World) -> None:
    """End the running and the pending build; each is notified once, and the lock is free."""
    numbers = []
    while running := read_state(world.service).running:
        numbers.append(running)
        world.abort(running)
        assert world.sweep() == [running]
    assert 1 <= len(numbers) <= 2
    world.check_notified_once(*numbers)
    assert world.stack.executions() == [f"build-{number}" for number in numbers]
    assert set(world.jobs.values()) <= {"Stopped"}


@pytest.mark.usefixtures("empty_aws")
def test_a_stop_that_dies_at_any_call_can_be_repeated_and_is_completed() -> None:
    for calls in itertools.count():
        world = new_world()
        launch_build(world.service, VOICE)
        world.begin_training(1)
        died = world.dies(calls, lambda service: stop_build(service, sleep=never_sleep))
        if died and not world.sweep():
            assert stop_build(world.service, sleep=never_sleep).confirmed
        end_all_builds(world) if read_state(world.service).running else world.check_notified_once(1)
        assert read_build(world.service, 1).status == "stopped"
        assert world.jobs == {name_resource(world.service, 1): "Stopped"}
        if not died:
            break
    assert calls >= 6


@pytest.fixture
def world(stack: Stack) -> World:
    return World(stack)


def test_the_sweep_replaces_a_lost_event_after_two_minutes(world: World) -> None:
    launch_build(world.service, VOICE)
    assert world.sweep() == []
    world.abort(1)
    assert world.sweep(timedelta(minutes=1)) == []
    assert world.sweep(timedelta(minutes=3)) == [1]
    assert "someone outside sagebuild" in read_build(world.service, 1).reason
    finish_build(world.service, 1, Ending("FAILED"), sleep=never_sleep)  # the event comes after all
    world.check_notified_once(1)
    assert read_build(world.service, 1).status == "stopped"


def test_only_a_retry_takes_over_the_claim_of_a_try_that_died(world: World) -> None:
    launch_build(world.service, VOICE)
    finish_build(world.service, 1, Ending("SUCCEEDED"), never_sleep, invocation="first")
    world.stack.read_notifications()
    update_build(world.service, 1, notified_at="")  # as if it had died before the mark
    finish_build(world.service, 1, Ending("SUCCEEDED"), never_sleep, invocation="second")
    assert world.stack.read_texts() == []
    finish_build(world.service, 1, Ending("SUCCEEDED"), never_sleep, invocation="first")
    (text,) = world.stack.read_texts()
    assert text.endswith("This message may be a repeat: it is not known whether the first one was sent.")


def test_a_stop_before_the_start_ends_the_build(world: World) -> None:
    record = BuildRecord(1, VOICE, created_at=now().isoformat())
    state = read_state(world.service)
    assert change_state(world.service, state, type(state)(last_number=1, running=1), record)
    stopped = stop_build(world.service, sleep=never_sleep)
    assert stopped.summary == "Build 1: confirmed as ended: execution build-1 (never started)."
    launch_build(world.service, VOICE)  # the stopped build is not started
    assert world.stack.executions() == []
    assert world.sweep() == [1]
    assert read_build(world.service, 1).reason == "Stopped by voice."
    assert world.stack.executions() == ["build-2"]


def test_a_build_without_its_execution_fails_with_that_reason(world: World) -> None:
    launch_build(world.service, VOICE)
    update_build(world.service, 1, status="running")
    machine = world.stack.settings["STATE_MACHINE_ARN"]
    world.stack.settings["STATE_MACHINE_ARN"] = f"{machine}-new"
    assert world.sweep() == [1]
    assert "its state machine was replaced or deleted" in read_build(world.service, 1).reason


def test_a_job_that_begins_after_its_build_has_ended_is_stopped(world: World) -> None:
    launch_build(world.service, VOICE)
    world.abort(1)
    finish_build(world.service, 1, ABORTED, sleep=never_sleep)
    world.begin_training(1)
    world.jobs["sagebuild-test-3f2a1c00-77"] = "InProgress"  # of no build with a record
    assert world.sweep() == [1]
    assert world.jobs == {"sagebuild-test-3f2a1c00-1": "Stopped", "sagebuild-test-3f2a1c00-77": "InProgress"}
    world.check_notified_once(1)


def test_the_cost_of_a_build_has_the_jobs_that_began_after_its_end(world: World) -> None:
    launch_build(world.service, VOICE)
    update_build(world.service, 1, training_hourly_cost=3.0)
    world.abort(1)
    finish_build(world.service, 1, ABORTED, sleep=never_sleep)
    assert read_build(world.service, 1).cost == 0
    world.begin_training(1)
    world.seconds = 120
    world.sweep()
    assert read_build(world.service, 1).cost == 0.1
    world.jobs, world.seconds = {}, 0  # SageMaker no longer describes the job
    finish_build(world.service, 1, ABORTED, sleep=never_sleep)
    assert read_build(world.service, 1).cost == 0.1


@pytest.mark.parametrize(("kind", "step"), [("Processing", "split"), ("Transform", "transform")])
def test_a_step_job_that_begins_after_its_build_has_ended_is_stopped(world: World, kind: str, step: str) -> None:
    launch_build(world.service, VOICE)
    name = name_step_job(world.service, 1, step)
    job = StepJob(step, name, 1, None, kind=kind.lower())
    update_build(world.service, 1, step_jobs=to_attributes([job]))
    world.abort(1)
    finish_build(world.service, 1, ABORTED, sleep=never_sleep)
    world.step_jobs = {(kind, name): "InProgress"}
    assert world.sweep() == [1]
    assert world.step_jobs == {(kind, name): "Stopped"}
    world.check_notified_once(1)


def test_a_job_that_the_finish_stopped_is_not_the_reason(world: World) -> None:
    launch_build(world.service, VOICE)
    world.begin_training(1)
    finish_build(
        world.service, 1, Ending("FAILED", "SageMaker.SageMakerException", "The answer was lost."), never_sleep
    )
    record = read_build(world.service, 1)
    assert (record.job_status, record.reason) == ("Stopped", "The answer was lost.")


def test_an_image_build_that_begins_after_its_build_has_ended_is_stopped(world: World) -> None:
    launch_build(world.service, VOICE)
    world.abort(1)
    finish_build(world.service, 1, ABORTED, sleep=never_sleep)
    update_build(world.service, 1, image_builds=["1-training"])
    world.image_builds = {"1-training": "IN_PROGRESS"}
    assert world.sweep() == [1]
    assert world.image_builds == {"1-training": "STOPPED"}


def test_the_job_of_the_running_build_is_left_alone(world: World) -> None:
    launch_build(world.service, VOICE)
    world.begin_training(1)
    assert world.sweep() == []
    assert set(world.jobs.values()) == {"InProgress"}


def test_a_deployment_that_comes_after_the_end_of_its_build_is_undone(world: World) -> None:
    launch_build(world.service, VOICE)
    world.abort(1)
    finish_build(world.service, 1, ABORTED, sleep=never_sleep)
    deploy(world.service, 1)
    assert world.sweep() == [1]
    assert describe_endpoint(world.service) is None


def test_a_failing_undo_is_retried_for_an_hour_and_then_noted(world: World) -> None:
    launch_build(world.service, VOICE)
    world.begin_training(1)
    world.abort(1)
    events = world.service.sagemaker.meta.events
    events.register_first("before-call.sagemaker.StopTrainingJob", _deny)
    with pytest.raises(StillRunningError, match=r"is not confirmed as ended.*AccessDenied"):
        finish_build(world.service, 1, Ending("ABORTED", stopped_at=now()), never_sleep)
    assert not read_build(world.service, 1).has_ended
    finish_build(world.service, 1, Ending("ABORTED", stopped_at=now() - timedelta(hours=2)), never_sleep)
    events.unregister("before-call.sagemaker.StopTrainingJob", _deny)
    (note,) = read_build(world.service, 1).notes
    assert note.startswith("sagebuild could not clean this up; please check: ")
    assert world.sweep() == [1], "and it is tried again all the same"
    assert set(world.jobs.values()) == {"Stopped"}
    world.check_notified_once(1)


def _deny(**_call: Any) -> Any:
    class Answer:
        status_code = 400

    error = {"Code": "AccessDeniedException", "Message": "AccessDenied"}
    return Answer(), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}


def test_the_facts_for_machines_have_the_names_of_the_record(world: World) -> None:
    launch_build(world.service, VOICE)
    finish_build(world.service, 1, Ending("FAILED", "E", "why"), sleep=never_sleep)
    facts = json.loads(world.stack.read_notifications()[0])
    assert (facts["id"], facts["outcome"], facts["build"]["reason"]) == ("sagebuild-test-3f2a1c00-1", "failed", "why")
    assert facts["console"].startswith("https://")
    assert facts["text"].startswith("Build 1 of sagebuild-test failed")
    assert facts["build"]["trigger"] == {"kind": "voice", "detail": "", "rollback": ""}
    assert facts["build"].keys().isdisjoint({"parameters", "notified_at"})
    assert datetime.fromisoformat(facts["build"]["ended_at"])
