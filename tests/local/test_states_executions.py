"""State machines and executions in local/: start, stop, history, lists and validation."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.state_machines import Machines, wait_for

SUCCEED = {"Type": "Succeed"}


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


def passing(output: Any) -> dict[str, Any]:
    return {"Report": {"Type": "Pass", "Output": output, "End": True}}


def test_the_history_is_the_same_after_the_end(machines: Machines) -> None:
    arn = machines.start(machines.create({"Rest": {"Type": "Wait", "Seconds": 20, "End": True}}), {"word": "Büild"})
    running = wait_for(lambda: machines.history(arn), lambda events: events[-1]["type"] == "WaitStateEntered")
    assert machines.finish(arn)["status"] == "SUCCEEDED"
    ended = machines.history(arn)
    assert ended[: len(running)] == running
    assert [event["type"] for event in ended[len(running) :]] == ["WaitStateExited", "ExecutionSucceeded"]
    assert [event["id"] for event in machines.history(arn, reverseOrder=True)] == [4, 3, 2, 1]


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_the_history_names_the_states(machines: Machines) -> None:
    read = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
        "Arguments": {"Name": "/never/there"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Reported"}],
        "End": True,
    }
    states = {
        "Plan Büild": {"Type": "Pass", "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Read"},
        "Read": read,
        "Reported": SUCCEED,
    }
    arn = machines.run(states)["executionArn"]
    entered = [
        (event["type"], event["stateEnteredEventDetails"]["name"])
        for event in machines.history(arn)
        if "stateEnteredEventDetails" in event
    ]
    assert entered == [
        ("PassStateEntered", "Plan Büild"),
        ("WaitStateEntered", "Rest"),
        ("TaskStateEntered", "Read"),
        ("SucceedStateEntered", "Reported"),
    ]


def test_the_history_can_be_paged_and_reversed(machines: Machines) -> None:
    arn = machines.run(passing({"secret": 1}))["executionArn"]
    first = machines.states.get_execution_history(executionArn=arn, maxResults=3)
    rest = machines.history(arn, nextToken=first["nextToken"])
    assert [event["id"] for event in first["events"] + rest] == [1, 2, 3, 4]
    assert [event["id"] for event in machines.history(arn, reverseOrder=True)] == [4, 3, 2, 1]
    assert "secret" in str(machines.history(arn))
    assert "secret" not in str(machines.history(arn, includeExecutionData=False))


def test_an_identical_start_returns_the_running_execution(machines: Machines) -> None:
    machine = machines.create({"Rest": {"Type": "Wait", "Seconds": 600, "Next": "Done"}, "Done": SUCCEED})
    with ThreadPoolExecutor(8) as pool:
        arns = set(pool.map(lambda _: machines.start(machine, {"n": 1}, name="build-1"), range(8)))
    assert len(arns) == 1
    with pytest.raises(ClientError) as raised:
        machines.start(machine, {"n": 2}, name="build-1")
    assert code_of(raised) == "ExecutionAlreadyExists"
    machines.states.stop_execution(executionArn=arns.pop())
    with pytest.raises(ClientError) as raised:
        machines.start(machine, {"n": 1}, name="build-1")
    assert code_of(raised) == "ExecutionAlreadyExists"


def test_an_execution_without_a_name_gets_a_unique_one(machines: Machines) -> None:
    machine = machines.create({"Done": SUCCEED})
    names = {machines.finish(machines.start(machine))["name"] for _ in range(2)}
    assert len(names) == 2
    assert {len(name) for name in names} == {36}


def test_a_stop_ends_a_waiting_execution_at_once(machines: Machines) -> None:
    machine = machines.create({"Rest": {"Type": "Wait", "Seconds": 6000, "Next": "Done"}, "Done": SUCCEED})
    arn = machines.start(machine)
    wait_for(lambda: machines.history(arn), lambda events: len(events) == 2)
    stopped = machines.states.stop_execution(executionArn=arn, error="Enough", cause="A person stopped it.")
    ended = machines.states.describe_execution(executionArn=arn)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Enough", "A person stopped it.")
    assert ended["stopDate"] == stopped["stopDate"]
    assert machines.states.stop_execution(executionArn=arn)["stopDate"] == stopped["stopDate"]
    time.sleep(0.4)
    events = machines.history(arn)
    assert [event["type"] for event in events] == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    assert events[-1]["executionAbortedEventDetails"] == {"error": "Enough", "cause": "A person stopped it."}


def test_executions_are_listed_newest_first_and_filtered_by_status(machines: Machines) -> None:
    machine = machines.create(
        {"Rest": {"Type": "Wait", "Seconds": "{% $states.input.s %}", "Next": "Done"}, "Done": SUCCEED}
    )
    done = machines.start(machine, {"s": 0})
    machines.finish(done)
    waiting = machines.start(machine, {"s": 6000})
    listed = machines.states.list_executions(stateMachineArn=machine)["executions"]
    assert [(item["executionArn"], item["status"]) for item in listed] == [(waiting, "RUNNING"), (done, "SUCCEEDED")]
    running = machines.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    assert [item["executionArn"] for item in running] == [waiting]
    machines.states.delete_state_machine(stateMachineArn=machine)
    with pytest.raises(ClientError) as raised:
        machines.states.describe_state_machine(stateMachineArn=machine)
    assert code_of(raised) == "StateMachineDoesNotExist"


def test_a_failed_execution_can_be_redriven_and_a_successful_one_cannot(machines: Machines) -> None:
    succeeded = machines.run(passing("{% $states.context.Execution.RedriveCount %}"))
    failed = machines.run({"Fail": {"Type": "Fail"}})
    assert (succeeded["output"], succeeded["redriveStatus"]) == ("0", "NOT_REDRIVABLE")
    assert succeeded["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    assert failed["redriveStatus"] == "REDRIVABLE"
    assert "redriveStatusReason" not in failed


def test_an_execution_times_out(machines: Machines) -> None:
    states = {"Rest": {"Type": "Wait", "Seconds": 6000, "Next": "Done"}, "Done": SUCCEED}
    ended = machines.run(states, TimeoutSeconds=1)
    assert ended["status"] == "TIMED_OUT"
    assert 1 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 2
    assert machines.history(ended["executionArn"])[-1]["type"] == "ExecutionTimedOut"


def test_a_state_machine_is_created_once_and_updated(machines: Machines) -> None:
    def definition(output: str) -> str:
        return json.dumps({"StartAt": "Report", "States": passing(output), "QueryLanguage": "JSONata"})

    def create(output: str) -> str:
        created = machines.states.create_state_machine(
            name="once",
            definition=definition(output),
            roleArn=machines.role_arn,
            tags=[{"key": "k", "value": "v"}],
        )
        return str(created["stateMachineArn"])

    arn = create("old")
    assert create("old") == arn
    with pytest.raises(ClientError) as raised:
        create("other")
    assert code_of(raised) == "StateMachineAlreadyExists"
    machines.states.update_state_machine(stateMachineArn=arn, definition=definition("new"))
    assert json.loads(machines.finish(machines.start(arn))["output"]) == "new"
    assert machines.states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "k", "value": "v"}]
    assert arn in str(machines.states.list_state_machines(maxResults=1000))


def test_executions_of_several_state_machines_run_in_parallel(machines: Machines) -> None:
    rest = {"Type": "Wait", "Seconds": 20, "Next": "Report"}

    def create_and_start(number: int) -> str:
        machine = machines.create(
            {"Rest": rest, "Report": {"Type": "Succeed", "Output": f"{{% '{number % 2}' & $states.input %}}"}}
        )
        return machines.start(machine, number)

    with ThreadPoolExecutor(8) as pool:
        arns = list(pool.map(create_and_start, range(8)))
    ended = [machines.finish(arn) for arn in arns]
    assert [json.loads(one["output"]) for one in ended] == [f"{number % 2}{number}" for number in range(8)]
    starts, stops = [one["startDate"] for one in ended], [one["stopDate"] for one in ended]
    running = sum((stop - start for start, stop in zip(starts, stops, strict=True)), timedelta())
    assert running > max(stops) - min(starts), "one after the other"


def test_every_running_execution_can_be_described(machines: Machines) -> None:
    machine = machines.create({"Rest": {"Type": "Wait", "Seconds": 6000, "Next": "Done"}, "Done": SUCCEED})
    arn = machines.start(machine)
    events = wait_for(lambda: machines.history(arn), lambda events: len(events) == 2)
    assert events[-1]["stateEnteredEventDetails"]["name"] == "Rest"
    machines.states.stop_execution(executionArn=arn)


def test_calls_for_what_does_not_exist_are_refused(machines: Machines) -> None:
    states, machine = machines.states, machines.create({"End": {"Type": "Succeed"}})
    map_run = machine.replace(":stateMachine:", ":mapRun:") + "/label:1"
    tags = [{"key": "k", "value": "v"}]
    version = states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    for call, given, code in (
        (states.describe_map_run, {"mapRunArn": map_run}, "ResourceNotFound"),
        (states.update_map_run, {"mapRunArn": map_run, "maxConcurrency": 1}, "ResourceNotFound"),
        (states.tag_resource, {"resourceArn": f"{machine}-none", "tags": tags}, "ResourceNotFound"),
        (states.tag_resource, {"resourceArn": version, "tags": tags}, "ResourceNotFound"),
        (states.update_state_machine, {"stateMachineArn": machine}, "MissingRequiredParameter"),
        (states.list_executions, {}, "ValidationException"),
    ):
        with pytest.raises(ClientError) as raised:
            call(**given)
        assert raised.value.response["Error"]["Code"] == code
    states.tag_resource(resourceArn=machine, tags=tags)
    machines.finish(machines.start(machine))
    assert states.list_executions(stateMachineArn=machine, redriveFilter="REDRIVEN")["executions"] == []
    assert len(states.list_executions(stateMachineArn=machine, redriveFilter="NOT_REDRIVEN")["executions"]) == 1


def test_activities_are_listed_in_pages(machines: Machines) -> None:
    created = {machines.states.create_activity(name=f"paged-{number}")["activityArn"] for number in range(3)}
    pages = machines.states.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 2})
    listed = [[each["activityArn"] for each in page["activities"]] for page in pages]
    assert all(len(page) <= 2 for page in listed)
    assert created <= {arn for page in listed for arn in page}
