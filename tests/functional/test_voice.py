"""sagebuild.voice: who may speak, the PIN, the next build, comparisons and single parameters."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from sagebuild.builds.records import Trigger, now, update_build
from sagebuild.changes.approval import describe_waiting
from sagebuild.changes.plan import plan_change
from sagebuild.changes.start import NextBuild
from sagebuild.errors import ParameterError
from sagebuild.launch.start import launch_build, pass_on_lock
from sagebuild.notifications.notify import count_listeners
from sagebuild.service import Service
from sagebuild.voice.access import ATTEMPTS, LOCK_SECONDS, Access, check_pin, delete_access, read_access
from sagebuild.voice.comparison import compare_builds
from sagebuild.voice.forecast import estimate_time
from sagebuild.voice.spoken_parameters import read_parameter, read_said
from tests.functional.conftest import Stack

ACCOUNT, PERSON, STRANGER = "amzn1.ask.account.A", "amzn1.ask.person.P", "amzn1.ask.person.S"


def write_access(service: Service, text: str) -> None:
    service.ssm.put_parameter(Name=service.settings.access_name, Value=text, Type="SecureString", Overwrite=True)


def set_document(service: Service, **document: Any) -> None:
    text = json.dumps({"framework": "SCIKIT", "trainentrypoint": "a.py", "trainsourcefile": "a.tar.gz"} | document)
    service.ssm.put_parameter(Name=service.settings.parameters_name, Value=text, Type="String", Overwrite=True)


def describe_next_build(service: Service, said: dict[str, str]) -> NextBuild:
    effect = plan_change(service, "start", parameters=read_said(said)).effect
    assert isinstance(effect, NextBuild)
    return effect


def add_build(service: Service, seconds: int = 60, **outcome: Any) -> int:
    """Add a build that has ended after this many seconds."""
    number = launch_build(service, Trigger("voice")).number
    ended = now()
    created = (ended - timedelta(seconds=seconds)).isoformat()
    update_build(service, number, **({"status": "succeeded"} | outcome), created_at=created, ended_at=ended.isoformat())
    pass_on_lock(service, number)
    return number


# Who may speak


def test_without_a_document_everyone_may_do_everything(stack: Stack) -> None:
    allowed = read_access(stack.service)
    assert allowed == Access()
    assert allowed.may_read(frozenset())
    assert allowed.may_write(frozenset({STRANGER}))


def test_reads_and_writes_are_allowed_separately(stack: Stack) -> None:
    write_access(stack.service, json.dumps({"readers": [ACCOUNT], "writers": [PERSON]}))
    allowed = read_access(stack.service)
    assert allowed.may_read(frozenset({ACCOUNT}))
    assert not allowed.may_write(frozenset({ACCOUNT}))  # a voice of the account that Alexa does not know
    assert allowed.may_write(frozenset({ACCOUNT, PERSON}))
    assert allowed.may_read(frozenset({PERSON}))
    assert not allowed.may_read(frozenset({STRANGER}))


def test_with_only_writers_everyone_else_may_read(stack: Stack) -> None:
    write_access(stack.service, json.dumps({"writers": [PERSON]}))
    assert read_access(stack.service).may_read(frozenset({ACCOUNT}))
    assert not read_access(stack.service).may_write(frozenset({ACCOUNT, STRANGER}))


def test_with_only_readers_they_may_also_write(stack: Stack) -> None:
    write_access(stack.service, json.dumps({"readers": [ACCOUNT]}))
    assert read_access(stack.service).may_write(frozenset({ACCOUNT}))
    assert not read_access(stack.service).may_write(frozenset({STRANGER}))


@pytest.mark.parametrize("text", ["{", "[]", '{"writer": []}', '{"writers": "amzn1.x"}', '{"readers": ["x"]}'])
def test_an_invalid_document_is_refused(stack: Stack, text: str) -> None:
    write_access(stack.service, text)
    with pytest.raises(ParameterError, match=r"docs/alexa\.md"):
        read_access(stack.service)


def test_the_error_does_not_quote_an_invalid_pin(stack: Stack) -> None:
    write_access(stack.service, '{"pin": "47119"}')
    with pytest.raises(ParameterError) as error:
        read_access(stack.service)
    assert "pin" in str(error.value)
    assert "47119" not in str(error.value)


def test_the_document_is_deleted_with_the_stack(stack: Stack) -> None:
    delete_access(stack.service)
    write_access(stack.service, '{"pin": "4711"}')
    delete_access(stack.service)
    assert read_access(stack.service) == Access()


# The PIN


def test_wrong_pins_are_counted_down_and_then_refused(stack: Stack) -> None:
    assert [check_pin(stack.service, "4711", wrong) for wrong in ("0000", "4712", "471")] == [2, 1, 0]
    assert check_pin(stack.service, "4711", "4711") == 0


def test_a_right_pin_clears_the_count(stack: Stack) -> None:
    for _ in range(3):
        assert check_pin(stack.service, "4711", "0000") == ATTEMPTS - 1
        assert check_pin(stack.service, "4711", "4711") is None


def test_a_pin_is_accepted_again_after_the_lock(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(ATTEMPTS):
        check_pin(stack.service, "4711", "0000")
    later = time.time() + LOCK_SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert check_pin(stack.service, "4711", "0000") == ATTEMPTS - 1
    assert check_pin(stack.service, "4711", "4711") is None


# The next build


def test_the_next_build_follows_the_document(stack: Stack) -> None:
    set_document(stack.service, traininstancetype="ml.c5.xlarge", trainmaxrun=1)
    build = describe_next_build(stack.service, {})
    assert (build.number, build.running, build.trains, build.deploys) == (1, None, True, True)
    assert (build.instance_type, build.instance_count, build.maximum_hours, build.trainings) == (
        "ml.c5.xlarge",
        1,
        1,
        1,
    )


def test_the_next_build_has_the_parameters_said_for_it(stack: Stack) -> None:
    set_document(stack.service, framework="PYTORCH", traininstancetype="ml.c5.xlarge")
    said = {"traininstancecount": "2", "traininstancetype": "ml.m5.large", "trainmaxrun": "1"}
    build = describe_next_build(stack.service, said)
    assert (build.instance_type, build.instance_count, build.maximum_hours) == ("ml.m5.large", 2, 1)


def test_the_next_build_follows_the_running_build(stack: Stack) -> None:
    set_document(stack.service, skiptrain=True, deployEndpoint=False)
    number = launch_build(stack.service, Trigger("voice")).number
    build = describe_next_build(stack.service, {})
    assert (build.running, build.trains, build.deploys) == (number, False, False)


def test_the_time_left_is_the_median_minus_the_elapsed_time(stack: Stack) -> None:
    assert estimate_time(stack.service) is None
    for seconds in (100, 200, 900):
        add_build(stack.service, seconds)
    add_build(stack.service, 5, status="failed")
    assert estimate_time(stack.service) is None
    number = launch_build(stack.service, Trigger("voice")).number
    update_build(stack.service, number, created_at=(now() - timedelta(seconds=50)).isoformat())
    estimated = estimate_time(stack.service)
    assert estimated is not None
    assert estimated.number == number
    assert estimated.seconds_left == pytest.approx(150, abs=2)


def test_without_an_earlier_success_there_is_no_time_left(stack: Stack) -> None:
    add_build(stack.service, status="failed")
    launch_build(stack.service, Trigger("voice"))
    estimated = estimate_time(stack.service)
    assert estimated is not None
    assert estimated.seconds_left is None


# Comparisons


def test_a_build_is_compared_with_the_last_and_the_live_build(stack: Stack) -> None:
    assert compare_builds(stack.service, with_live=True).number is None
    first = add_build(stack.service, metrics={"accuracy": 0.9, "loss": 1.0}, endpoint_config="one", live_after="one")
    assert compare_builds(stack.service, with_live=False).other is None
    second = add_build(stack.service, metrics={"accuracy": 0.8}, status="failed", live_after="one")
    add_build(stack.service, status="failed", live_after="one")
    third = add_build(stack.service, metrics={"accuracy": 0.7, "f1": 0.5}, status="failed", live_after="one")
    last, live = compare_builds(stack.service, with_live=False), compare_builds(stack.service, with_live=True)
    assert (last.number, last.other, last.metrics) == (third, second, {"accuracy": (0.8, 0.7)})
    assert (live.number, live.other, live.metrics) == (third, first, {"accuracy": (0.9, 0.7)})


# Single parameters


def test_a_parameter_is_read_as_the_next_build_has_it(stack: Stack) -> None:
    set_document(stack.service, trainvolumesize="30")
    assert read_parameter(stack.service, "trainvolumesize") == "30"
    assert read_parameter(stack.service, "trainmaxrun") == "4"


@pytest.mark.parametrize("name", ["trainsourcefile", "framework", "sourcelocation"])
def test_parameters_that_nobody_can_say_are_refused(stack: Stack, name: str) -> None:
    set_document(stack.service)
    with pytest.raises(ParameterError, match=f"{name} cannot be read or set by voice"):
        read_parameter(stack.service, name)
    with pytest.raises(ParameterError, match=f"{name} cannot be read or set by voice"):
        read_said({name: "b.tar.gz"})


def test_the_listeners_of_the_results_topic_are_counted(stack: Stack) -> None:
    assert count_listeners(stack.service) == 1


# The build that waits for approval


def add_waiting(service: Service, **changes: Any) -> int:
    """Add a build that waits for approval."""
    number = launch_build(service, Trigger("voice")).number
    document = {"framework": "SCIKIT", "trainentrypoint": "a.py", "trainsourcefile": "a.tar.gz", "approval": "manual"}
    asked: dict[str, Any] = {
        "approval_token": "token",
        "approval_until": "2026-11-27T12:00:00+00:00",
        "status": "running",
    }
    text = json.dumps(document | changes.pop("document", {}))
    update_build(service, number, **asked, parameters=text, **changes)
    return number


def test_the_waiting_build_shows_the_metric_of_the_gate(stack: Stack) -> None:
    assert describe_waiting(stack.service) is None
    number = add_waiting(
        stack.service,
        document={"mustimprove": {"metric": "f1"}, "metrics": [{"Name": "f1", "Regex": "f1=([0-9.]+)"}]},
        metrics={"accuracy": 0.9, "f1": 0.8},
        live_metrics={"accuracy": 0.91, "f1": 0.7},
    )
    waiting = describe_waiting(stack.service)
    assert waiting is not None
    assert (waiting.number, waiting.metric, waiting.value, waiting.live) == (number, "f1", 0.8, 0.7)
    update_build(stack.service, number, approval="approved")
    assert describe_waiting(stack.service) is None


@pytest.mark.parametrize(
    ("metrics", "live", "expected"),
    [
        ({"a": 1.0, "b": 2.0}, {"b": 3.0}, ("b", 2.0, 3.0)),
        ({"a": 1.0, "b": 2.0}, {}, ("a", 1.0, None)),
        ({}, {"b": 3.0}, ("", None, None)),
    ],
)
def test_without_a_gate_the_waiting_build_shows_a_shared_metric(
    stack: Stack, metrics: dict[str, float], live: dict[str, float], expected: tuple[str, float | None, float | None]
) -> None:
    add_waiting(stack.service, metrics=metrics, live_metrics=live)
    waiting = describe_waiting(stack.service)
    assert waiting is not None
    assert (waiting.metric, waiting.value, waiting.live) == expected


def test_the_time_left_of_a_waiting_build_depends_on_a_person(stack: Stack) -> None:
    add_waiting(stack.service)
    estimated = estimate_time(stack.service)
    assert estimated is not None
    assert estimated.awaits_approval


def test_the_next_build_has_a_maximum_cost(stack: Stack) -> None:
    set_document(stack.service, trainmaxrun=1)
    one = describe_next_build(stack.service, {}).cost_max
    two = describe_next_build(stack.service, {"trainmaxrun": "2"}).cost_max
    assert one is not None
    assert two == pytest.approx(2 * one)
