"""Hook functions change the requests, except the members that the build needs."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.context import describe_next
from sagebuild.client.stack import Stack as Client
from sagebuild.cost.estimate import estimate_cost
from sagebuild.errors import PreflightError
from sagebuild.running.executions import stop_executions
from tests.functional.conftest import REGION, STACK, FakeQuotas, Stack, client
from tests.functional.test_preflight import RIGHT, plan, ready, write

__all__ = ["ready"]

FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:mine"
Body = dict[str, Any]


class FakeFunctions:
    """Lambda, with one function."""

    def __init__(self, answer: Callable[[Body], Any]) -> None:
        self.answer = answer
        self.events: list[Body] = []

    def invoke(self, FunctionName: str, Payload: str) -> Body:  # noqa: N803 - boto3's names
        assert FunctionName == FUNCTION
        self.events.append(json.loads(Payload))
        try:
            return {"Payload": io.StringIO(json.dumps(self.answer(self.events[-1]["request"])))}
        except ZeroDivisionError as error:
            failure = {"errorType": "ZeroDivisionError", "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": io.StringIO(json.dumps(failure))}


def hook(stack: Stack, setting: str, answer: Callable[[Body], Any]) -> FakeFunctions:
    fake = FakeFunctions(answer)
    stack.settings[setting] = FUNCTION
    stack.service.__dict__["functions"] = fake
    return fake


def refuse(stack: Stack) -> list[str]:
    with pytest.raises(PreflightError) as error:
        plan(stack, RIGHT)
    return str(error.value).splitlines()


@pytest.mark.parametrize(("setting", "kind"), [
    ("TRAINING_CONFIG_FUNCTION", "training"),
    ("MODEL_CONFIG_FUNCTION", "model"),
    ("ENDPOINT_CONFIG_FUNCTION", "endpointConfig"),
])  # fmt: skip
def test_a_function_sees_its_request_and_its_answer_is_sent(ready: Stack, setting: str, kind: str) -> None:
    usual = plan(ready, RIGHT)
    tag = {"Key": "mine", "Value": "1"}
    fake = hook(ready, setting, lambda request: request | {"Tags": [*request["Tags"], tag]})
    planned = plan(ready, RIGHT)
    assert planned[kind] == usual[kind] | {"Tags": [*usual[kind]["Tags"], tag]}
    assert {name: body for name, body in planned.items() if name != kind} == {
        name: body for name, body in usual.items() if name != kind
    }
    (event,) = fake.events
    assert event.keys() == {"number", "pipeline", "parameters", "request"}
    assert (event["number"], event["request"]) == (1, usual[kind])
    assert event["parameters"]["trainentrypoint"] == "train.py"


@pytest.mark.parametrize(("change", "problem"), [
    (lambda _: None, "trainingConfigFunction returned null; it must return the request, a JSON object."),
    (lambda _: [], "trainingConfigFunction returned []; it must return the request, a JSON object."),
    (lambda _: 1 / 0, "trainingConfigFunction failed: division by zero"),
    (lambda r: r | {"TrainingJobName": "mine"}, 'trainingConfigFunction changed TrainingJobName from '
     '"sagebuild-test-3f2a1c00-1" to "mine"; it must not change this value.'),
    (lambda r: {k: v for k, v in r.items() if k != "Tags"} | {"RoleArn": r["RoleArn"]},
     "trainingConfigFunction removed the tag sagebuild:stack; it must keep this tag.\n"
     "trainingConfigFunction removed the tag sagebuild:build; it must keep this tag."),
    (lambda r: r | {"Color": "blue"}, 'CreateTrainingJob: Unknown parameter in input: "Color", must be one of: '),
    (lambda r: r | {"ResourceConfig": r["ResourceConfig"] | {"KeepAlivePeriodInSeconds": 99999}},
     "CreateTrainingJob: ResourceConfig.KeepAlivePeriodInSeconds is 99999; the maximum is 21600."),
    (lambda r: r | {"ResourceConfig": r["ResourceConfig"] | {"InstanceCount": "many"}},
     "CreateTrainingJob: Invalid type for parameter ResourceConfig.InstanceCount, value: many, type: "),
])  # fmt: skip
def test_an_invalid_request_is_reported(ready: Stack, change: Callable[[Body], Any], problem: str) -> None:
    hook(ready, "TRAINING_CONFIG_FUNCTION", change)
    found, expected = "\n".join(refuse(ready)), problem
    assert found.startswith(expected)
    assert len(found.splitlines()) <= 1 + expected.count("\n") + (1 if "Invalid" in expected else 0)


def test_a_function_may_leave_out_what_sagemaker_does_not_need(ready: Stack) -> None:
    needed = {"TrainingJobName", "RoleArn", "OutputDataConfig", "Tags"}
    hook(ready, "TRAINING_CONFIG_FUNCTION", lambda r: {name: r[name] for name in needed})
    assert plan(ready, RIGHT)["training"].keys() == needed


@pytest.mark.parametrize("path", ["VariantName", "ModelName"])
def test_the_variant_cannot_be_changed(ready: Stack, path: str) -> None:
    def change(request: Body) -> Body:
        request["ProductionVariants"][0][path] = "other"
        return request

    hook(ready, "ENDPOINT_CONFIG_FUNCTION", change)
    (problem,) = refuse(ready)
    assert problem.startswith(f"endpointConfigFunction changed ProductionVariants[0].{path} from ")


def test_a_missing_function_is_reported_by_its_arn(ready: Stack) -> None:
    def fail(_request: Body) -> Any:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "Invoke")

    hook(ready, "MODEL_CONFIG_FUNCTION", fail)
    (problem,) = refuse(ready)
    assert problem.startswith(f"modelConfigFunction is {FUNCTION}, which cannot be invoked (ResourceNotFoundException)")


def test_own_state_machines_are_planned_under_the_builds_name(ready: Stack) -> None:
    for kind in ("PREPROCESS", "POSTPROCESS"):
        ready.settings[f"{kind}_STATE_MACHINE"] = ready.settings["STATE_MACHINE_ARN"]
    planned = plan(ready, RIGHT)
    before, after = planned["preprocess"]["execution"], planned["postprocess"]["execution"]
    assert before["Name"] == "sagebuild-test-3f2a1c00-1-preprocess"
    assert after["Name"] == "sagebuild-test-3f2a1c00-1-postprocess"
    assert before["Input"]["channels"] == {"training": "s3://sagebuild-test-data/train/"}
    assert after["Input"]["endpoint"] == before["Input"]["stack"] == "sagebuild-test"


def test_a_channel_that_preprocessing_fills_may_be_empty(ready: Stack) -> None:
    document = RIGHT | {"channels": {"training": {"path": "clean/"}}}
    with pytest.raises(PreflightError, match="has no objects"):
        plan(ready, document)
    ready.settings["PREPROCESS_STATE_MACHINE"] = ready.settings["STATE_MACHINE_ARN"]
    assert plan(ready, document)["preprocess"]["wanted"] is True


def test_running_executions_of_your_own_state_machines_are_stopped(stack: Stack) -> None:
    machine = stack.settings["PREPROCESS_STATE_MACHINE"] = stack.settings["STATE_MACHINE_ARN"]
    started = stack.service.stepfunctions.start_execution(
        stateMachineArn=machine, name="sagebuild-test-3f2a1c00-1-preprocess"
    )
    stop_executions(stack.service, 2)
    assert _status(stack, started["executionArn"]) == "RUNNING"
    stop_executions(stack.service, 1)
    assert _status(stack, started["executionArn"]) == "ABORTED"


def _status(stack: Stack, arn: str) -> str:
    return stack.service.stepfunctions.describe_execution(executionArn=arn)["status"]


def find_by_doctor(stack: Stack, subject: str) -> list[tuple[str, str]]:
    stack.service.__dict__["quotas"] = FakeQuotas({})
    findings = Client(stack.service, client, {}).diagnose().findings
    return [(one.state, one.message) for one in findings if one.subject == subject]


def test_the_doctor_reports_what_a_function_does_to_the_next_build(ready: Stack) -> None:
    hook(ready, "TRAINING_CONFIG_FUNCTION", lambda request: request | {"TrainingJobName": "other"})
    write(ready, RIGHT)
    (found,) = find_by_doctor(ready, "requests")
    assert found == ("error", refuse(ready)[0].replace(f"{STACK}-3f2a1c00-1", f"{STACK}-3f2a1c00-2"))


def test_doctor_and_estimate_keep_to_maxcost_as_the_build_does(ready: Stack) -> None:
    write(ready, RIGHT | {"maxcost": 0.064})
    (note,) = find_by_doctor(ready, "requests")
    assert note == ("ok", "maxcost ($0.06) ends the training after 30 minutes, before trainmaxrun does.")
    assert Client(ready.service, client, {}).estimate().maximum == 0.064
    assert estimate_cost(describe_next(ready.service)).maximum == 0.064


def test_an_estimate_has_the_price_of_what_a_function_asks_for(ready: Stack) -> None:
    def double(request: Body) -> Body:
        return request | {"ResourceConfig": request["ResourceConfig"] | {"InstanceCount": 2}}

    hook(ready, "TRAINING_CONFIG_FUNCTION", double)
    write(ready, RIGHT)
    usual = estimate_cost(describe_next(ready.service))
    assert Client(ready.service, client, {}).estimate().maximum == 2 * (usual.maximum or 0)
    assert "Your own functions may change the requests: trainingConfigFunction." in usual.left_out
