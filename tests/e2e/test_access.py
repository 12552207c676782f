"""A user with the documented policy for one pipeline uses this pipeline, and no other one, with enforced IAM."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import sagebuild
from sagebuild.builds.records import list_builds, read_build
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.stack import Stack
from sagebuild.errors import AccessDeniedError
from sagebuild.names import execution_arn, key_model_folder
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import NAME, deploy, wait_until
from tests.engine import ROOT, running_engine

ACCOUNT = "123456789012"
POLICY = ROOT / "docs" / "policies" / "one-pipeline.json"
PAGE = ROOT / "docs" / "access.md"


def fill_policy(pipeline: Pipeline) -> str:
    """The documented policy with the values that its page explains."""
    outputs = pipeline.stack.outputs
    values = {
        "Region": "us-east-1",
        "Account": ACCOUNT,
        "Stack": NAME,
        "StackKey": pipeline.service.stack_key,
        "Pipeline": pipeline.name,
        "PipelineStart": pipeline.name[:9].rstrip("-"),
        "StateMachine": outputs["StateMachineArn"].rpartition(":")[2],
        **{name: outputs[name] for name in ("BuildsTable", "DataBucket", "CodeBucket", "ModelBucket")},
    }
    return re.sub("<([A-Za-z]+)>", lambda found: values[found[1]], POLICY.read_text(encoding="utf-8"))


@dataclass
class World:
    """A stack with three pipelines, and a user who may use fraud only."""

    fraud: Pipeline
    similar: Pipeline
    churn: Pipeline
    session: Any

    def connect(self, pipeline: str) -> Stack:
        """The client that the user has of a pipeline; empty for the default one."""
        stack = sagebuild.connect(NAME, session=self.session)
        return Stack(stack.service.for_pipeline(pipeline), stack._create_client, stack.outputs)

    def client(self, service: str) -> Any:
        """boto3's client of the user."""
        return self.session.client(service)

    def request(self, pipeline: Pipeline) -> None:
        """Request a build of a pipeline as the user."""
        with translating_errors():
            self.client("events").put_events(Entries=[pipeline.describe_request()])


def has_training(pipeline: Pipeline, number: int) -> bool:
    """False until the training job of a build runs."""
    name = pipeline.record(number).get("training_job")
    jobs = pipeline.service.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"] if name else []
    return bool(jobs)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        running_engine(tmp_path_factory.mktemp("access"), "--time-scale", "40") as engine,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AWS_ENDPOINT_URL", engine.endpoint_url)
        stack = deploy(engine)
        fraud, similar, churn = (Pipeline(stack, name) for name in ("fraud", "fraud-2", "churn"))
        iam = engine.client("iam")
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = iam.create_role(RoleName="fraud-team", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName="fraud-team", PolicyName="one-pipeline", PolicyDocument=fill_policy(fraud))
        key = engine.client("sts").assume_role(RoleArn=role, RoleSessionName="member")["Credentials"]
        session = boto3.session.Session(
            key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], region_name="us-east-1"
        )
        for pipeline in (similar, churn):
            pipeline.set_parameters(hyperparameters={"trouble": "endless"})
            number = pipeline.start()
            wait_until(partial(has_training, pipeline, number))
        yield World(fraud, similar, churn, session)


def test_the_user_uses_the_own_pipeline(world: World) -> None:
    fraud = world.connect("fraud")
    fraud.parameters.set(keepbuilds=3)
    assert fraud.parameters["keepbuilds"] == 3
    assert fraud.parameters.history()
    for bucket in ("DataBucket", "CodeBucket"):
        world.client("s3").put_object(Bucket=fraud.outputs[bucket], Key="fraud/notes.txt", Body=b"uploaded")
        found = world.client("s3").list_objects_v2(Bucket=fraud.outputs[bucket], Prefix="fraud/")
        assert "fraud/notes.txt" in [each["Key"] for each in found["Contents"]]
    world.request(world.fraud)
    wait_until(lambda: fraud.builds())
    build = fraud.build().wait(timeout_seconds=600)
    assert build.status == "succeeded", build.record.reason
    assert build.steps()
    assert fraud.status().endpoint.status == "InService"  # type: ignore[union-attr]
    assert fraud.predict([[0] * 64]) is not None
    described = world.client("sagemaker").describe_training_job(TrainingJobName=build.record.training_job)
    assert described["TrainingJobStatus"] == "Completed"


def test_the_user_stops_a_build_of_the_own_pipeline(world: World) -> None:
    fraud = world.connect("fraud")
    before = len(fraud.builds())
    fraud.parameters.set(hyperparameters={"trouble": "endless"})
    world.request(world.fraud)
    build = wait_until(lambda: fraud.builds()[0] if len(fraud.builds()) > before else None)
    wait_until(partial(has_training, world.fraud, build.number))
    stopped = build.stop()
    assert stopped.confirmed, stopped.summary
    assert build.wait(timeout_seconds=600).status == "stopped"
    fraud.parameters.remove("hyperparameters")


# What the user tries with another pipeline, each through the real client.
TRIED: dict[str, Callable[[World, Stack, Pipeline], Any]] = {
    "read the parameters": lambda _, other, __: other.parameters.text,
    "list the builds": lambda _, other, __: list_builds(other.service),
    "read a build": lambda _, other, __: read_build(other.service, 1),
    "stop the build": lambda _, other, __: other.stop(),
    "ask the endpoint": lambda _, other, __: other.predict([[0] * 64]),
    "describe the endpoint": lambda _, other, __: other.endpoint(),
    "request a build": lambda world, _, pipeline: world.request(pipeline),
    "stop the execution": lambda world, other, _: world.client("stepfunctions").stop_execution(
        executionArn=execution_arn(other.service, 1)
    ),
    "stop the training": lambda world, _, pipeline: world.client("sagemaker").stop_training_job(
        TrainingJobName=pipeline.record(1)["training_job"]
    ),
    "upload data": lambda world, other, pipeline: world.client("s3").put_object(
        Bucket=other.outputs["DataBucket"], Key=f"{pipeline.name}/train/rows.csv", Body=b""
    ),
    "list the data": lambda world, other, pipeline: world.client("s3").list_objects_v2(
        Bucket=other.outputs["DataBucket"], Prefix=f"{pipeline.name}/"
    ),
}


@pytest.mark.parametrize("name", ["churn", "similar"])
@pytest.mark.parametrize("tried", TRIED)
def test_the_user_is_refused_for_another_pipeline(world: World, name: str, tried: str) -> None:
    pipeline: Pipeline = getattr(world, name)
    other = world.connect(pipeline.name)
    with pytest.raises(AccessDeniedError, match="is not authorized to perform"), translating_errors():
        TRIED[tried](world, other, pipeline)
    assert pipeline.record(1)["status"] == "running"


def test_the_user_is_refused_for_the_default_pipeline(world: World) -> None:
    default = world.connect("")
    event = world.fraud.describe_request() | {"DetailType": f"{NAME}/"}
    tried: list[Callable[[], Any]] = [
        lambda: default.parameters.text,
        lambda: default.parameters.set(keepbuilds=1),
        default.builds,
        default.start,
        default.endpoint,
        lambda: default.predict([[0] * 64]),
        lambda: world.client("events").put_events(Entries=[world.fraud.describe_request(), event]),
        lambda: world.client("s3").put_object(Bucket=default.outputs["DataBucket"], Key="train/a.csv", Body=b""),
        lambda: world.client("dynamodb").scan(TableName=default.outputs["BuildsTable"]),
    ]
    for attempt in tried:
        with pytest.raises(AccessDeniedError, match="is not authorized to perform"), translating_errors():
            attempt()


def test_the_audit_decides_every_call_of_the_user(world: World) -> None:
    calls = world.fraud.stack.engine.read_audit()["calls"]
    assert [call for call in calls if call["allowed"] is None] == []
    assert {call["allowed"] for call in calls if call["role"] == "fraud-team"} == {True, False}
    assert [call for call in calls if call["role"] != "fraud-team" and not call["allowed"]] == []


@pytest.mark.parametrize("role", ["TrainingRole", "HostingRole", "fraud-team"])
def test_the_files_that_a_model_serves_are_only_written_by_the_builds(world: World, role: str) -> None:
    """Also with a policy of the user's own that allows the whole bucket; it comes after the audit of allowed calls."""
    stack, iam = world.fraud.stack, world.fraud.stack.client("iam")
    bucket = stack.outputs["ModelBucket"]
    name = stack.outputs[f"{role}Arn"].rpartition("/")[2] if role.endswith("Role") else role
    key = stack.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="script")
    key_id, secret, token = (key["Credentials"][part] for part in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    s3 = boto3.session.Session(key_id, secret, token, region_name="us-east-1").client("s3")

    def can_write(key: str) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=b"replaced")
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    services = (world.fraud.service.for_pipeline(""), world.fraud.service)
    copies = [f"{key_model_folder(service, 1)}0/model.tar.gz" for service in services]
    own = {"TrainingRole": ["builds/x", "fraud/builds/x", "checkpoints/x"], "HostingRole": ["asynchronous/x"]}
    assert [each for each in own.get(role, ["fraud/models/mine-0c7f.tar.gz"]) if not can_write(each)] == []
    uploads = [] if role == "fraud-team" else ["fraud/models/mine-0c7f.tar.gz", "models/mine-0c7f.tar.gz"]
    assert [each for each in [*copies, *uploads, "registry/x"] if can_write(each)] == []
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="their-own", PolicyDocument=policy)
    try:
        assert can_write("registry/x")
        denied = copies[1:] if role == "fraud-team" else copies
        assert [each for each in denied if can_write(each)] == []
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="their-own")


def test_the_page_explains_each_part_of_the_policy() -> None:
    text = POLICY.read_text(encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8").partition("\n## Buckets outside the stack\n")[0]
    assert set(re.findall("<[A-Za-z]+>", text)) == set(re.findall("`(<[A-Za-z]+>)`", page))
    statements = {statement["Sid"] for statement in json.loads(text)["Statement"]} - {"FindTheStack"}
    assert statements == set(re.findall("`([A-Z][A-Za-z]+)`", page.partition("## How each part")[2])) & statements
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: a managed policy has 6,144 characters.
    assert len(re.sub(r"\s", "", text)) < 6144 - 1000  # names are longer than the words that stand for them
