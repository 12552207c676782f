"""Deployments: guardrails in the request, the smoke test, and the undo."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from handlers.run_smoke_test import handler
from sagebuild.builds.context import BuildContext
from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, now, read_build, update_build
from sagebuild.errors import AwsUnavailableError, SmokeTestError, StillRunningError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from sagebuild.parameters import BuildParameters, parse_parameters
from sagebuild.requests.guardrails import build_deployment_config, count_polls, examine_alarms
from sagebuild.running.endpoint import RETAIN_CAPACITY
from sagebuild.running.undo import undo_deployment
from sagebuild.steps.smoke_test import find_sample_problems, plan_smoke_test, run_smoke_test
from tests.functional.conftest import REGION, STACK, Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import deploy, never_sleep

SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")
FAILED = Ending("FAILED", "SmokeTestError", json.dumps({"errorMessage": "The smoke test failed."}))
SAMPLE = {"contenttype": "text/csv", "body": "1,2"}


def ask(**changes: Any) -> BuildParameters:
    return parse_parameters({"framework": "SCIKIT", **changes})


@pytest.mark.parametrize(
    ("asked", "size", "polls"),
    [
        ({"wait": 300}, {}, 120 + 10),
        ({"shifting": "CANARY", "percent": 25, "wait": 60}, {"CanarySize": ("CAPACITY_PERCENT", 25)}, 120 + 2),
        ({"shifting": "LINEAR", "instances": 2, "wait": 60}, {"LinearStepSize": ("INSTANCE_COUNT", 2)}, 120 + 6),
        ({"shifting": "LINEAR", "percent": 30, "wait": 30, "terminationwait": 90}, None, 120 + 7),
        ({"wait": 0, "timeout": 900, "alarms": ["slow", "wrong"]}, {}, 120 + 30),
    ],
)
def test_guardrails_are_in_the_request(asked: dict[str, Any], size: Any, polls: int) -> None:
    parameters = ask(hostinstancecount=6, guardrails=asked)
    body = {"EndpointName": "e", "EndpointConfigName": "c"} | build_deployment_config(parameters)
    shape: Any = SAGEMAKER.operation_model("UpdateEndpoint").input_shape
    report = ParamValidator().validate(body, shape)
    assert not report.has_errors(), report.generate_report()
    config: Any = body["DeploymentConfig"]
    routing = config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    if size is not None:
        sizes = {name: (value["Type"], value["Value"]) for name, value in routing.items() if name.endswith("Size")}
        assert sizes == size
    names = [alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
    assert names == asked.get("alarms", [])
    assert count_polls(parameters) == polls


def test_a_request_without_guardrails_has_no_deployment_config() -> None:
    assert build_deployment_config(ask()) == {}
    assert count_polls(ask()) == 120


def test_alarms_must_exist_and_those_in_alarm_are_noted(stack: Stack) -> None:
    client = boto3.client("cloudwatch", region_name=REGION)
    for name in ("slow", "wrong"):
        client.put_metric_alarm(
            AlarmName=name, Namespace="own", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    client.set_alarm_state(AlarmName="wrong", StateValue="ALARM", StateReason="a test's")
    asked = ask(guardrails={"wait": 60, "alarms": ["slow", "wrong", "absent"]})
    problems, notes = examine_alarms(BuildContext(stack.service, 1, asked))
    assert [problem.partition(";")[0] for problem in problems] == [
        "guardrails.alarms names absent, but there is no metric alarm with that name"
    ]
    assert notes == ["The alarm wrong is in ALARM; until that ends, SageMaker rolls back every deployment."]


class FakeRuntime:
    """An endpoint that answers each request with the next answer."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.requests = list(answers), list[dict[str, Any]]()

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        """InvokeEndpoint."""
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, **answer}


class Body:
    """The body of an answer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self) -> bytes:
        """The whole body."""
        return self._content


def answer(content: bytes = b"7", kind: str = "text/csv; charset=utf-8") -> dict[str, Any]:
    return {"ContentType": kind, "Body": Body(content)}


def model_error(status: int, message: str = "ValueError: no", code: str = "ModelError") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "OriginalStatusCode": status,
        "OriginalMessage": message,
    }
    return ClientError(response, "InvokeEndpoint")


def ticking(*milliseconds: int) -> Callable[[], float]:
    """A clock by which requests take these times."""

    def tick() -> Iterator[float]:
        now = 0.0
        for each in milliseconds:
            yield now
            now += each / 1000
            yield now

    ticks = tick()
    return lambda: next(ticks)


def try_out(
    stack: Stack, asked: dict[str, Any], *answers: Any, clock: Callable[[], float] | None = None
) -> FakeRuntime:
    runtime = FakeRuntime(*answers)
    stack.service.__dict__["runtime"] = runtime
    planned = plan_smoke_test(BuildContext(stack.service, 1, ask(smoketest=asked)))
    run_smoke_test(stack.service, planned["sample"], **({"clock": clock} if clock else {}))
    return runtime


def test_the_smoke_test_asks_the_endpoint_of_the_builds_pipeline(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = stack.service.__dict__["runtime"] = FakeRuntime(answer())
    monkeypatch.setattr("sagebuild.service._create_from_environment", lambda: stack.service)
    planned = plan_smoke_test(BuildContext(stack.service.for_pipeline("fraud"), 1, ask(smoketest=SAMPLE)))
    handler(planned["sample"], None)
    assert [request["EndpointName"] for request in runtime.requests] == [f"{STACK}-fraud"]


def test_the_sample_request_is_sent_unchanged(stack: Stack) -> None:
    (request,) = try_out(stack, SAMPLE | {"accept": "text/csv", "answertype": "text/csv"}, answer()).requests
    assert request == {"EndpointName": STACK, "ContentType": "text/csv", "Accept": "text/csv", "Body": b"1,2"}
    sent = try_out(stack, SAMPLE | {"body": {"rows": [[1, 2]]}}, answer()).requests
    assert sent[0]["Body"] == b'{"rows": [[1, 2]]}'
    stack.service.s3.put_object(Bucket=f"{STACK}-data", Key="samples/one.csv", Body=b"3,4")
    uri = f"s3://{STACK}-data/samples/one.csv"
    sent = try_out(stack, {"contenttype": "text/csv", "file": uri}, answer()).requests
    assert sent[0]["Body"] == b"3,4"


def test_the_second_answer_is_timed(stack: Stack) -> None:
    asked = SAMPLE | {"latency": 100}
    assert len(try_out(stack, asked, answer(), answer(), clock=ticking(5000, 90)).requests) == 2
    with pytest.raises(SmokeTestError, match="the answer took 110 ms and should take 100 at most"):
        try_out(stack, asked, answer(), answer(), clock=ticking(10, 110))


@pytest.mark.parametrize(
    ("asked", "given", "reason"),
    [
        ({}, model_error(500, "ValueError: 2 features"), "the status is 500 and should be 200. Sent: text/csv, 3 "
         "bytes: 1,2. Answered: no content type, 22 bytes: ValueError: 2 features."),
        ({}, model_error(0, "timed out"), "the status is none and should be 200."),
        ({"status": 400}, answer(), "the status is 200 and should be 400."),
        ({"answertype": "application/json"}, answer(), "the content type is text/csv; charset=utf-8 and should be "
         "application/json. Sent: text/csv, 3 bytes: 1,2. Answered: text/csv; charset=utf-8, 1 bytes: 7."),
        ({"status": 204}, answer(b"\0\xff\n" + b"x" * 900), f"903 bytes: ?\ufffd {'x' * 197}...."),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_reported_with_request_and_answer(
    stack: Stack, asked: dict[str, Any], given: Any, reason: str
) -> None:
    with pytest.raises(SmokeTestError) as error:
        try_out(stack, SAMPLE | asked, given)
    assert str(error.value).startswith("The smoke test failed: ")
    assert reason in str(error.value)


def test_an_expected_error_passes(stack: Stack) -> None:
    try_out(stack, SAMPLE | {"status": 415, "answertype": "text/plain"}, model_error(415))


def test_a_loading_endpoint_is_retried_later(stack: Stack) -> None:
    with pytest.raises(AwsUnavailableError, match="still loading"):
        try_out(stack, SAMPLE, model_error(0, code="ModelNotReadyException"))
    with pytest.raises(AwsUnavailableError, match="send the smoke test"):
        try_out(stack, SAMPLE, model_error(0, code="ServiceUnavailable"))
    with pytest.raises(ClientError, match="ValidationError"):
        try_out(stack, SAMPLE, model_error(0, code="ValidationError"))


@pytest.mark.parametrize(
    ("file", "size", "problem"),
    [
        ("sample.csv", 10, ""),
        (f"s3://{STACK}-data/sample.csv", 10, ""),
        ("sample", 10, "where there is no object"),
        ("s3://elsewhere/sample.csv", 10, "which BuildStepsRole may not read; copy it to the"),
        ("sample.csv", 6 * 1024 * 1024 + 1, "which has 6291457 bytes; an endpoint takes 6291456 at most"),
    ],
)
def test_the_sample_request_must_exist(stack: Stack, file: str, size: int, problem: str) -> None:
    for bucket in ("code", "data"):
        stack.service.s3.put_object(Bucket=f"{STACK}-{bucket}", Key="sample.csv", Body=b"1" * size)
    asked = ask(smoketest={"contenttype": "text/csv", "file": file})
    found = list(find_sample_problems(BuildContext(stack.service, 1, asked)))
    assert [problem in each for each in found] == ([True] if problem else [])


@pytest.fixture
def hosting(stack: Stack) -> FakeHosting:
    fake = FakeHosting(stack.service.sagemaker)
    stack.service.__dict__["sagemaker"] = fake
    return fake


def fail(stack: Stack, hosting: FakeHosting, status: str, config: str, before: str, **changes: Any) -> str:
    """A second build that has deployed, and its endpoint; the names of its resources."""
    hosting.create_endpoint_config(EndpointConfigName="before", ProductionVariants=[])
    launch_build(stack.service, Trigger("voice"))
    name = deploy(stack.service, 1)
    update_build(stack.service, 1, endpoint_config=name, live_before=before, **changes)
    hosting.settle(status, name if config == "ours" else config)
    finish_build(stack.service, 1, FAILED, sleep=never_sleep)
    return name


@pytest.mark.parametrize(
    ("status", "config", "before", "asked", "live", "keeps"),
    [
        ("InService", "ours", "before", ["update"], "before", False),
        ("InService", "ours", "", ["delete"], "", False),
        ("InService", "before", "before", [], "before", False),
        ("InService", "their-own", "before", [], "their-own", False),
        ("Failed", "ours", "", ["delete"], "", False),
        ("Failed", "ours", "before", ["delete", "create"], "before", False),
        ("Failed", "before", "before", ["delete", "create"], "before", False),
        ("Failed", "their-own", "before", [], "", False),
        ("OutOfService", "ours", "before", [], "ours", True),
        ("UpdateRollbackFailed", "before", "before", [], "before", True),
    ],
)
def test_an_endpoint_of_any_status_is_restored_or_left_alone(
    stack: Stack, hosting: FakeHosting, status: str, config: str, before: str, asked: list[str], live: str, keeps: bool
) -> None:
    name = fail(stack, hosting, status, config, before)
    assert [kind for kind, _ in hosting.requests[1:]] == asked  # the first is the deployment's own
    assert read_build(stack.service, 1).live_after == (name if live == "ours" else live)
    assert (name in hosting.models, name in hosting.configs) == (keeps, keeps)


def test_an_endpoint_that_cannot_be_recreated_is_reported_as_gone(stack: Stack, hosting: FakeHosting) -> None:
    hosting.outcomes = ["InService", "Failed"]
    fail(stack, hosting, "Failed", "ours", "before")
    assert [kind for kind, _ in hosting.requests[1:]] == ["delete", "create"]
    assert read_build(stack.service, 1).live_after == ""
    assert "Endpoint: sagebuild-test does not exist." in stack.read_notifications()[-1]


@pytest.mark.parametrize("deleted", ["model", "config"])
@pytest.mark.parametrize("status", ["InService", "Failed"])
def test_the_newest_good_model_replaces_a_deleted_one(
    stack: Stack, hosting: FakeHosting, status: str, deleted: str
) -> None:
    configs = [add_good_build(stack, hosting) for _ in range(4)]
    hosting.delete_model(configs[2])  # also deleted
    if deleted == "model":
        hosting.delete_model(configs[3])
    else:
        hosting.delete_endpoint_config(configs[3])
    ours = fail_next(stack, hosting, status, configs[3])
    record, calls = read_build(stack.service, 5), [] if status == "InService" else ["delete"]
    assert [kind for kind, _ in hosting.requests] == [*calls, "update" if status == "InService" else "create"]
    assert record.live_after == configs[1]
    assert f"serves {configs[1]} instead of {configs[3]}: {configs[3]} or its model was deleted." in record.notes[-1]
    assert ours not in hosting.models
    assert read_state(stack.service).running is None


def test_without_any_good_model_the_failed_one_stays_and_is_reported_at_once(
    stack: Stack, hosting: FakeHosting
) -> None:
    config = add_good_build(stack, hosting)
    hosting.delete_model(config)
    ours = fail_next(stack, hosting, "InService", config)
    (record,) = [read_build(stack.service, 2)]
    assert (hosting.requests, record.live_after, ours in hosting.models) == ([], ours, True)
    assert "still has" in record.notes[-1]
    assert "Start a build that replaces it, or delete the endpoint" in stack.read_texts()[-1]
    assert read_state(stack.service).running is None


def test_a_model_that_sagemaker_cannot_deploy_again_is_tried_once(stack: Stack, hosting: FakeHosting) -> None:
    configs = [add_good_build(stack, hosting) for _ in range(2)]
    refuse_update = hosting.update_endpoint

    def update(EndpointConfigName: str, **more: Any) -> None:  # noqa: N803
        if EndpointConfigName == configs[1]:
            raise refusal("ValidationException", "Could not find model data.")
        refuse_update(EndpointConfigName=EndpointConfigName, **more)

    hosting.update_endpoint = update  # type: ignore[method-assign, assignment]
    fail_next(stack, hosting, "InService", configs[1])
    record = read_build(stack.service, 3)
    assert record.live_after == configs[0]
    assert f"SageMaker refused {configs[1]} (Could not find model data.)" in record.notes[-1]


@pytest.mark.parametrize(("code", "passes"), [("AccessDeniedException", False), ("ResourceLimitExceeded", True)])
def test_only_an_error_that_may_pass_repeats_the_finish(
    stack: Stack, hosting: FakeHosting, code: str, passes: bool
) -> None:
    config = add_good_build(stack, hosting)

    def update(**_request: Any) -> None:
        raise refusal(code, "No.")

    hosting.update_endpoint = update  # type: ignore[method-assign]
    if passes:
        with pytest.raises(ClientError):
            fail_next(stack, hosting, "InService", config)
        assert read_state(stack.service).running == 2
        return
    fail_next(stack, hosting, "InService", config)
    assert "could not clean this up; please check" in read_build(stack.service, 2).notes[-1]
    assert read_state(stack.service).running is None
    finish_build(stack.service, 2, FAILED, sleep=never_sleep)  # the sweep repeats it, and puts no event aside
    assert len(stack.read_notifications()) == 2


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "UpdateEndpoint")


def add_good_build(stack: Stack, hosting: FakeHosting) -> str:
    """Add a build that deployed its model; return the name of its resources."""
    number = launch_build(stack.service, Trigger("voice")).number
    name = name_resource(stack.service, number)
    hosting.create_model(ModelName=name)
    hosting.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{"ModelName": name}])
    hosting.settle("InService", name)
    update_build(stack.service, number, endpoint_config=name, model=name, keep_builds=100)
    finish_build(stack.service, number, Ending("SUCCEEDED"), sleep=never_sleep)
    return name


def fail_next(stack: Stack, hosting: FakeHosting, status: str, before: str) -> str:
    """Let the next build deploy and fail; return the name of its resources."""
    number = launch_build(stack.service, Trigger("voice")).number
    name = name_resource(stack.service, number)
    hosting.create_model(ModelName=name)
    hosting.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{"ModelName": name}])
    hosting.settle(status, name)
    hosting.requests.clear()
    update_build(stack.service, number, endpoint_config=name, model=name, live_before=before)
    ending = replace(FAILED, stopped_at=now())
    finish_build(stack.service, number, ending, sleep=never_sleep)
    return name


def test_an_endpoint_is_recreated_after_its_restoration_died(stack: Stack, hosting: FakeHosting) -> None:
    hosting.create_endpoint_config(EndpointConfigName="before", ProductionVariants=[])
    launch_build(stack.service, Trigger("voice"))
    update_build(stack.service, 1, live_before="before", endpoint_remade=True)
    finish_build(stack.service, 1, FAILED, sleep=never_sleep)
    assert [kind for kind, _ in hosting.requests] == ["create"]
    assert read_build(stack.service, 1).live_after == "before"


def test_a_scaled_endpoint_keeps_its_instances_when_restored(stack: Stack, hosting: FakeHosting) -> None:
    fail(stack, hosting, "InService", "ours", "before", scaling_before='{"target": {}, "policies": []}')
    (_, request) = hosting.requests[-1]
    assert request == {"EndpointName": STACK, "EndpointConfigName": "before"} | RETAIN_CAPACITY


def test_the_undo_waits_again_for_an_endpoint_that_keeps_changing(stack: Stack, hosting: FakeHosting) -> None:
    clock = iter(range(0, 10**6, 400))
    launch_build(stack.service, Trigger("voice"))
    hosting.settle("SystemUpdating", "before")
    with pytest.raises(StillRunningError, match="still SystemUpdating after 660 s"):
        undo_deployment(stack.service, read_build(stack.service, 1), 660, lambda: next(clock), never_sleep)
