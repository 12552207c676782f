"""EXPRESS state machines and activities in local/."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.state_machines import Machines

DOUBLE = {"Double": {"Type": "Succeed", "Output": "{% $states.input.n * 2 %}"}}
FAIL = {"Fail": {"Type": "Fail", "Error": "Own", "Cause": "So it is."}}


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


@pytest.fixture(scope="module")
def express(engine: Engine) -> Any:
    """A client without the host prefix "sync-", which a local address does not have."""
    session: Any = boto3.session.Session()
    return session.client(
        "stepfunctions",
        region_name=engine.region,
        endpoint_url=engine.endpoint_url,
        aws_access_key_id=engine.owner,
        aws_secret_access_key="local",
        config=Config(inject_host_prefix=False),
    )


def create(machines: Machines, states: dict[str, Any], kind: str = "EXPRESS") -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    created = machines.states.create_state_machine(
        name=f"express-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=machines.role_arn, type=kind
    )
    return str(created["stateMachineArn"])


def run(express: Any, machine: str, given: Any) -> dict[str, Any]:
    return dict(express.start_sync_execution(stateMachineArn=machine, input=json.dumps(given), name="one"))


def test_a_sync_execution_returns_its_output(machines: Machines, express: Any) -> None:
    answer = run(express, create(machines, DOUBLE), {"n": 4})
    assert (answer["status"], answer["output"], answer["input"]) == ("SUCCEEDED", "8", '{"n": 4}')
    assert answer["executionArn"].split(":")[5] == "express"
    assert answer["executionArn"].split(":")[7] == answer["name"] == "one"
    assert answer["billingDetails"]["billedMemoryUsedInMB"] == 64
    assert answer["billingDetails"]["billedDurationInMilliseconds"] % 100 == 0
    assert "redriveCount" not in answer


def test_a_sync_execution_runs_a_version(machines: Machines, express: Any) -> None:
    machine = create(machines, DOUBLE)
    version = machines.states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    half = {"Half": {"Type": "Succeed", "Output": "{% $states.input.n / 2 %}"}}
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Half", "States": half})
    machines.states.update_state_machine(stateMachineArn=machine, definition=definition)
    assert (run(express, version, {"n": 4})["output"], run(express, machine, {"n": 4})["output"]) == ("8", "2")


def test_a_sync_execution_returns_its_error(machines: Machines, express: Any) -> None:
    answer = run(express, create(machines, FAIL), {})
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Own", "So it is.")
    assert "output" not in answer


@pytest.mark.parametrize("operation", ["describe_execution", "stop_execution", "get_execution_history"])
def test_an_express_execution_has_no_history_in_the_api(machines: Machines, express: Any, operation: str) -> None:
    arn = run(express, create(machines, DOUBLE), {"n": 1})["executionArn"]
    with pytest.raises(ClientError, match="Resource type not valid in this context: express") as raised:
        getattr(machines.states, operation)(executionArn=arn)
    assert raised.value.response["Error"]["Code"] == "InvalidArn"


def test_the_operations_of_the_other_type_are_refused(machines: Machines, express: Any) -> None:
    fast, standard = create(machines, DOUBLE), create(machines, DOUBLE, "STANDARD")
    started = [machines.start(fast, {"n": 1}, name="same") for _ in range(2)]
    assert len(set(started)) == 2
    for refused in (
        lambda: run(express, standard, {"n": 1}),
        lambda: machines.states.list_executions(stateMachineArn=fast),
    ):
        with pytest.raises(ClientError) as raised:
            refused()
        assert raised.value.response["Error"]["Code"] == "StateMachineTypeNotSupported"


def test_an_update_of_an_express_machine_is_checked_as_one(machines: Machines) -> None:
    machine = create(machines, DOUBLE)
    nested = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "End": True}
    definition = json.dumps({"StartAt": "Run", "States": {"Run": nested}})
    with pytest.raises(ClientError, match=r"Express state machine does not support '\.sync' service integration"):
        machines.states.update_state_machine(stateMachineArn=machine, definition=definition)


def test_a_worker_does_the_task_of_an_activity(machines: Machines) -> None:
    arn = machines.states.create_activity(name="dig")["activityArn"]
    assert machines.states.create_activity(name="dig")["activityArn"] == arn
    dig = {"Type": "Task", "Resource": arn, "Arguments": {"deep": 3}, "End": True}
    machine = machines.create({"Dig": dig})
    runs = [machines.start(machine) for _ in range(2)]
    succeed, fail = machines.states.send_task_success, machines.states.send_task_failure
    for report, outcome in ((succeed, {"output": '"a hole"'}), (fail, {"error": "Rock", "cause": "Too hard."})):
        task = machines.states.get_activity_task(activityArn=arn, workerName="mole")
        assert json.loads(task["input"]) == {"deep": 3}
        report(taskToken=task["taskToken"], **outcome)
    assert sorted(machines.finish(run)["status"] for run in runs) == ["FAILED", "SUCCEEDED"]
    kinds = {event["type"] for run in runs for event in machines.history(run)}
    assert {"ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "ActivityFailed"} < kinds
    machines.states.delete_activity(activityArn=arn)
    with pytest.raises(ClientError) as raised:
        machines.states.describe_activity(activityArn=arn)
    assert raised.value.response["Error"]["Code"] == "ActivityDoesNotExist"
    assert machines.run({"Dig": dig})["cause"].endswith(f"The activity {arn} does not exist.")
