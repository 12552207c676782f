"""Versions and aliases of state machines in local/, as AWS's documentation and recordings of AWS show them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.state_machines import Machines


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


def says(word: str) -> dict[str, Any]:
    """The states of a machine whose output is a word."""
    return {"Say": {"Type": "Pass", "Output": word, "End": True}}


def update(machines: Machines, machine: str, word: str, **options: Any) -> Any:
    """Update a machine to say another word."""
    definition = {"QueryLanguage": "JSONata", "StartAt": "Say", "States": says(word)}
    return machines.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition), **options)


def publish(machines: Machines, machine: str, **options: Any) -> str:
    """Publish a version; return its ARN."""
    answer = machines.states.publish_state_machine_version(stateMachineArn=machine, **options)
    return str(answer["stateMachineVersionArn"])


def run(machines: Machines, arn: str) -> dict[str, Any]:
    return machines.finish(machines.start(arn))


def route(*parts: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in parts]


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


def test_an_execution_keeps_the_definition_with_which_it_was_started(machines: Machines) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Say"}}
    machine = machines.create(wait | says("one"))
    version, latest = publish(machines, machine), machines.start(machine)
    revision = update(machines, machine, "two")["revisionId"]
    started = {None: latest, version: machines.start(version), revision: machines.start(machine)}
    described = {
        name: machines.states.describe_state_machine_for_execution(executionArn=execution)
        for name, execution in started.items()
    }
    update(machines, machine, "three", roleArn=machines.role_arn)
    states = {name: json.loads(each["definition"])["States"] for name, each in described.items()}
    assert states == {None: wait | says("one"), version: wait | says("one"), revision: says("two")}
    assert {each["stateMachineArn"] for each in described.values()} == {machine}
    assert [each.get("revisionId") for each in described.values()] == [None, None, revision]
    assert described[None]["updateDate"] < described[revision]["updateDate"]
    assert described[None]["loggingConfiguration"]["level"] == "OFF"
    assert json.loads(machines.finish(started[revision])["output"]) == "two"
    for execution in (latest, started[version]):
        machines.states.stop_execution(executionArn=execution)
    missing = machine.replace(":stateMachine:", ":execution:") + ":none"
    assert refusal(machines.states.describe_state_machine_for_execution, executionArn=missing) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{missing}'",
    )


def test_a_version_stays_as_it_was_published(machines: Machines) -> None:
    machine = machines.create(says("one"))
    first = publish(machines, machine, description="the first")
    assert first == f"{machine}:1"
    assert publish(machines, machine) == first, "the same revision"
    revision = update(machines, machine, "two")["revisionId"]
    assert update(machines, machine, "two")["revisionId"] == revision, "nothing has changed"
    message = (
        f"Failed to publish the State Machine version for revision {revision}. The current State Machine revision is"
    )
    newest = update(machines, machine, "three", publish=True)
    assert newest["stateMachineVersionArn"] == f"{machine}:2"
    code, message = refusal(machines.states.publish_state_machine_version, stateMachineArn=machine, revisionId=revision)
    assert code == "ConflictException"
    assert f"revision {revision}. The current State Machine revision is {newest['revisionId']}." in message
    listed = machines.states.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]
    assert [each["stateMachineVersionArn"] for each in listed] == [f"{machine}:2", first]
    assert json.loads(run(machines, machine)["output"]) == "three"
    described = run(machines, first)
    assert (described["output"], described["stateMachineArn"]) == ('"one"', machine)
    assert (described["stateMachineVersionArn"], described.get("stateMachineAliasArn")) == (first, None)
    executions = machines.states.list_executions(stateMachineArn=first)["executions"]
    assert [each["executionArn"] for each in executions] == [described["executionArn"]]
    assert len(machines.states.list_executions(stateMachineArn=machine)["executions"]) == 2
    version = machines.states.describe_state_machine(stateMachineArn=first)
    assert (version["stateMachineArn"], version["description"]) == (first, "the first")
    assert "revisionId" not in version, "the first revision has no id"


def test_a_deleted_version_is_gone_and_its_number_is_not_used_again(machines: Machines) -> None:
    machine = machines.create(says("one"))
    for _ in range(2):  # the second deletion is no error
        machines.states.delete_state_machine_version(stateMachineVersionArn=publish(machines, machine))
        machines.states.delete_state_machine_version(stateMachineVersionArn=f"{machine}:1")
    assert publish(machines, machine) == f"{machine}:3"
    call = machines.states.start_execution
    assert refusal(call, stateMachineArn=f"{machine}:1")[0] == "StateMachineDoesNotExist"
    assert refusal(call, stateMachineArn=f"{machine}:none")[0] == "StateMachineDoesNotExist"


def test_an_alias_chooses_a_version(machines: Machines) -> None:
    machine = machines.create(says("one"))
    first = publish(machines, machine)
    update(machines, machine, "two")
    second = publish(machines, machine)
    update(machines, machine, "three")
    request = {"name": "live", "routingConfiguration": route((first, 100))}
    alias = machines.states.create_state_machine_alias(**request)["stateMachineAliasArn"]
    assert alias == machines.states.create_state_machine_alias(**request)["stateMachineAliasArn"] == f"{machine}:live"
    described = run(machines, alias)
    assert described["output"] == '"one"'
    assert (described["stateMachineVersionArn"], described["stateMachineAliasArn"]) == (first, alias)
    listed = machines.states.list_executions(stateMachineArn=alias)["executions"]
    assert [each["stateMachineAliasArn"] for each in listed] == [alias]
    code, message = refusal(machines.states.delete_state_machine_version, stateMachineVersionArn=first)
    assert (code, message.endswith("referencing this version: [live]")) == ("ConflictException", True)
    both = route((first, 0), (second, 100))
    machines.states.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=both)
    assert run(machines, alias)["output"] == '"two"'
    machines.states.delete_state_machine_alias(stateMachineAliasArn=alias)
    assert refusal(machines.states.start_execution, stateMachineArn=alias)[0] == "StateMachineDoesNotExist"
    update_alias = machines.states.update_state_machine_alias
    assert refusal(update_alias, stateMachineAliasArn=alias, description="x")[0] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("routes", "code", "message"),
    [
        ([("", 100)], "ValidationException", "must contain state machine version ARNs"),
        ([(":1", 50), (":1", 50)], "ValidationException", "must contain distinct state machine version ARNs"),
        ([(":1", 70), (":2", 29)], "ValidationException", "weights must equal 100. Received: [70, 29]"),
        ([(":9", 100)], "StateMachineDoesNotExist", ":9'"),
        ([(":1", 100)], "ConflictException", "an alias with the same name and a different routing configuration"),
    ],
)
def test_an_alias_that_aws_refuses(machines: Machines, routes: list[tuple[str, int]], code: str, message: str) -> None:
    machine = machines.create(says("one"))
    publish(machines, machine)
    update(machines, machine, "two", publish=True)
    create = machines.states.create_state_machine_alias
    create(name="live", routingConfiguration=route((f"{machine}:2", 100)))
    given = route(*((f"{machine}{suffix}", weight) for suffix, weight in routes))
    found = refusal(create, name="live", routingConfiguration=given)
    assert (found[0], message in found[1]) == (code, True), found
