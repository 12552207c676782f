"""The Amazon States Language in local/: values, choices, errors, retries, waits, branches and maps."""

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.engine import Engine
from tests.local.state_machines import Machines

SUCCEED = {"Type": "Succeed"}
REPORTED = {"Type": "Succeed", "Output": "{% $reported %}"}
ERROR_OUTPUT = {"Error": "{% $states.errorOutput.Error %}", "Cause": "{% $states.errorOutput.Cause %}"}
PARAMETER = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
    "Arguments": {"Name": "/never/there"},
}


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


def passing(output: Any) -> dict[str, Any]:
    return {"Report": {"Type": "Pass", "Output": output, "End": True}}


def caught(error: str = "States.ALL") -> list[dict[str, Any]]:
    return [{"ErrorEquals": [error], "Assign": {"reported": ERROR_OUTPUT}, "Next": "Reported"}]


def test_values_with_quotes_and_nulls_pass_through_variables(machines: Machines) -> None:
    text = 'he said "é \\ 😀"\n'
    given = {"text": text, "nothing": None, "list": [None, 1, {"deep": [None]}]}
    states = {
        "Keep": {"Type": "Pass", "Assign": {"kept": "{% $states.input %}"}, "Output": {}, "Next": "Report"},
        "Report": {"Type": "Succeed", "Output": {"kept": "{% $kept %}", "joined": "{% $kept.text & '!' %}"}},
    }
    assert machines.output(states, given) == {"kept": given, "joined": f"{text}!"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(3, 5, 9)", 3),
        ("$hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("$random(7) = $random(7) and $random() != $random()", True),
        ("$length($uuid()) = 36 and $uuid() != $uuid()", True),
        ("""$parse('{"a": [1, null]}')""", {"a": [1, None]}),
        ("$states.context.State.Name", "Report"),
        ("$states.input[0].{'x': $}", {"x": 4}),
    ],
)
def test_jsonata_has_the_functions_of_step_functions(machines: Machines, expression: str, value: Any) -> None:
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
def test_the_error_for_a_failed_expression_names_it_and_its_field(
    machines: Machines, expression: str, what: str
) -> None:
    ended = machines.run(passing({"deep": [f"{{% {expression} %}}"]}))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert f"'{expression}' specified for the field 'Output/deep[0]' {what}" in ended["cause"]
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds == ["ExecutionStarted", "PassStateEntered", "EvaluationFailed", "ExecutionFailed"]


def test_failed_arguments_of_a_task_are_recorded_once(machines: Machines) -> None:
    states = {
        "Read": PARAMETER | {"Arguments": {"Name": "{% $nothing %}"}, "Catch": caught(), "End": True},
        "Reported": REPORTED,
    }
    ended = machines.run(states)
    assert json.loads(ended["output"])["Error"] == "States.QueryEvaluationError"
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds.count("EvaluationFailed") == 1


def test_an_assignment_takes_effect_when_its_state_ends(machines: Machines) -> None:
    states = {
        "One": {"Type": "Pass", "Assign": {"n": 1, "text": 'a "b"\n'}, "Next": "Two"},
        "Two": {"Type": "Pass", "Assign": {"n": 2, "before": "{% $n %}"}, "Output": "{% $n %}", "Next": "Three"},
        "Three": {"Type": "Succeed", "Output": "{% [$states.input, $before, $n, $text] %}"},
    }
    ended = machines.run(states)
    assert json.loads(ended["output"]) == [1, 1, 2, 'a "b"\n']
    events = machines.history(ended["executionArn"])
    exits = [event["stateExitedEventDetails"] for event in events if "stateExitedEventDetails" in event]
    assert exits[0]["assignedVariables"] == {"n": "1", "text": '"a \\"b\\"\\n"'}


def test_a_choice_takes_the_first_true_rule(machines: Machines) -> None:
    states = {
        "Which?": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.n > 10 %}", "Next": "Large"},
                {"Condition": "{% $states.input.n > 1 %}", "Assign": {"reported": "middle"}, "Next": "Reported"},
            ],
            "Default": "Small",
        },
        "Large": {"Type": "Succeed", "Output": "large"},
        "Reported": REPORTED,
        "Small": {"Type": "Succeed", "Output": "small"},
    }
    machine = machines.create(states)
    ended = [machines.finish(machines.start(machine, {"n": n})) for n in (11, 2, 1)]
    assert [json.loads(execution["output"]) for execution in ended] == ["large", "middle", "small"]


def test_a_choice_without_a_match_fails_with_no_choice_matched(machines: Machines) -> None:
    states = {"Which?": {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "Done"}]}, "Done": SUCCEED}
    assert machines.run(states)["error"] == "States.NoChoiceMatched"


def test_catch_gets_error_and_cause(machines: Machines) -> None:
    states = {
        "Read": PARAMETER | {"Catch": caught("Ssm.ParameterNotFoundException"), "End": True},
        "Reported": REPORTED,
    }
    reported = machines.output(states)
    assert reported["Error"] == "Ssm.ParameterNotFoundException"
    assert "/never/there" in reported["Cause"]
    assert "(Service: Ssm, Status Code: 400, Request ID: " in reported["Cause"]


def test_no_wildcard_catches_a_runtime_error(machines: Machines) -> None:
    states = {
        "Read": PARAMETER | {"Arguments": {"name": "camel"}, "Catch": caught(), "End": True},
        "Reported": REPORTED,
    }
    ended = machines.run(states)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert 'The field "name" is not supported by Step Functions' in ended["cause"]


def test_errors_of_the_interpreter_can_be_rethrown(machines: Machines) -> None:
    again = {"Type": "Fail", "Error": "{% $reported.Error %}", "Cause": "{% $reported.Cause %}"}
    inner = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "States.Timeout", "Cause": "late"}}}
    states = {"Both": {"Type": "Parallel", "Branches": [inner], "Catch": caught(), "End": True}, "Reported": again}
    ended = machines.run(states)
    assert (ended["error"], ended["cause"]) == ("States.Timeout", "late")


def test_retries_back_off_in_scaled_time(machines: Machines) -> None:
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


def test_wait_states_run_in_scaled_time(machines: Machines) -> None:
    ended = machines.run({"Rest": {"Type": "Wait", "Seconds": "{% 5 + 5 %}", "Next": "Done"}, "Done": SUCCEED})
    assert 10 / 20 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 10 / 20 + 1


def test_a_wait_state_waits_for_a_timestamp(machines: Machines) -> None:
    moment = "$fromMillis($millis() + 20000, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z')"
    ended = machines.run({"Rest": {"Type": "Wait", "Timestamp": f"{{% {moment} %}}", "Next": "Done"}, "Done": SUCCEED})
    assert 18 / 20 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 2


@pytest.mark.parametrize("text", ["2020-02-02T10:00:00Z", "2020-02-02T10:00:00.5Z", "2020-02-02T10:00:00+01:00"])
def test_a_wait_until_a_past_moment_ends_at_once(machines: Machines, text: str) -> None:
    wait = {"Type": "Wait", "Timestamp": "{% $states.input %}", "Next": "Done"}
    assert machines.output({"Rest": wait, "Done": SUCCEED}, text) == text


@pytest.mark.parametrize("text", ["2020-02-30T10:00:00Z", "2020-02-02T10:00:00", "2020-02-02 10:00:00Z", "soon"])
def test_an_invalid_timestamp_is_an_evaluation_error(machines: Machines, text: str) -> None:
    wait = {"Type": "Wait", "Timestamp": "{% $states.input %}", "Next": "Done"}
    ended = machines.run({"Rest": wait, "Done": SUCCEED}, text)
    assert ended["error"] == "States.QueryEvaluationError"
    place = "An error occurred while executing the state 'Rest' (entered at the event id #2). The Timestamp field"
    assert ended["cause"] == f"{place} cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
    failed = machines.history(ended["executionArn"])[2]
    assert (failed["type"], failed["evaluationFailedEventDetails"]["location"]) == ("EvaluationFailed", "Timestamp")


def test_a_wait_of_more_than_68_years_fails(machines: Machines) -> None:
    wait = {"Type": "Wait", "Timestamp": "2199-01-01T00:00:00Z", "Next": "Done"}
    ended = machines.run({"Rest": wait, "Done": SUCCEED})
    assert ended["error"] == "States.Runtime"
    assert ended["cause"].endswith("(entered at the event id #2). Wait state delay is too long.")


def test_a_failed_branch_aborts_the_others_where_they_are(machines: Machines) -> None:
    failing = {"Pause": {"Type": "Wait", "Seconds": 4, "Next": "Fail"}, "Fail": {"Type": "Fail", "Error": "Own"}}
    waiting = {"Rest": {"Type": "Wait", "Seconds": 60000, "Next": "Done"}, "Done": SUCCEED}
    branches = [{"StartAt": next(iter(states)), "States": states} for states in (failing, waiting)]
    ended = machines.run({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds[-3:] == ["WaitStateAborted", "ParallelStateFailed", "ExecutionFailed"]


def test_the_task_that_fails_its_branch_is_aborted(machines: Machines) -> None:
    branch = {"StartAt": "Read", "States": {"Read": PARAMETER | {"End": True}}}
    ended = machines.run({"Both": {"Type": "Parallel", "Branches": [branch], "End": True}})
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds[-4:] == ["TaskFailed", "TaskStateAborted", "ParallelStateFailed", "ExecutionFailed"]


def test_the_cause_names_the_state_that_failed_and_no_other(machines: Machines) -> None:
    each = {"Do": {"Type": "Pass", "Output": "{% $nothing %}", "End": True}}
    states = {
        "All": {
            "Type": "Map",
            "Items": [1],
            "ItemProcessor": {"StartAt": "Do", "States": each},
            "End": True,
        }
    }
    ended = machines.run(states)
    assert ended["cause"] == (
        "An error occurred while executing the state 'Do' (entered at the event id #5). The JSONata expression "
        "'$nothing' specified for the field 'Output' returned nothing (undefined)."
    )


def test_branches_get_the_arguments_and_return_a_list_of_outputs(machines: Machines) -> None:
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


def test_invalid_arguments_of_a_parallel_can_be_caught(machines: Machines) -> None:
    branch = {"StartAt": "Done", "States": {"Done": SUCCEED}}
    states = {
        "Both": {
            "Type": "Parallel",
            "Arguments": "{% $states.input.missing %}",
            "Branches": [branch],
            "Catch": caught("States.QueryEvaluationError"),
            "End": True,
        },
        "Reported": REPORTED,
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


def test_jsonpath_is_supported(machines: Machines) -> None:
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
