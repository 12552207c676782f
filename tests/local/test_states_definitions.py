"""Definitions of state machines in local/: what is refused, with which code and at which location."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import states
from local.states.definition import read_program
from local.states.diagnostics import find_problems, find_warnings
from tests.engine import Engine
from tests.local.state_machines import Machines

SUCCEED = {"Type": "Succeed"}
PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter", "End": True}
UNKNOWN = (
    "is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. "
    "at /States/A/Resource"
)
NESTED = {"ItemProcessor": {"StartAt": "B", "States": {"B": PASS | {"QueryLanguage": "JSONPath"}}}}


@pytest.fixture(scope="module", autouse=True)
def interpreter() -> None:
    states.install()


def problems(machine_states: dict[str, Any], is_express: bool = False, **fields: Any) -> list[str]:
    definition = {"StartAt": "A", "States": machine_states} | fields
    return [str(problem) for problem in find_problems(json.dumps(definition), is_express)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" ", ("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)),
        ("[]", ("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)),
        ("{}", ("SCHEMA_VALIDATION_FAILED", "These fields are required: [States, StartAt]", "/")),
        (
            '{"StartAt": 1, "States": []}',
            ("SCHEMA_VALIDATION_FAILED", "The field 'States' must be an object", "/States"),
        ),
        ("[" * 100_000, ("INVALID_JSON_DESCRIPTION", "The definition is nested too deeply", None)),
        (
            "no json",
            (
                "INVALID_JSON_DESCRIPTION",
                "Unrecognized token 'no': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
                "'false')\n at [Source: (String)\"no json\"; line: 1, column: 3]",
                '[Source: (String)"no json"; line: 1, column: 3]',
            ),
        ),
    ],
)
def test_a_text_that_is_no_definition_is_reported(text: str, expected: tuple[str, str, str | None]) -> None:
    (problem,) = find_problems(text)
    assert (problem.code, problem.message, problem.location) == expected


@pytest.mark.parametrize(
    ("machine_states", "expected"),
    [
        ({"A": {"Type": "Dance"}}, "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: "
         "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/A/Type"),
        ({"A": {"End": True}}, "SCHEMA_VALIDATION_FAILED: These fields are required: [Type] at /States/A"),
        ({"A": {"Type": "Task", "End": True}}, "These fields are required: [Resource] at /States/A"),
        ({"A": {"Type": "Pass"}}, "The state has neither Next nor End at /States/A"),
        ({"A": PASS | {"Retry": []}}, "Field 'Retry' is not supported at /States/A"),
        ({"A": {"Type": "Parallel", "Branches": [], "End": True}}, "Value cannot be empty at /States/A/Branches"),
        ({"A": {"Type": "Parallel", "Branches": [1], "End": True}},
         "A branch must be an object at /States/A/Branches[0]"),
        ({"A": {"Type": "Map", "Iterator": None, "End": True}},
         "The field 'Iterator' must be an object at /States/A/Iterator"),
        ({"A": {"Type": "Choice", "Choices": {}}}, "The field 'Choices' must be an array at /States/A/Choices"),
        ({"A": TASK | {"Credentials": {}}}, "The field 'RoleArn' is required but was missing at /States/A/Credentials"),
        ({"A": {"Type": "Wait", "Timestamp": "soon", "End": True}},
         "String does not match RFC3339 timestamp at /States/A/Timestamp"),
        ({"A": TASK | {"Resource": "arn:aws:states:::aws-sdk:ssm:getParametre"}}, UNKNOWN),
        ({"A": TASK | {"Resource": "arn:aws:states:::sns:publish.sync"}},
         "does not support .sync at /States/A/Resource"),
        ({"A": PASS | {"Output": 1}}, "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported "
         "for the 'JSONata' QueryLanguage at /States/A"),
        ({"A": PASS | {"Parameters": {"b": {"c.$": "States.Nothing(1)"}}}}, "The value for the field 'c.$' must be a "
         "valid JSONPath or a valid intrinsic function call at /States/A/Parameters"),
    ],
)  # fmt: skip
def test_a_problem_of_a_state_has_its_location(machine_states: dict[str, Any], expected: str) -> None:
    (problem,) = problems(machine_states)
    assert problem.endswith(expected)
    assert problem.startswith("SCHEMA_VALIDATION_FAILED: ")


@pytest.mark.parametrize(
    ("machine_states", "expected"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}, "C": SUCCEED}, [
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next",
            'MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C',
        ]),
        ({"A": {"Type": "Pass", "Next": "A"}}, ["MISSING_END_STATE: Workflow has no terminal state at null"]),
        ({"A": {"Type": "Choice", "Choices": [{"Variable": "$.b", "IsNull": True, "Next": "C"}], "Default": "D"}}, [
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: D at /States/A/Default",
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Choices[0]/Next",
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ]),
        ({"A": {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": PASS}}], "End": True}}, [
            "DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A/Branches[0]/States/A",
        ]),
    ],
)  # fmt: skip
def test_problems_of_the_graph_are_reported(machine_states: dict[str, Any], expected: list[str]) -> None:
    assert problems(machine_states) == expected


def test_states_inherit_the_query_language_of_the_whole_machine() -> None:
    each = {"Type": "Map", "QueryLanguage": "JSONata", "End": True}
    assert problems({"A": each | NESTED}) == []
    downgraded = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
    location = "/States/A/ItemProcessor/States/B"
    assert problems({"A": each | NESTED}, QueryLanguage="JSONata") == [
        f"SCHEMA_VALIDATION_FAILED: {downgraded} at {location}"
    ]
    inner = {"ItemProcessor": {"StartAt": "B", "States": {"B": PASS | {"Output": 1}}}}
    (problem,) = problems({"A": each | inner})
    assert problem.endswith(f"only supported for the 'JSONata' QueryLanguage at {location}")


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("states:::sqs:sendMessage.waitForTaskToken", "'.waitForTaskToken' service integration "),
        ("states:::states:startExecution.sync:2", "'.sync' service integration"),
        ("states:us-east-1:123456789012:activity:dig", "Activity ARN"),
    ],
)
def test_an_express_machine_does_not_wait_for_tasks(resource: str, expected: str) -> None:
    machine_states = {"A": TASK | {"Resource": f"arn:aws:{resource}"}}
    refused = f"Express state machine does not support {expected} at /States/A/Resource"
    assert problems(machine_states) == []
    assert problems(machine_states, is_express=True) == [f"SCHEMA_VALIDATION_FAILED: {refused}"]


def test_warnings_name_likely_mistakes() -> None:
    mistaken = PASS | {"Result": "$.b", "Parameters": {"b": ["$.c"], "d.$": "$.d"}}
    wait = {"Type": "Wait", "Timestamp": "$.when", "Next": "C"}
    definition = json.dumps({"StartAt": "A", "States": {"A": mistaken, "B": wait}})
    found = [(warning.code, warning.location, warning.severity) for warning in find_warnings(definition)]
    assert found == [
        ("PASS_RESULT_IS_STATIC", "/States/A/Result", "WARNING"),
        ("NO_DOLLAR", "/States/A/Parameters/b[0]", "WARNING"),
        ("NO_PATH", "/States/B/Timestamp", "WARNING"),
    ]


def test_definitions_are_parsed_at_the_same_time() -> None:
    def parse(number: int) -> str:
        language = "JSONata" if number % 2 else "JSONPath"
        broken = number % 5 == 0
        state = {"Type": "Pass", "Comment": str(number), ("Output" if language == "JSONata" else "Result"): number}
        text = json.dumps({"StartAt": "A", "QueryLanguage": language, "States": {"A": state | {"End": not broken}}})
        if broken:
            return find_problems(text)[0].message
        return str(read_program(text).states.states["A"].comment.comment)

    numbers = range(40)
    with ThreadPoolExecutor(8) as pool:
        parsed = list(pool.map(parse, numbers))
    broken = "The state has neither Next nor End"
    assert parsed == [broken if number % 5 == 0 else str(number) for number in numbers]


def test_an_invalid_definition_is_refused_and_described(engine: Engine) -> None:
    machines = Machines.of(engine)
    lost = {"A": {"Type": "Pass", "Next": "B"}, "C": SUCCEED}
    with pytest.raises(ClientError) as raised:
        machines.create(lost)
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidDefinition"
    assert error["Message"] == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next, "
        'MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C\''
    )
    text = json.dumps({"StartAt": "A", "States": lost})
    reported = machines.states.validate_state_machine_definition(definition=text, maxResults=1)
    assert (reported["result"], reported["truncated"]) == ("FAIL", True)
    assert reported["diagnostics"] == [
        {
            "severity": "ERROR",
            "code": "MISSING_TRANSITION_TARGET",
            "message": "Missing 'Next' target: B",
            "location": "/States/A/Next",
        }
    ]
    doubtful = json.dumps({"StartAt": "A", "States": {"A": PASS | {"Result": "$.b"}}})
    validate = machines.states.validate_state_machine_definition
    assert validate(definition=doubtful)["diagnostics"] == []
    reported = validate(definition=doubtful, severity="WARNING")
    assert (reported["result"], [one["code"] for one in reported["diagnostics"]]) == ("OK", ["PASS_RESULT_IS_STATIC"])
    unparsable = {"A": PASS | {"Output": "{% $states.input.a ?? 1 %}"}}
    with pytest.raises(ClientError, match=r"JSONata 2.0.6 has no operator '\?\?' at /States/A/Output"):
        machines.create(unparsable)
