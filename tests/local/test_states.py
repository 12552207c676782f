"""The States Language and the executions of local/: what runs, how it ends, what is told of it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.state_machines import Machines, wait_for

SUCCEED = {"Type": "Succeed"}
TOLD = {"Type": "Succeed", "Output": "{% $told %}"}
TELL = {"Error": "{% $states.errorOutput.Error %}", "Cause": "{% $states.errorOutput.Cause %}"}
PARAMETER = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
    "Arguments": {"Name": "/never/there"},
}


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


def passing(output: Any) -> dict[str, Any]:
    return {"Tell": {"Type": "Pass", "Output": output, "End": True}}


def caught(error: str = "States.ALL") -> list[dict[str, Any]]:
    return [{"ErrorEquals": [error], "Assign": {"told": TELL}, "Next": "Told"}]


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_values_with_quotes_and_nulls_pass_through_variables(machines: Machines) -> None:
    text = 'he said "é \\ 😀"\n'
    given = {"text": text, "nothing": None, "list": [None, 1, {"deep": [None]}]}
    states = {
        "Keep": {"Type": "Pass", "Assign": {"kept": "{% $states.input %}"}, "Output": {}, "Next": "Tell"},
        "Tell": {"Type": "Succeed", "Output": {"kept": "{% $kept %}", "joined": "{% $kept.text & '!' %}"}},
    }
    assert machines.output(states, given) == {"kept": given, "joined": f"{text}!"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("$random(7) = $random(7) and $random() != $random()", True),
        ("$length($uuid()) = 36 and $uuid() != $uuid()", True),
        ("""$parse('{"a": [1, null]}')""", {"a": [1, None]}),
        ("$states.context.State.Name", "Tell"),
        ("$states.input[0].{'x': $}", {"x": 4}),
    ],
)
def test_jsonata_has_the_functions_of_the_service(machines: Machines, expression: str, value: Any) -> None:
    assert machines.output(passing(f"{{% {expression} %}}"), [4]) == value


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("$states.input.missing", "returned nothing (undefined)."),
        ("1 + 'a'", "threw an error during evaluation. T2002: "),
        ("$error('no such luck')", "threw an error during evaluation. D3137: no such luck"),
        ("$eval('1')", "threw an error during evaluation. The function eval is not supported"),
        ("$sum", "returned an unsupported result type."),
    ],
)
def test_a_failed_expression_is_named_with_its_place(machines: Machines, expression: str, what: str) -> None:
    ended = machines.run(passing({"deep": [f"{{% {expression} %}}"]}))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert f"'{expression}' specified for the field 'Output/deep[0]' {what}" in ended["cause"]
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds == ["ExecutionStarted", "PassStateEntered", "EvaluationFailed", "ExecutionFailed"]


def test_the_failed_arguments_of_a_task_are_one_event(machines: Machines) -> None:
    states = {
        "Read": PARAMETER | {"Arguments": {"Name": "{% $nothing %}"}, "Catch": caught(), "End": True},
        "Told": TOLD,
    }
    ended = machines.run(states)
    assert json.loads(ended["output"])["Error"] == "States.QueryEvaluationError"
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds.count("EvaluationFailed") == 1


def test_a_choice_takes_the_first_rule_that_holds(machines: Machines) -> None:
    states = {
        "Which?": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.n > 10 %}", "Next": "Large"},
                {"Condition": "{% $states.input.n > 1 %}", "Assign": {"told": "middle"}, "Next": "Told"},
            ],
            "Default": "Small",
        },
        "Large": {"Type": "Succeed", "Output": "large"},
        "Told": TOLD,
        "Small": {"Type": "Succeed", "Output": "small"},
    }
    machine = machines.create(states)
    ended = [machines.finish(machines.start(machine, {"n": n})) for n in (11, 2, 1)]
    assert [json.loads(execution["output"]) for execution in ended] == ["large", "middle", "small"]


def test_a_choice_without_a_match_says_so(machines: Machines) -> None:
    states = {"Which?": {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "Done"}]}, "Done": SUCCEED}
    assert machines.run(states)["error"] == "States.NoChoiceMatched"


def test_catch_is_given_error_and_cause(machines: Machines) -> None:
    states = {"Read": PARAMETER | {"Catch": caught("Ssm.ParameterNotFoundException"), "End": True}, "Told": TOLD}
    told = machines.output(states)
    assert told["Error"] == "Ssm.ParameterNotFoundException"
    assert "/never/there" in told["Cause"]
    assert "(Service: Ssm, Status Code: 400, Request ID: " in told["Cause"]


def test_no_wildcard_catches_a_runtime_error(machines: Machines) -> None:
    states = {
        "Read": PARAMETER | {"Arguments": {"name": "camel"}, "Catch": caught(), "End": True},
        "Told": TOLD,
    }
    ended = machines.run(states)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert 'The field "name" is not supported by Step Functions' in ended["cause"]


def test_the_errors_of_the_interpreter_can_be_raised_again(machines: Machines) -> None:
    again = {"Type": "Fail", "Error": "{% $told.Error %}", "Cause": "{% $told.Cause %}"}
    inner = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "States.Timeout", "Cause": "late"}}}
    states = {"Both": {"Type": "Parallel", "Branches": [inner], "Catch": caught(), "End": True}, "Told": again}
    ended = machines.run(states)
    assert (ended["error"], ended["cause"]) == ("States.Timeout", "late")


def test_retries_back_off_in_the_time_of_the_engine(machines: Machines) -> None:
    retry = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 3}
    states = {"Read": PARAMETER | {"Retry": [retry | {"MaxDelaySeconds": 8}], "End": True}}
    ended = machines.run(states)
    events = machines.history(ended["executionArn"])
    failures = [event["timestamp"].timestamp() for event in events if event["type"] == "TaskFailed"]
    waits = [(later - earlier) * 20 for earlier, later in pairwise(failures)]
    assert len(waits) == 3
    for waited, asked in zip(waits, (2, 6, 8), strict=True):
        assert asked <= waited < asked + 4


def test_jitter_shortens_the_delay(machines: Machines) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 40, "MaxAttempts": 1, "JitterStrategy": "FULL"}
    machine = machines.create({"Read": PARAMETER | {"Retry": [retry], "End": True}})
    ended = [machines.finish(arn) for arn in [machines.start(machine) for _ in range(4)]]
    seconds = [(execution["stopDate"] - execution["startDate"]).total_seconds() for execution in ended]
    assert min(seconds) < max(seconds) < 40 / 20 + 1.5


def test_waiting_passes_in_the_time_of_the_engine(machines: Machines) -> None:
    ended = machines.run({"Rest": {"Type": "Wait", "Seconds": "{% 5 + 5 %}", "Next": "Done"}, "Done": SUCCEED})
    assert 10 / 20 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 10 / 20 + 1


def test_a_moment_is_waited_for(machines: Machines) -> None:
    moment = "$fromMillis($millis() + 20000, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z')"
    ended = machines.run({"Rest": {"Type": "Wait", "Timestamp": f"{{% {moment} %}}", "Next": "Done"}, "Done": SUCCEED})
    assert 18 / 20 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 2


def test_branches_see_the_arguments_and_their_outputs_are_listed(machines: Machines) -> None:
    branches = [
        {
            "StartAt": name,
            "States": {name: {"Type": "Pass", "Output": f"{{% $states.input.n + {more} %}}", "End": True}},
        }
        for name, more in (("One", 1), ("Two", 2))
    ]
    states = {
        "Both": {"Type": "Parallel", "Arguments": {"n": "{% $states.input %}"}, "Branches": branches, "End": True}
    }
    assert machines.output(states, 10) == [11, 12]


def test_bad_arguments_of_a_parallel_can_be_caught(machines: Machines) -> None:
    branch = {"StartAt": "Done", "States": {"Done": SUCCEED}}
    states = {
        "Both": {
            "Type": "Parallel",
            "Arguments": "{% $states.input.missing %}",
            "Branches": [branch],
            "Catch": caught("States.QueryEvaluationError"),
            "End": True,
        },
        "Told": TOLD,
    }
    assert machines.output(states)["Error"] == "States.QueryEvaluationError"


def test_a_map_keeps_the_order_of_its_items(machines: Machines) -> None:
    each = {"Pause": {"Type": "Wait", "Seconds": "{% 4 - $states.input %}", "Next": "Square"}}
    each["Square"] = {"Type": "Succeed", "Output": "{% $states.input * $states.input %}"}
    states = {
        "All": {
            "Type": "Map",
            "Items": "{% $states.input.items %}",
            "ItemProcessor": {"StartAt": "Pause", "States": each},
            "End": True,
        }
    }
    assert machines.output(states, {"items": [1, 2, 3]}) == [1, 4, 9]


def test_jsonpath_runs_too(machines: Machines) -> None:
    states = {
        "Shape": {
            "Type": "Pass",
            "Parameters": {"name.$": "States.Format('{}!', $.who)"},
            "ResultPath": "$.out",
            "End": True,
        }
    }
    ended = machines.run(states, {"who": "you"}, QueryLanguage="JSONPath")
    assert json.loads(ended["output"]) == {"who": "you", "out": {"name": "you!"}}


def test_the_history_shows_the_states_by_their_titles(machines: Machines) -> None:
    states = {
        "Plan Büild": {"Type": "Pass", "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Read"},
        "Read": PARAMETER | {"Catch": caught(), "End": True},
        "Told": SUCCEED,
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
        ("SucceedStateEntered", "Told"),
    ]


def test_the_history_is_paged_and_reversed(machines: Machines) -> None:
    arn = machines.run(passing({"secret": 1}))["executionArn"]
    first = machines.states.get_execution_history(executionArn=arn, maxResults=3)
    rest = machines.history(arn, nextToken=first["nextToken"])
    assert [event["id"] for event in first["events"] + rest] == [1, 2, 3, 4]
    assert [event["id"] for event in machines.history(arn, reverseOrder=True)] == [4, 3, 2, 1]
    assert "secret" in str(machines.history(arn))
    assert "secret" not in str(machines.history(arn, includeExecutionData=False))


def test_the_same_start_is_the_same_execution(machines: Machines) -> None:
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


def test_executions_without_a_name_have_one(machines: Machines) -> None:
    machine = machines.create({"Done": SUCCEED})
    names = {machines.finish(machines.start(machine))["name"] for _ in range(2)}
    assert len(names) == 2
    assert {len(name) for name in names} == {36}


def test_a_stop_ends_a_waiting_execution_at_once(machines: Machines) -> None:
    machine = machines.create({"Rest": {"Type": "Wait", "Seconds": 6000, "Next": "Done"}, "Done": SUCCEED})
    arn = machines.start(machine)
    wait_for(lambda: machines.history(arn), lambda events: len(events) == 2)
    stopped = machines.states.stop_execution(executionArn=arn, error="Enough", cause="It was told to.")
    ended = machines.states.describe_execution(executionArn=arn)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Enough", "It was told to.")
    assert ended["stopDate"] == stopped["stopDate"]
    assert machines.states.stop_execution(executionArn=arn)["stopDate"] == stopped["stopDate"]
    time.sleep(0.4)
    events = machines.history(arn)
    assert [event["type"] for event in events] == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    assert events[-1]["executionAbortedEventDetails"] == {"error": "Enough", "cause": "It was told to."}


def test_executions_are_listed_newest_first_and_by_status(machines: Machines) -> None:
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


def test_a_machine_can_run_out_of_time(machines: Machines) -> None:
    states = {"Rest": {"Type": "Wait", "Seconds": 6000, "Next": "Done"}, "Done": SUCCEED}
    ended = machines.run(states, TimeoutSeconds=1)
    assert ended["status"] == "TIMED_OUT"
    assert 1 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 2
    assert machines.history(ended["executionArn"])[-1]["type"] == "ExecutionTimedOut"


TASK = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter", "End": True}


@pytest.mark.parametrize(
    ("states", "problem"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}}, "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next"),
        ({"A": {"Type": "Pass", "End": True}, "B": SUCCEED}, "State 'B' is not reachable"),
        ({"A": {"Type": "Pass"}}, "neither Next nor End at /States/A"),
        ({"A": {"Type": "Dance", "End": True}}, "SCHEMA_VALIDATION_FAILED"),
        (passing("{% ( 1 + %}"), "at /States/Tell/Output"),
        (passing("{% $states.input.a ?? 1 %}"), "JSONata 2.0.6 has no operator '??'"),
        ({"A": TASK | {"Resource": "arn:aws:states:::aws-sdk:ssm:getParametre"}}, "is not recognized"),
        ({"A": TASK | {"Resource": "arn:aws:states:::glue:startJobRun.sync"}}, "glue:startJobRun.sync is not served"),
        ({"A": TASK | {"Resource": "arn:aws:states:::sns:publish.sync"}}, "does not support .sync"),
        ({"A": TASK | {"Resource": "not an ARN"}}, "SCHEMA_VALIDATION_FAILED"),
    ],
)
def test_a_bad_definition_is_refused_with_its_place(machines: Machines, states: dict[str, Any], problem: str) -> None:
    with pytest.raises(ClientError) as raised:
        machines.create(states)
    assert code_of(raised) == "InvalidDefinition"
    assert problem in str(raised.value)
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states})
    told = machines.states.validate_state_machine_definition(definition=definition)
    assert told["result"] == "FAIL"
    ended = machines.run({"Tell": {"Type": "Pass", "Result": "as before", "End": True}}, QueryLanguage="JSONPath")
    assert ended["output"] == '"as before"'


def test_a_machine_is_created_once_and_updated(machines: Machines) -> None:
    def definition(output: str) -> str:
        return json.dumps({"StartAt": "Tell", "States": passing(output), "QueryLanguage": "JSONata"})

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


def test_executions_of_two_machines_run_side_by_side(machines: Machines) -> None:
    rest = {"Type": "Wait", "Seconds": 20, "Next": "Tell"}

    def create_and_start(number: int) -> str:
        machine = machines.create(
            {"Rest": rest, "Tell": {"Type": "Succeed", "Output": f"{{% '{number % 2}' & $states.input %}}"}}
        )
        return machines.start(machine, number)

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        arns = list(pool.map(create_and_start, range(8)))
    outputs = [json.loads(machines.finish(arn)["output"]) for arn in arns]
    assert outputs == [f"{number % 2}{number}" for number in range(8)]
    assert time.monotonic() - began < 8 * 20 / 20


def test_every_running_execution_can_be_seen(machines: Machines) -> None:
    machine = machines.create({"Rest": {"Type": "Wait", "Seconds": 6000, "Next": "Done"}, "Done": SUCCEED})
    arn = machines.start(machine)
    events = wait_for(lambda: machines.history(arn), lambda events: len(events) == 2)
    assert events[-1]["stateEnteredEventDetails"]["name"] == "Rest"
    machines.states.stop_execution(executionArn=arn)
