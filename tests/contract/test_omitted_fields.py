"""Every expression of the state machine has a value when AWS omits what it may omit.

JSONata yields nothing for a missing field, and an expression without a value fails the execution with
States.QueryEvaluationError: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, Shape, StructureShape

from local.states.jsonata import QueryError, evaluate
from tests.contract.test_statemachine import Definition, all_states, expressions_in
from tools.format_state_machine import FILE

# What a .sync task returns is the answer of another operation:
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync
DESCRIBED_BY = {
    "sagemaker:createTrainingJob.sync": ("sagemaker", "DescribeTrainingJob"),
    "sagemaker:createHyperParameterTuningJob.sync": ("sagemaker", "DescribeHyperParameterTuningJob"),
    "sagemaker:createProcessingJob.sync": ("sagemaker", "DescribeProcessingJob"),
    "sagemaker:createTransformJob.sync": ("sagemaker", "DescribeTransformJob"),
    "codebuild:startBuild.sync": ("codebuild", "StartBuild"),
    "states:startExecution.sync:2": ("stepfunctions", "DescribeExecution"),
}
CLIENT_NAMES = {"applicationautoscaling": "application-autoscaling"}
# The answers of the service's own functions, which omit nothing.
ANSWERS: dict[str, dict[str, Any]] = {
    "Check Quality": {"Payload": {"met": True, "reason": ""}},
    "Pack Model": {"Payload": {"model": {"ModelName": "model"}, "artifacts": "s3://model/1.tar.gz"}},
    "Ask For Approval": {"approved": True, "reason": ""},
}
PLAN: dict[str, Any] = {
    "number": 1,
    "pipeline": "",
    "preprocess": {"wanted": True, "execution": {"Name": "build-1", "Input": {}}},
    "source": {"wanted": True, "request": {"ProjectName": "images"}},
    "images": {
        "wanted": True,
        "builds": [{"tag": "build-1-training", "image": "house:build-1-training", "request": {}}],
        "lookup": {},
    },
    "processing": {"wanted": True, "jobs": [{"request": {"ProcessingJobName": "job"}, "model": ""}] * 2},
    "mode": "train",
    "artifacts": "s3://model/1.tar.gz",
    "training": {"TrainingJobName": "job"},
    "tuning": {
        "HyperParameterTuningJobName": "job",
        "HyperParameterTuningJobConfig": {"HyperParameterTuningJobObjective": {"MetricName": "score"}},
    },
    "evaluation": {"wanted": True, "jobs": [{"request": {"ProcessingJobName": "job"}, "model": ""}] * 2},
    "transform": {"wanted": True, "request": {"TransformJobName": "job"}, "seconds": 3600},
    "quality": {"wanted": True, "check": {}},
    "packing": {"source": "s3://code/source.tar.gz"},
    "model": {"ModelName": "model", "PrimaryContainer": {}},
    "register": {"wanted": True},
    "approval": {"wanted": True, "request": {}, "seconds": 60, "late": "not approved in time"},
    "deploy": True,
    "endpointConfig": {},
    "verify": {"models": ["model"]},
    "endpoint": {"EndpointName": "house", "EndpointConfigName": "new"},
    "component": {
        "wanted": True,
        "keepsInstances": True,
        "name": "house",
        "model": "model",
        "create": {"InferenceComponentName": "house"},
        "update": {"InferenceComponentName": "house"},
    },
    "tags": [],
    "guardrails": {},
    "scaling": {
        "wanted": True,
        "release": True,
        "wake": {"wanted": True, "policy": {}, "alarm": {"AlarmName": "alarm"}},
        "variant": {},
        "target": {},
        "policy": {},
        "update": {},
    },
    "smokeTest": {"wanted": True, "sample": {}},
    "postprocess": {"wanted": True, "execution": {"Name": "build-1", "Input": {}}},
    "pollSeconds": 30,
    "maximumPolls": 120,
}
CONTEXT = {"Execution": {"Id": "arn"}, "Task": {"Token": "token"}}


@cache
def _load_service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def omit_all(shape: Shape | None) -> Any:
    """The shortest answer of a shape: without its optional members, and with one item in each list."""
    if isinstance(shape, StructureShape):
        # Step Functions writes the members of every service with a capital.
        return {name[0].upper() + name[1:]: omit_all(shape.members[name]) for name in shape.required_members}
    if isinstance(shape, ListShape):
        return [omit_all(shape.member)]
    return {"string": "text", "timestamp": "text", "map": {}}.get(shape.type_name, 1) if shape else {}


def answer(name: str, state: dict[str, Any]) -> Any:
    """What a Task returns at the least."""
    if name in ANSWERS or "lambda:invoke" in state["Resource"]:
        return ANSWERS.get(name, {"Payload": PLAN})
    resource = state["Resource"].partition(":states:::")[2].removeprefix("aws-sdk:")
    service, operation = resource.split(":")[:2]
    service, operation = DESCRIBED_BY.get(
        resource, (CLIENT_NAMES.get(service, service), operation[0].upper() + operation[1:])
    )
    return omit_all(_load_service(service).operation_model(operation).output_shape)


def walk(definition: Definition, reached: set[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Every expression that has no value: its state, itself and why. Each state passes its variables on."""
    states = dict(all_states(definition))
    passed: dict[str, list[dict[str, Any]]] = {name: [] for name in states}
    ahead: list[tuple[str, dict[str, Any]]] = [(definition["StartAt"], {})]
    while ahead:
        name, variables = ahead.pop()
        if name not in states or variables.keys() in [one.keys() for one in passed[name]]:
            continue
        passed[name].append(variables)
        if reached is not None:
            reached.add(name)
        state = states[name]
        states_variable: dict[str, Any] = {"input": {"number": 1}, "context": CONTEXT}
        if state["Type"] == "Task":
            states_variable["result"] = answer(name, state)
        failed = {"errorOutput": {"Error": "States.TaskFailed"}}
        rules = [(rule, states_variable) for rule in state.get("Choices", [])]
        rules += [(rule, states_variable | failed) for rule in state.get("Catch", [])]
        own = {key: value for key, value in state.items() if key not in ("Choices", "Catch", "ItemProcessor")}
        for part, known in [(own, states_variable), *rules]:
            given = variables | {"states": known}
            for expression in expressions_in(part):
                try:
                    evaluate(expression, given)
                except QueryError as error:
                    yield name, expression, str(error)
            assigned = {key: _assign(value, given) for key, value in part.get("Assign", {}).items()}
            ahead += [(part[key], variables | assigned) for key in ("Next", "Default") if key in part]


def _assign(value: Any, variables: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _assign(part, variables) for key, part in value.items()}
    if not isinstance(value, str) or not value.startswith("{%"):
        return value
    try:
        return evaluate(value.removeprefix("{%").removesuffix("%}"), variables)
    except QueryError:
        return None


@pytest.fixture
def definition() -> Definition:
    loaded: Definition = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


def test_every_expression_has_a_value_without_the_optional_fields(definition: Definition) -> None:
    reached: set[str] = set()
    assert list(walk(definition, reached)) == []
    assert reached == definition["States"].keys()


@pytest.mark.parametrize(
    ("path", "unsafe"),
    [
        (("Build Failed", "Cause"), "{% $failure.Cause %}"),
        (("Check Endpoint", "Assign", "live"), "{% $states.result.EndpointConfigName %}"),
        (("Check Endpoint", "Assign", "reason"), "{% $states.result.FailureReason %}"),
        (("Tune Model", "Assign", "best"), "{% $states.result.BestTrainingJob.TrainingJobName %}"),
        (("Run Preprocessing", "Output"), "{% $states.result.Output %}"),
    ],
)
def test_an_expression_that_needs_an_optional_field_is_found(
    definition: Definition, path: tuple[str, ...], unsafe: str
) -> None:
    spoilt = copy.deepcopy(definition)
    *parents, last = path
    place = spoilt["States"]
    for key in parents:
        place = place[key]
    place[last] = unsafe
    assert [name for name, expression, _ in walk(spoilt) if f"{{%{expression}%}}" == unsafe][:1] == [path[0]]
