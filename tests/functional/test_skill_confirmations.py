"""A yes makes what its question described, once: through the skill's own handler, on moto."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.parameters.store import write_document
from sagebuild.service import Service
from skill.app import handler
from tests.alexa import Conversation, read_speech
from tests.functional.conftest import SCRIPT, Stack
from tests.functional.test_changes import add_waiting, make_live

VOICE = Trigger("voice")


class Deliveries:
    """Sends requests to the skill, and keeps the last one, which Alexa may deliver again."""

    def __init__(self) -> None:
        self.alexa = Conversation(self._send)
        self._last: dict[str, Any] = {}

    def _send(self, envelope: dict[str, Any]) -> dict[str, Any]:
        self._last = copy.deepcopy(envelope)
        return handler(envelope, None)

    def deliver_again(self) -> str:
        """Deliver the last request again, with the session that it had."""
        return read_speech(handler(copy.deepcopy(self._last), None))


@pytest.fixture
def deliveries(alexa: Conversation) -> Deliveries:  # noqa: ARG001
    return Deliveries()


@pytest.fixture
def second(alexa: Conversation) -> Conversation:  # noqa: ARG001
    """Speak to the skill as another person, in a conversation of their own."""
    return Conversation(lambda envelope: handler(envelope, None))


@contextmanager
def losing_answers(*operations: str) -> Iterator[None]:
    """Let AWS do these calls of the skill, and lose its answers."""

    def lose(**_event: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://aws.example")

    skill = Service.from_environment()
    clients = (skill.dynamodb, skill.stepfunctions, skill.ssm)
    for client in clients:
        for operation in operations:
            client.meta.events.register(f"after-call.*.{operation}", lose)
    yield
    for client in clients:
        for operation in operations:
            client.meta.events.unregister(f"after-call.*.{operation}", lose)


def count_builds(stack: Stack) -> tuple[int, int]:
    """Return the number of the newest build, and how many requests wait for the next one."""
    state = read_state(stack.service)
    return state.last_number, state.pending.count if state.pending else 0


# The same yes, delivered twice


def test_a_yes_that_is_delivered_twice_starts_one_build(stack: Stack, deliveries: Deliveries) -> None:
    deliveries.alexa.say("start_build")
    assert deliveries.alexa.say("yes") == deliveries.deliver_again() == "Build 1 has started."
    assert count_builds(stack) == (1, 0)
    assert stack.executions() == ["build-1"]


def test_a_yes_that_is_delivered_twice_queues_one_build(stack: Stack, deliveries: Deliveries) -> None:
    launch_build(stack.service, VOICE)
    deliveries.alexa.say("start_build")
    assert deliveries.alexa.say("yes") == deliveries.deliver_again()
    assert count_builds(stack) == (1, 1)
    finish_build(stack.service, 1, Ending("FAILED"), lambda _: None)
    finish_build(stack.service, 2, Ending("FAILED"), lambda _: None)
    assert deliveries.deliver_again() == "Build 2 has started."
    assert count_builds(stack) == (2, 0)


def test_a_yes_that_is_delivered_twice_sets_a_parameter_once(stack: Stack, deliveries: Deliveries) -> None:
    deliveries.alexa.say("set_parameter")
    said = deliveries.alexa.say("yes")
    assert said.startswith("Done: ")
    assert deliveries.deliver_again() == said
    history = stack.service.ssm.get_parameter_history(Name=stack.service.settings.parameters_name)["Parameters"]
    assert len(history) == 2


def test_a_yes_that_is_delivered_twice_stops_no_later_build(stack: Stack, deliveries: Deliveries) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE)
    deliveries.alexa.say("stop_build")
    assert deliveries.alexa.say("yes").startswith("Build 1 is stopped")
    finish_build(stack.service, 1, Ending("ABORTED"), lambda _: None)
    assert deliveries.deliver_again().startswith("Build 1 is stopped")
    assert read_build(stack.service, 2).stop_requested_by == ""


def test_a_yes_that_is_delivered_twice_rejects_once(stack: Stack, deliveries: Deliveries) -> None:
    add_waiting(stack.service)
    deliveries.alexa.say("reject_build", number="1")
    assert deliveries.alexa.say("yes") == deliveries.deliver_again()
    assert read_build(stack.service, 1).approval == "rejected"


def test_a_yes_that_is_delivered_twice_approves_once(stack: Stack, deliveries: Deliveries) -> None:
    add_waiting(stack.service)
    deliveries.alexa.say("approve_build", number="1")
    assert (
        deliveries.alexa.say("yes") == deliveries.deliver_again() == "Build 1 is approved, and goes on to deployment."
    )
    assert read_build(stack.service, 1).approval == "approved"


# Two people


def test_of_two_people_one_starts_the_build(stack: Stack, alexa: Conversation, second: Conversation) -> None:
    for one in (alexa, second):
        assert one.say("start_build").startswith("Build 1 would train")
    assert alexa.say("yes") == "Build 1 has started."
    asked = second.say("yes")
    assert asked.startswith("Something has changed since I asked. Build 1 is still running")
    assert second.is_open
    assert count_builds(stack) == (1, 0)
    second.say("no")
    assert count_builds(stack) == (1, 0)


def test_two_people_who_answer_differently_hear_who_was_first(
    stack: Stack, alexa: Conversation, second: Conversation
) -> None:
    add_waiting(stack.service)
    alexa.say("reject_build", number="1")
    second.say("approve_build", number="1")
    assert alexa.say("yes").startswith("Build 1 is rejected")
    assert second.say("yes") == "Build 1 is not waiting for an answer."
    assert read_build(stack.service, 1).approval == "rejected"


def test_of_two_people_one_sets_the_parameter(alexa: Conversation, second: Conversation) -> None:
    alexa.say("set_parameter", parameter="trainvolumesize", number="20")
    second.say("set_parameter", parameter="trainvolumesize", number="30")
    assert alexa.say("yes").startswith("Done: ")
    assert second.say("yes").startswith("Something has changed since I asked. That changes the training disk from 20")
    assert second.say("yes") == "Done: the training disk was 20 gigabytes and is now 30 gigabytes."


# A time-out, and a repeat


@pytest.mark.parametrize("lost", ["TransactWriteItems", "StartExecution"])
def test_a_yes_after_a_time_out_starts_no_second_build(stack: Stack, alexa: Conversation, lost: str) -> None:
    alexa.say("start_build")
    with losing_answers(lost):
        assert alexa.say("yes") == "AWS did not confirm that in time: shall I try again?"
    assert alexa.is_open
    assert alexa.say("yes") == "Build 1 has started."
    assert count_builds(stack) == (1, 0)
    assert stack.executions() == ["build-1"]


def test_a_new_request_after_a_time_out_says_that_the_build_runs(stack: Stack, alexa: Conversation) -> None:
    alexa.say("start_build")
    with losing_answers("TransactWriteItems"):
        alexa.say("yes")
    assert alexa.say("start_build").startswith("Build 1 is still running")
    assert count_builds(stack) == (1, 0)


def test_a_no_after_a_time_out_leaves_it(stack: Stack, alexa: Conversation) -> None:
    launch_build(stack.service, VOICE)
    alexa.say("start_build")
    with losing_answers("TransactWriteItems"):
        alexa.say("yes")
    alexa.say("no")
    assert count_builds(stack) == (1, 1)


def test_a_parameter_is_set_once_after_a_time_out(alexa: Conversation) -> None:
    alexa.say("set_parameter")
    with losing_answers("PutParameter"):
        assert alexa.say("yes").startswith("AWS did not confirm that in time")
    assert alexa.say("yes") == "Done: the training disk was 10 gigabytes and is now 20 gigabytes."


# What the question said no longer holds


def test_a_yes_is_asked_again_if_the_document_has_changed(stack: Stack, alexa: Conversation) -> None:
    alexa.say("start_build")
    write_document(stack.service, SCRIPT | {"traininstancetype": "ml.c5.xlarge"}, overwrite=True)
    assert alexa.say("yes").startswith("Something has changed since I asked. Build 1 would train on one c5 xlarge")
    assert stack.executions() == []
    assert alexa.say("yes") == "Build 1 has started."


def test_a_yes_is_asked_again_if_another_model_is_live(stack: Stack, alexa: Conversation) -> None:
    add_waiting(stack.service)
    alexa.say("approve_build", number="1")
    make_live(stack.service, "their-own")
    assert alexa.say("yes").startswith("Something has changed since I asked. Build 1 reached 0.97 for f1")
    assert read_build(stack.service, 1).approval == ""
    assert alexa.say("yes").startswith("Build 1 is approved")


def test_a_build_that_ends_before_the_stop_is_not_called_stopped(stack: Stack, alexa: Conversation) -> None:
    launch_build(stack.service, VOICE)
    alexa.say("stop_build")
    update_build(stack.service, 1, status="succeeded", ended_at="2026-01-01T00:00:00+00:00")
    assert alexa.say("yes") == "Build 1 succeeded before I could stop it."


def test_a_stop_says_which_build_starts_then(stack: Stack, alexa: Conversation) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE)
    alexa.say("stop_build")
    assert alexa.say("yes").endswith("Build 2 was waiting and starts now.")
