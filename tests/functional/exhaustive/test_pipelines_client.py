"""Pipelines from Python and the command line, on moto: creating, listing, using and removing them."""

import io
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.responses import SageMakerResponse

import sagebuild
from sagebuild.__main__ import main
from sagebuild.builds.items import from_item, to_item
from sagebuild.builds.lock import PipelineState, change_state, list_states, read_state
from sagebuild.builds.pipelines import find_pipeline
from sagebuild.builds.records import BuildRecord, Trigger, list_builds, now, read_build, update_build
from sagebuild.client.launch_requests import request_build
from sagebuild.client.pipeline import Pipeline
from sagebuild.client.pipeline_creation import create_pipeline
from sagebuild.client.pipeline_removal import find_removable
from sagebuild.client.pipeline_rows import PipelineRow
from sagebuild.client.stack import Stack as Client
from sagebuild.errors import (
    AccessDeniedError,
    AwsUnavailableError,
    NoBuildsError,
    NotConfirmedError,
    ParameterError,
    PipelineNameError,
    PipelineNotFoundError,
)
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.remove import remove_pipeline
from sagebuild.launch.start import launch_build
from sagebuild.launch.triggers import read_message
from sagebuild.names import hash_pipeline, name_endpoint, name_resource, pipeline_tags
from sagebuild.service import Service
from tests.functional.conftest import REGION, STACK, Stack
from tests.functional.conftest import client as create_client
from tests.functional.hosting import FakeHosting
from tests.functional.interleaving import DiedError, Gated
from tests.functional.test_finish import FAILED, SUCCEEDED, deploy, finish, never_sleep
from tests.functional.test_rollback import hosting, make_live, roll_back

__all__ = ["hosting"]  # a fixture

VOICE = Trigger("voice")
client = cache(create_client)  # a new client takes longer than a call


@pytest.fixture
def found(stack: Stack) -> Client:
    """The object that connect would return for the stack."""
    return Client(stack.service, client, {})


@pytest.fixture(autouse=True)
def removable_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto delete model package groups."""

    def delete(self: SageMakerResponse) -> str:
        groups, name = self.sagemaker_backend.model_package_groups, self._get_param("ModelPackageGroupName")
        if name not in groups:
            raise AWSValidationException(f"ModelPackageGroup {name} does not exist.")
        del groups[name]
        return "{}"

    monkeypatch.setattr(SageMakerResponse, "delete_model_package_group", delete, raising=False)


def read_tags(arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in client("sagemaker").list_tags(ResourceArn=arn)["Tags"]}


def test_a_new_pipeline_has_a_document_a_package_group_and_tags(found: Client) -> None:
    fraud = found.create_pipeline("fraud", framework="xgboost", parameters={"hyperparameters.max_depth": 3})
    assert (fraud.name, fraud.endpoint_name) == ("fraud", f"{STACK}-fraud")
    assert fraud.parameters.name == f"/{STACK}/fraud/parameters"
    assert (fraud.parameters["framework"], fraud.parameters["hyperparameters"]) == ("XGBOOST", {"max_depth": 3})
    tags = {"sagebuild:stack": STACK, "sagebuild:pipeline": "fraud"}
    listed = client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=fraud.parameters.name)["TagList"]
    assert {tag["Key"]: tag["Value"] for tag in listed} == tags
    group = client("sagemaker").describe_model_package_group(ModelPackageGroupName=f"{STACK}-fraud")
    assert read_tags(group["ModelPackageGroupArn"]) == tags
    assert [pipeline.name for pipeline in found.pipelines()] == ["default", "fraud"]
    assert found.pipeline("FRAUD").name == "fraud"
    assert found.pipeline("default").parameters.name == found.parameters.name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("2fraud", "'2fraud' cannot be the name of a pipeline of sagebuild-test: it must have at most 24 characters, "),
        ("fraud--2", "begin with a letter, and consist of letters, digits and single hyphens, such as fraud-2."),
        ("fraud_2", "letters, digits and single hyphens"),
        ("", "'' cannot be the name"),
        ("x" * 25, "with 25 characters, cannot be the name of a pipeline of sagebuild-test: it must have at most 24"),
        ("Default", "'Default' cannot be the name of a pipeline: the default pipeline uses it. Reserved are "),
        (
            "train",
            "Reserved are asynchronous, builds, checkpoints, datacapture, default, models, registry, sources, train.",
        ),
        ("builds", "Reserved are"),
        ("Registry", "Reserved are"),
    ],
)
def test_a_name_that_no_pipeline_can_have_is_refused(found: Client, name: str, sentence: str) -> None:
    with pytest.raises(PipelineNameError) as refused:
        found.create_pipeline(name, framework="SCIKIT")
    assert sentence in str(refused.value)
    assert list_states(found.service) == [read_state(found.service)]


def test_the_folder_of_the_upload_trigger_is_reserved(stack: Stack) -> None:
    service = Service(stack.settings | {"UPLOAD_PREFIX": "incoming/data/"}, client)
    with pytest.raises(PipelineNameError, match="checkpoints, datacapture, default, incoming,"):
        create_pipeline(service, "incoming", "SCIKIT", None)


def test_a_long_name_of_the_stack_leaves_no_room(stack: Stack) -> None:
    service = Service(stack.settings | {"STACK_NAME": "s" * 45}, client)
    with pytest.raises(PipelineNameError, match="has 45 characters, which leaves no room for the name of a pipeline"):
        create_pipeline(service, "a", "SCIKIT", None)


def test_the_longest_name_is_accepted(found: Client) -> None:
    assert found.create_pipeline("x" * 24, framework="SCIKIT").endpoint_name == f"{STACK}-{'x' * 24}"


def test_a_name_that_exists_is_refused_in_any_case(found: Client) -> None:
    fraud = found.create_pipeline("Fraud", framework="SCIKIT")
    with pytest.raises(PipelineNameError, match="already has a pipeline Fraud; names must differ in more than case"):
        found.create_pipeline("fraud", framework="SCIKIT")
    state = read_state(fraud.service)
    assert change_state(fraud.service, state, replace(state, removed_at="2026-01-01T00:00:00+00:00"))
    with pytest.raises(PipelineNameError, match="is being removed; complete that first: sagebuild pipelines remove Fr"):
        found.create_pipeline("fraud", framework="SCIKIT")


def test_a_name_whose_key_another_pipeline_has_is_refused(found: Client) -> None:
    found.create_pipeline("fraud", framework="SCIKIT")
    item = {"kind": "stack", "number": int(hash_pipeline("churn"), 16), "version": 1, "pipeline": "other"}
    rest = {"last_number": 0, "running": None, "pending": None}
    client("dynamodb").put_item(TableName="builds", Item=to_item(item | rest))
    with pytest.raises(PipelineNameError, match="churn and the pipeline other have the same key"):
        found.create_pipeline("churn", framework="SCIKIT")
    with pytest.raises(PipelineNotFoundError, match="has no pipeline 'churn'"):
        found.remove_pipeline("churn")


def test_the_names_of_another_stack_are_refused(found: Client) -> None:
    other = f"{STACK}-fraud"  # a stack of this name has an endpoint and a group of this name
    group = {"ModelPackageGroupName": other, "ModelPackageGroupDescription": "of another stack"}
    client("sagemaker").create_model_package_group(**group, Tags=[{"Key": "sagebuild:stack", "Value": other}])
    with pytest.raises(PipelineNameError, match=f"already a model package group {other}, which does not belong to"):
        found.create_pipeline("fraud", framework="SCIKIT")
    deploy(found.service.for_pipeline("churn"), 1)
    with pytest.raises(PipelineNameError, match=f"already an endpoint {STACK}-churn"):
        found.create_pipeline("churn", framework="SCIKIT")
    assert [pipeline.name for pipeline in found.pipelines()] == ["default"]


def test_a_document_that_exists_is_kept_for_the_same_framework_only(found: Client) -> None:
    name, text = f"/{STACK}/fraud/parameters", json.dumps({"framework": "PYTORCH", "trainvolumesize": 77})
    client("ssm").put_parameter(Name=name, Value=text, Type="String")
    with pytest.raises(ParameterError, match=f"{name} exists already, for the framework PYTORCH. Pass this framework"):
        found.create_pipeline("fraud", framework="SCIKIT")
    assert found.create_pipeline("fraud", framework="PYTORCH").parameters.text == text


def test_invalid_parameters_create_nothing(found: Client) -> None:
    with pytest.raises(ParameterError, match="did you mean 'trainvolumesize'"):
        found.create_pipeline("fraud", framework="SCIKIT", parameters={"trainvolumesiz": 3})
    with pytest.raises(ParameterError, match='framework is "SKLEARN"; it must be one of'):
        found.create_pipeline("fraud", framework="SKLEARN")
    assert client("ssm").describe_parameters()["Parameters"] == []


class GatedPages(Gated):
    """A client whose paginators pass the gate too."""

    def get_paginator(self, operation: str) -> Any:
        """A paginator that passes the gate before its first page."""
        paginator, gate = self._client.get_paginator(operation), self._gate

        def paginate(**request: Any) -> Any:
            gate()
            return paginator.paginate(**request)

        return mock.Mock(spec=["paginate"], paginate=paginate)


def create_gated(gate: Callable[[], None], name: str) -> Any:
    return GatedPages(client(name), gate)


def list_deaths(stack: Stack, run: Callable[[Service, str], object], prepare: Callable[[str], object]) -> Iterator[str]:
    """Run, for a pipeline of its own, with a death before each call of AWS; yield the pipeline's name after each."""
    for call in itertools.count():
        name, calls = f"p-{call}x", itertools.count()
        prepare(name)

        def gate(calls: Iterator[int] = calls, call: int = call) -> None:
            if next(calls) == call:
                raise DiedError

        try:
            run(Service(stack.settings, partial(create_gated, gate)), name)
        except DiedError:
            yield name
        else:
            assert call > 8, "the calls were counted"
            return


def test_a_creation_that_died_anywhere_can_be_repeated(stack: Stack, found: Client) -> None:
    def create(service: Service, name: str) -> None:
        create_pipeline(service, name, "XGBOOST", {"trainvolumesize": 12})

    for name in list_deaths(stack, create, lambda _name: None):
        assert find_pipeline(stack.service, name) is None, "the state is written last"
        create(stack.service, name)
        pipeline = found.pipeline(name)
        assert (pipeline.parameters["framework"], pipeline.parameters["trainvolumesize"]) == ("XGBOOST", 12)
        group = client("sagemaker").describe_model_package_group(ModelPackageGroupName=f"{STACK}-{name}")
        assert read_tags(group["ModelPackageGroupArn"]) == pipeline_tags(pipeline.service)
        assert launch_build(pipeline.service, VOICE).started


def test_a_lost_answer_to_the_last_write_is_a_success(stack: Stack) -> None:
    class Deaf:
        """DynamoDB whose answer to a write is lost, so that botocore repeats the call."""

        def __getattr__(self, name: str) -> Any:
            return getattr(client("dynamodb"), name)

        def put_item(self, **request: Any) -> Any:
            client("dynamodb").put_item(**request)
            return client("dynamodb").put_item(**request)

    service = Service(stack.settings, lambda name: Deaf() if name == "dynamodb" else client(name))
    assert create_pipeline(service, "fraud", "SCIKIT", None).pipeline == "fraud"


def test_a_removal_that_died_anywhere_can_be_repeated(stack: Stack, found: Client) -> None:
    document = {"Value": "{}", "Type": "String"}

    def prepare(name: str) -> None:
        service = stack.service.for_pipeline(name)
        state = PipelineState(created_at="2026-01-01T00:00:00+00:00", last_number=1, pipeline=name)
        assert change_state(service, PipelineState(), state, BuildRecord(1, VOICE, state.created_at))
        deploy(service, 1)
        client("ssm").put_parameter(Name=f"/{STACK}/{name}/parameters", **document)
        group = {"ModelPackageGroupName": f"{STACK}-{name}", "ModelPackageGroupDescription": "models"}
        client("sagemaker").create_model_package_group(**group)
        for bucket in ("data", "code", "model"):
            client("s3").put_object(Bucket=f"{STACK}-{bucket}", Key=f"{name}/kept", Body=b"1")

    def remove(service: Service, name: str) -> None:
        remove_pipeline(service.for_pipeline(name), sleep=never_sleep)

    for name in list_deaths(stack, remove, prepare):
        remove_pipeline(find_removable(stack.service, name.upper()), sleep=never_sleep)
        assert_nothing_left(stack, name)
    with pytest.raises(PipelineNotFoundError, match="its pipelines are default"):
        found.remove_pipeline(name)


def assert_nothing_left(stack: Stack, name: str) -> None:
    """Nothing of a removed pipeline is left, except its data and its source code."""
    service, sagemaker = stack.service.for_pipeline(name), client("sagemaker")
    assert [state for state in list_states(service) if state.pipeline == name] == []
    assert list_builds(service) == []
    assert client("ssm").describe_parameters()["Parameters"] == []
    assert name_endpoint(service) not in [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]]
    left = name_resource(service, 1)
    assert left not in [one["ModelName"] for one in sagemaker.list_models()["Models"]]
    assert left not in [one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]]
    groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert name_endpoint(service) not in [group["ModelPackageGroupName"] for group in groups]
    keys = {bucket: list_keys(f"{STACK}-{bucket}", f"{name}/") for bucket in ("data", "code", "model")}
    assert keys == {"data": [f"{name}/kept"], "code": [f"{name}/kept"], "model": []}


def list_keys(bucket: str, prefix: str) -> list[str]:
    return [one["Key"] for one in client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def test_a_pipeline_created_again_does_not_reuse_the_names_of_executions(stack: Stack, found: Client) -> None:
    fraud = found.create_pipeline("Fraud", framework="SCIKIT").service
    for number in (1, 2):
        assert launch_build(fraud, VOICE).number == number
        finish_build(fraud, number, FAILED, sleep=never_sleep)
    found.remove_pipeline("fraud", report=lambda _sentence: None)
    again = found.create_pipeline("fraud", framework="SCIKIT").service
    assert launch_build(again, VOICE).number == 3
    assert stack.executions() == ["build-Fraud_1", "build-Fraud_2", "build-fraud_3"]
    assert found.pipeline("fraud").build().number == 3


def test_the_default_pipeline_is_not_removed(found: Client) -> None:
    for name in ("default", "Default", ""):
        with pytest.raises(PipelineNotFoundError, match="belongs to the stack sagebuild-test; npx serverless remove"):
            found.remove_pipeline(name)
    with pytest.raises(PipelineNotFoundError, match="has no pipeline 'churn'; its pipelines are default"):
        found.remove_pipeline("churn")


def row(found: Client, name: str = "default") -> PipelineRow:
    return next(row for row in found.pipelines().rows if row.name == name)


def test_the_list_shows_the_newest_and_the_live_build_after_each_outcome(
    stack: Stack, found: Client, hosting: FakeHosting
) -> None:
    def shown() -> tuple[int | None, str, int | None]:
        now = row(found)
        return now.build, now.outcome, now.live_build

    assert shown() == (None, "", None)
    launch_build(stack.service, VOICE)
    assert shown() == (1, "running", None)
    finish(stack, 1, FAILED)
    assert shown() == (1, "failed", None)
    for number in (2, 3):
        make_live(stack, hosting, number)
        assert shown() == (number, "succeeded", number)
    assert row(found).live_since == read_build(stack.service, 3).ended_at
    roll_back(stack, hosting, "previous")
    assert shown() == (4, "succeeded", 2)
    assert row(found).live_since == read_build(stack.service, 2).ended_at
    launch_build(stack.service, VOICE)
    update_build(stack.service, 5, status="running", live_before=name_resource(stack.service, 2))
    launch_build(stack.service, VOICE)
    assert (*shown(), row(found).pending) == (5, "running", 2, 1)
    finish(stack, 5, Ending("SUCCEEDED", output=json.dumps({"withheld": "accuracy is below 0.9"})))
    assert shown() == (6, "running", 2), "the withheld build has ended, and the pending one runs"
    finish(stack, 5, SUCCEEDED)  # repeated by the sweep
    finish(stack, 6, FAILED)
    finish(stack, 5, SUCCEEDED)
    assert shown() == (6, "failed", 2)
    hosting.endpoint = None  # deleted by hand
    launch_build(stack.service, VOICE)
    finish(stack, 7, FAILED)
    assert shown() == (7, "failed", None)
    assert (row(found).live_since, row(found).age) == ("", None)


def test_a_failed_first_deployment_leaves_no_live_build(stack: Stack, found: Client) -> None:
    launch_build(stack.service, VOICE)
    deploy(stack.service, 1)
    finish(stack, 1, Ending("FAILED", "EndpointDeploymentError", "The endpoint did not take the new model."))
    assert (row(found).outcome, row(found).live_build) == ("failed", None)


def test_the_costs_are_those_of_the_ended_and_of_the_live_build(
    stack: Stack, found: Client, hosting: FakeHosting
) -> None:
    launch_build(stack.service, VOICE)
    config = deploy(stack.service, 1)
    hosting.settle("InService", config)
    update_build(stack.service, 1, status="running", endpoint_config=config, endpoint_hourly_cost=0.06)
    finish(stack, 1, SUCCEEDED)
    launch_build(stack.service, VOICE)
    update_build(stack.service, 2, status="running", live_before=config, endpoint_hourly_cost=9.0)
    finish(stack, 2, FAILED)
    assert (row(found).live_build, row(found).endpoint_hourly_cost) == (1, 0.06)
    assert found.pipelines().to_list()[0]["age_seconds"] < 60
    assert "default   2             failed   1           under a minute" in repr(found.pipelines())
    assert "$0.06/h</td>" in found.pipelines()._repr_html_()


def test_a_state_of_version_0_1_is_listed_from_its_records(stack: Stack, found: Client) -> None:
    launch_build(stack.service, VOICE)
    deploy(stack.service, 1)
    finish(stack, 1, SUCCEEDED)
    launch_build(stack.service, VOICE)
    key = {"kind": {"S": "stack"}, "number": {"N": "0"}}
    client("dynamodb").update_item(TableName="builds", Key=key, UpdateExpression="REMOVE summary, pipeline, unfinished")
    assert (row(found).build, row(found).outcome, row(found).live_build) == (2, "running", 1)
    finish(stack, 2, FAILED)
    assert "summary" in from_item(client("dynamodb").get_item(TableName="builds", Key=key)["Item"])
    assert (row(found).build, row(found).outcome) == (2, "failed")


def test_the_list_and_the_status_need_as_many_calls_for_200_pipelines_as_for_2(stack: Stack) -> None:
    calls: Counter[str] = Counter()

    def create_counted(name: str) -> Any:
        made = create_client(name)
        made.meta.events.register("before-call", lambda model, **_call: calls.update([model.name]))
        return made

    service = Service(stack.settings, create_counted)
    found = Client(service, create_counted, {})
    launch_build(service, VOICE)
    finish(stack, 1, FAILED)
    counted = []
    for names in (["first", "second"], [f"p{number}" for number in range(200)]):
        for name in names:
            state = PipelineState(created_at="2026-01-01", pipeline=name)
            assert change_state(stack.service.for_pipeline(name), PipelineState(), state)
        calls.clear()
        assert len(found.pipelines()) == len(list_states(stack.service))
        listed = dict(calls)
        calls.clear()
        assert "Other pipelines: first (no builds), " in repr(found.status())
        counted.append((listed, dict(calls)))
    assert counted[0] == counted[1]
    assert counted[0][0] == {"Query": 1}
    assert repr(found.status()).endswith("and 192 more; 'sagebuild pipelines' lists them.")


def test_the_status_of_a_default_pipeline_without_builds_names_the_others(found: Client) -> None:
    fraud = found.create_pipeline("fraud", framework="SCIKIT")
    with pytest.raises(NoBuildsError, match=r"start one: sagebuild start\. Other pipelines: fraud \(no builds\); '"):
        found.status()
    with pytest.raises(NoBuildsError, match=rf"^{STACK}/fraud has no builds yet; .*start --pipeline fraud\.$"):
        fraud.status()


def with_events(stack: Stack, events: Any) -> Service:
    """The service of the stack with another EventBridge."""
    return Service(stack.settings, lambda name: events if name == "events" else client(name))


def test_a_request_for_a_named_pipeline_is_an_event_that_the_launch_understands(stack: Stack, found: Client) -> None:
    found.create_pipeline("fraud", framework="SCIKIT")
    sent: list[dict[str, Any]] = []

    class Events:
        """EventBridge, which delivers the event."""

        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            sent.extend(Entries)
            launch_build(fraud, VOICE)
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    fraud = with_events(stack, Events()).for_pipeline("fraud")
    assert Pipeline(fraud, client, {}).start(trainvolumesize=20, check=False).number == 1
    (entry,) = sent
    event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    request = read_message(json.dumps(event | {"id": "e"}), "m", "arn:launch")
    assert request
    assert (request.pipeline, request.trigger.kind, request.overrides) == ("fraud", "notebook", {"trainvolumesize": 20})
    assert entry["DetailType"] == f"{STACK}/fraud"


@pytest.mark.parametrize(
    ("code", "error", "sentence"),
    [
        ("ThrottlingException", AwsUnavailableError, "ThrottlingException because. Try again in a minute."),
        ("NotAuthorizedForDetailTypeException", AccessDeniedError, "a build of sagebuild-test/fraud: NotAuthorizedFor"),
    ],
)
def test_an_event_that_is_not_accepted_is_an_error(
    stack: Stack, found: Client, code: str, error: type[Exception], sentence: str
) -> None:
    found.create_pipeline("fraud", framework="SCIKIT")
    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "because"}]}
    events = mock.Mock(spec=["put_events"], put_events=mock.Mock(return_value=failed))
    with pytest.raises(error, match=sentence):
        request_build(with_events(stack, events).for_pipeline("fraud"), "command")


def test_a_request_that_no_build_shows_names_the_pipeline(found: Client) -> None:
    fraud = found.create_pipeline("fraud", framework="SCIKIT").service
    with pytest.raises(NotConfirmedError, match="run 'sagebuild doctor --pipeline fraud' to see"):
        request_build(fraud, "command", clock=iter(range(1000)).__next__, sleep=lambda _seconds: None)


def test_uploads_go_to_the_folder_of_the_pipeline(found: Client, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print()")
    fraud = found.create_pipeline("fraud", framework="SCIKIT")
    assert fraud.upload_data(tmp_path, progress=False) == f"s3://{STACK}-data/fraud/train/"
    assert fraud.upload_source(tmp_path, "mine.tar.gz") == "mine.tar.gz"
    assert list_keys(f"{STACK}-code", "") == ["fraud/mine.tar.gz"]


def write_lines(group: str, stream: str, *lines: str) -> None:
    """Write lines to a log stream, one after the other, as from now."""
    logs, begin = client("logs"), int(now().timestamp() * 1000) + 1
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": begin + place, "message": line} for place, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_the_logs_of_a_build_have_no_lines_of_another_pipeline(stack: Stack, found: Client) -> None:
    def entry(request: str, message: str) -> str:
        return json.dumps({"level": "INFO", "message": message, "requestId": request})

    def fail(request: str, message: str) -> str:
        return json.dumps({"errorMessage": message, "errorType": "ParameterError", "requestId": request})

    fraud = found.create_pipeline("fraud", framework="SCIKIT")
    numbers = [launch_build(service, VOICE).number for service in (stack.service, fraud.service)]
    for function in ("planBuild", "launchBuild"):
        client("logs").create_log_group(logGroupName=f"/aws/lambda/{STACK}-{function}")
    write_lines(
        f"/aws/lambda/{STACK}-planBuild",
        "one-container",
        *("START RequestId: a Version: $LATEST", fail("a", "of the default one"), "printed by a", "END RequestId: a"),
        *("START RequestId: b Version: $LATEST", entry("b", f"{STACK}/fraud: invoked")),
        *(fail("b", "of fraud"), "printed by b", "END RequestId: b"),
        *(entry("c", f"{STACK}/churn: invoked"), fail("c", "of churn")),
    )
    lines = (f"{STACK}: 1 requests", f"{STACK}/fraud: 2 requests", f"{STACK}/churn: 3 requests")
    write_lines(f"/aws/lambda/{STACK}-launchBuild", "s", *(entry("d", line) for line in lines))
    stack.settings["IMAGE_LOG_GROUP"] = "images"
    read = [{line.text for line in pipeline.logs(n)} for pipeline, n in zip((found, fraud), numbers, strict=True)]
    assert read == [
        {"ParameterError of the default one", "printed by a", f"INFO {STACK}: 1 requests"},
        {f"INFO {STACK}/fraud: invoked", "ParameterError of fraud", "printed by b", f"INFO {STACK}/fraud: 2 requests"},
    ]


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """``sagebuild ...`` in a pipe: its exit code, output and errors."""
    with (
        mock.patch.dict("os.environ", {"AWS_REGION": REGION, "SAGEBUILD_STACK": STACK, **environment}),
        mock.patch.object(sys, "argv", ["sagebuild", *arguments]),
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return int(str(ended.value.code)), out.getvalue(), err.getvalue()


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    """The stack, which connect finds by its outputs."""
    names = {
        "BuildsTable": "BUILDS_TABLE", "CodeBucket": "CODE_BUCKET", "DataBucket": "DATA_BUCKET",
        "Framework": "FRAMEWORK", "HostingRoleArn": "HOSTING_ROLE_ARN", "ImageProject": "IMAGE_PROJECT",
        "SourceProject": "SOURCE_PROJECT",
        "ModelBucket": "MODEL_BUCKET", "ParametersName": "PARAMETERS_NAME", "StateMachineArn": "STATE_MACHINE_ARN",
        "TrainingRoleArn": "TRAINING_ROLE_ARN",
    }  # fmt: skip
    outputs = {key: {"Value": stack.settings[name]} for key, name in names.items()}
    outputs |= {key: {"Value": "any"} for key in ("ImageLogGroup", "ImageRepositoryUri", "LaunchTopicArn")}
    template = {
        "Parameters": {"UploadPrefix": {"Type": "String", "Default": "train/"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": outputs,
    }
    client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    return stack


@pytest.mark.usefixtures("deployed")
def test_the_commands_create_list_use_and_remove_a_pipeline() -> None:
    code, out, err = run("pipelines", "create", "fraud", "--framework", "SCIKIT", "--set", "trainvolumesize=12")
    assert (code, err) == (0, "")
    assert out.startswith("The pipeline fraud exists. 'sagebuild params get --pipeline fraud' prints its parameters")
    assert json.loads(run("params", "get", "trainvolumesize", "--pipeline", "FRAUD")[1]) == 12
    assert json.loads(run("params", "get", "trainvolumesize", SAGEBUILD_PIPELINE="fraud")[1]) == 12
    code, out, _ = run("pipelines", SAGEBUILD_PIPELINE="churn")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["PIPELINE", "default", "fraud"])
    assert [one["name"] for one in json.loads(run("pipelines", "--json")[1])] == ["default", "fraud"]
    assert run("pipelines", "list", "--json")[1] == run("pipelines", "--json")[1]
    code, out, err = run("pipelines", "remove", "fraud")
    assert (code, out) == (1, "")
    assert "This deletes the pipeline fraud:" in err
    assert f"its data in s3://{STACK}-data/fraud/" in err
    assert "Pass --yes to confirm." in err
    code, out, err = run("pipelines", "remove", "fraud", "--yes")
    assert (code, err) == (0, "")
    assert "Deleting the parameter document and the records.\nThe pipeline fraud is removed.\n" in out
    code, _, err = run("builds", "--pipeline", "fraud")
    assert (code, "sagebuild-test has no pipeline 'fraud'; its pipelines are default." in err) == (1, True)


@pytest.mark.usefixtures("deployed")
def test_a_group_option_is_not_lost_before_a_command() -> None:
    code, out, _ = run("pipelines", "--stack", "other", "create", "fraud", "--framework", "SCIKIT")
    assert (code, out) == (2, "")


@pytest.mark.parametrize("name", [("builds",), ("start",), ("upload", "data"), ("params", "get"), ("cost",)])
def test_a_pipeline_that_is_not_there_is_refused_by_every_command(deployed: Stack, name: tuple[str, ...]) -> None:
    assert deployed
    arguments = (*name, "README.md") if name[0] == "upload" else name
    code, out, err = run(*arguments, "--pipeline", "churn")
    assert (code, out) == (1, "")
    assert "To create one: sagebuild pipelines create NAME --framework" in err


@pytest.mark.usefixtures("deployed")
def test_connect_returns_a_stack_that_acts_as_the_chosen_pipeline(
    found: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found.create_pipeline("Fraud", framework="SCIKIT")
    chosen = sagebuild.connect(STACK, region=REGION, pipeline="fraud")
    assert repr(chosen) == f"<Stack {STACK} in {REGION}, account 123456789012, pipeline Fraud>"
    monkeypatch.setenv("SAGEBUILD_PIPELINE", "fraud")
    assert sagebuild.connect(STACK, region=REGION).parameters.name == f"/{STACK}/Fraud/parameters"
    assert sagebuild.connect(STACK, region=REGION, pipeline="default").parameters.name == f"/{STACK}/parameters"
    with pytest.raises(PipelineNotFoundError, match="its pipelines are default, Fraud"):
        sagebuild.connect(STACK, region=REGION, pipeline="churn")


@pytest.mark.usefixtures("deployed")
def test_the_shell_completes_the_names_of_pipelines(found: Client) -> None:
    for name in ("fraud", "churn"):
        found.create_pipeline(name, framework="SCIKIT")

    def complete(words: str) -> list[str]:
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return run(_SAGEBUILD_COMPLETE="complete_bash", **asked)[1].split()

    assert complete("sagebuild builds --pipeline ") == ["default", "churn", "fraud"]
    assert complete("sagebuild pipelines remove f") == ["fraud"]
    assert complete("sagebuild pipelines ") == ["list", "create", "remove"]
    assert complete("sagebuild pipelines create x --framework XG") == ["XGBOOST"]
