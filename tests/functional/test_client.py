"""The client on a stack in moto: finding it, parameters, uploads, and the errors for missing things."""

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import sagebuild
from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, now, update_build
from sagebuild.client.build import Build
from sagebuild.client.doctor import BUILD_CHECKS
from sagebuild.client.document import Parameters
from sagebuild.client.examination import Examination
from sagebuild.client.launch_requests import build_overrides, request_build, request_rollback
from sagebuild.client.new_account import SCALING_ROLE, examine_new_account
from sagebuild.client.stack import Stack as Client
from sagebuild.errors import (
    BuildNotFoundError,
    BuildRunningError,
    CredentialsError,
    EndpointError,
    InputError,
    NoBuildsError,
    NotConfirmedError,
    ParameterError,
    PreflightError,
    RegionError,
    RollbackError,
    StackNotFoundError,
)
from sagebuild.launch.start import launch_build, pass_on_lock
from sagebuild.parameters.store import write_document
from sagebuild.plan.codebuild_quotas import IMAGE_QUOTA
from sagebuild.service import Service
from sagebuild.settings import Settings
from tests.engine import ROOT
from tests.functional.conftest import REGION, STACK, FakeQuotas, Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import FAILED, finish
from tests.functional.test_rollback import hosting, make_live

__all__ = ["hosting"]  # a fixture

DOCUMENT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "a.tar.gz"}


@pytest.fixture
def client(stack: Stack) -> Client:
    """The object that connect would return for the stack, with a valid parameter document."""
    write_document(stack.service, DOCUMENT, overwrite=True)
    return Client(stack.service, lambda name: boto3.client(name, region_name=REGION), {})  # type: ignore[call-overload]


@pytest.fixture
def parameters(client: Client) -> Parameters:
    return client.parameters


def create_stack(name: str, outputs: dict[str, str]) -> None:
    template: dict[str, Any] = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation", region_name=REGION).create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.fixture
def outputs() -> dict[str, str]:
    """The outputs of a deployed stack."""
    return {
        "BuildsTable": "builds",
        "CodeBucket": "code",
        "DataBucket": "data",
        "Framework": "SCIKIT",
        "HostingRoleArn": "arn:hosting",
        "ImageLogGroup": "images",
        "ImageProject": "project",
        "SourceProject": "sources",
        "ImageRepositoryUri": "registry/images",
        "LaunchTopicArn": "arn:launch",
        "ModelBucket": "model",
        "ParametersName": "/here/parameters",
        "StateMachineArn": "arn:machine",
        "TrainingRoleArn": "arn:training",
    }


@pytest.mark.usefixtures("stack")
def test_a_stack_is_found_by_its_name_and_region(outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    create_stack("mine", outputs)
    found = sagebuild.connect("mine", region=REGION)
    assert (found.name, found.region, found.account, found.outputs) == ("mine", REGION, "123456789012", outputs)
    assert found.parameters.name == "/here/parameters"
    monkeypatch.setenv("SAGEBUILD_STACK", "mine")
    monkeypatch.setenv("AWS_REGION", REGION)
    assert repr(sagebuild.connect()) == f"<Stack mine in {REGION}, account 123456789012>"


@pytest.mark.usefixtures("stack")
def test_the_error_for_an_unknown_stack_names_the_known_ones(outputs: dict[str, str]) -> None:
    create_stack("foreign", {"Url": "http://x"})
    with pytest.raises(StackNotFoundError, match=f"no stack yours in {REGION}; try another region"):
        sagebuild.connect("yours", region=REGION)
    create_stack("mine", outputs)
    with pytest.raises(StackNotFoundError, match=r"use --stack or SAGEBUILD_STACK to choose one of mine\."):
        sagebuild.connect("yours", region=REGION)
    with pytest.raises(StackNotFoundError, match=r"foreign \(CREATE_COMPLETE\) has no output BuildsTable, CodeBucket"):
        sagebuild.connect("foreign", region=REGION)


@pytest.mark.usefixtures("stack")
def test_the_errors_without_region_or_profile_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/absent")
    with pytest.raises(RegionError, match="set AWS_REGION"):
        sagebuild.connect()
    with pytest.raises(CredentialsError, match="aws configure list-profiles"):
        sagebuild.connect(profile="absent", region=REGION)


ADDRESSES = (
    "localhost:4577",
    "4577",
    "127.0.0.1",
    "http://",
    "htp://x",
    "http://127.0.0.1:99999",
    "http://:4577",
    "//x",
)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDFORMATION"])
def test_an_address_that_is_no_url_is_named(variable: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(RegionError, match=r"must be a URL such as http://127\.0\.0\.1:4577"):
        sagebuild.connect(region="eu-west-1")


def test_parameters_are_checked_before_they_are_written(parameters: Parameters) -> None:
    with pytest.raises(ParameterError, match="did you mean 'trainvolumesize'"):
        parameters.set(trainvolumesiz=3)
    with pytest.raises(ParameterError, match="trainvolumesize is"):
        parameters.set(trainvolumesize="many")
    assert parameters.document == DOCUMENT
    assert parameters.history()[0].number == 1
    assert parameters.check().trainvolumesize == 10


def test_a_change_lists_its_differences_and_is_undone(parameters: Parameters) -> None:
    change = parameters.set({"hyperparameters.epochs": 3}, trainvolumesize=20)
    assert str(change) == '+ hyperparameters: {"epochs": 3}\n+ trainvolumesize: 20'
    assert dict(parameters) == DOCUMENT | {"hyperparameters": {"epochs": 3}, "trainvolumesize": 20}
    assert str(parameters.set(trainvolumesize=20)) == "No changes."
    assert [version.number for version in parameters.history()] == [2, 1]
    assert str(parameters.remove("trainvolumesize")) == "- trainvolumesize: 20"
    assert str(parameters.undo()) == "+ trainvolumesize: 20"
    parameters.undo(1)
    assert parameters.document == DOCUMENT
    with pytest.raises(InputError, match="no version 99"):
        parameters.undo(99)


def test_text_that_is_not_a_document_can_be_replaced(client: Client) -> None:
    client.service.ssm.put_parameter(Name=client.parameters.name, Value="{oops", Type="String", Overwrite=True)
    with pytest.raises(ParameterError, match="not JSON"):
        client.parameters.set(trainvolumesize=20)
    assert client.parameters.undo().after == DOCUMENT
    client.parameters.reset("PYTORCH")
    assert client.parameters["framework"] == "PYTORCH"


def test_a_folder_becomes_the_archive(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "mine"
    (source / "lib" / "__pycache__").mkdir(parents=True)
    (source / "train.py").write_text("import lib")
    (source / "train.py").chmod(0o700)
    (source / "lib" / "__init__.py").write_text("")
    (source / "lib" / "__pycache__" / "x.pyc").write_text("")
    (source / ".env").write_text("SECRET=1")
    assert client.upload_source(source) == "mine.tar.gz"
    first = read_object(client, f"{STACK}-code", "mine.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == ["lib/__init__.py", "train.py"]
        assert {entry.name: entry.mode for entry in archive} == {"lib/__init__.py": 0o644, "train.py": 0o755}
    assert first[4:8] == bytes(4), "gzip's own time stamp"
    os.utime(source / "train.py", (1, 1))
    client.upload_source(source, "again.tar.gz")
    assert read_object(client, f"{STACK}-code", "again.tar.gz") == first
    (source / "train.py").chmod(0o600)
    client.upload_source(source, "changed.tar.gz")
    assert read_object(client, f"{STACK}-code", "changed.tar.gz") != first


def test_data_is_uploaded_where_the_channels_look(client: Client, tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("2")
    assert client.upload_data(tmp_path, progress=False) == f"s3://{STACK}-data/train/"
    assert read_object(client, f"{STACK}-data", "train/2026/a.csv") == b"1"
    assert client.upload_data(tmp_path / "b.csv", "", progress=False) == f"s3://{STACK}-data/b.csv"
    with pytest.raises(InputError, match=r"No such file or folder: .*absent"):
        client.upload_data(tmp_path / "absent", progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty contains no files to upload"):
        client.upload_data(tmp_path / "empty", progress=False)


def read_object(client: Client, bucket: str, key: str) -> bytes:
    return client.service.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_a_stack_without_builds_says_so(client: Client) -> None:
    assert repr(client.builds()) == "<no builds>"
    with pytest.raises(NoBuildsError, match="sagebuild start"):
        client.build()
    with pytest.raises(BuildNotFoundError):
        client.build(3)
    assert client.endpoint() is None


class Runtime:
    """SageMaker's runtime, which answers with an error."""

    def __init__(self, code: str) -> None:
        self.code = code

    def invoke_endpoint(self, **_request: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "because"}}, "InvokeEndpoint")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ValidationError", "There is no endpoint sagebuild-test yet; the first successful build creates it"),
        ("ModelError", "The model of the endpoint sagebuild-test failed: because"),
    ],
)
def test_the_error_of_an_endpoint_is_translated(stack: Stack, code: str, sentence: str) -> None:
    client = Client(stack.service, lambda _name: Runtime(code), {})
    with pytest.raises(EndpointError, match=sentence):
        client.predict([[1]])


def test_a_build_that_waits_is_described_until_it_begins(client: Client) -> None:
    first = launch_build(client.service, Trigger("command"))
    launch_build(client.service, Trigger("notebook", "paul"))
    waiting = client.build(first.number + 1)
    assert (waiting.status, waiting.record.trigger.detail) == ("waiting", "paul")
    assert {step.state for step in waiting.steps()} == {"waiting"}
    assert repr(waiting) == f"<Build {first.number + 1} of {STACK}: waiting>"
    with pytest.raises(TimeoutError, match="is still waiting after 0 s"):
        waiting.wait(0)
    assert Build(client.service, first.number, "command").status == "launching"


def test_a_wait_ends_when_the_next_build_can_start(client: Client) -> None:
    number = launch_build(client.service, Trigger("command")).number
    update_build(client.service, number, status="succeeded", ended_at=now().isoformat(), notified_at=now().isoformat())
    polls = []

    def pass_on(_seconds: float) -> None:
        polls.append(read_state(client.service).running)
        pass_on_lock(client.service, number)

    client.build(number).wait(sleep=pass_on)
    assert polls == [number], "the notification is sent before the lock is passed on"
    assert launch_build(client.service, Trigger("command")).started


def find_errors(client: Client, subject: str) -> list[str]:
    """Return the doctor's error messages for a subject."""
    client.service.__dict__["quotas"] = FakeQuotas({})
    return [one.message for one in client.diagnose().findings if (one.subject, one.state) == (subject, "error")]


def test_the_doctor_finds_missing_roles_and_policies(client: Client) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    roles = {
        name: {"Type": "AWS::IAM::Role", "Properties": {"RoleName": name, "AssumeRolePolicyDocument": trust}}
        for name in ("empty", "lost")
    }
    template = json.dumps({"Resources": roles})
    boto3.client("cloudformation", region_name=REGION).create_stack(StackName=STACK, TemplateBody=template)
    boto3.client("iam").delete_role(RoleName="lost")
    assert find_errors(client, "roles") == [
        "empty has no policies, lost does not exist; deploy again with --force: npx serverless deploy --force."
    ]


def test_the_doctor_shows_which_subjects_of_github_the_stack_trusts(client: Client) -> None:
    plain, with_ids = "repo:octo/house-prices:ref:refs/heads/main", "repo:octo@1/house-prices@2:ref:refs/heads/main"

    def deploy(subjects: list[str]) -> list[str]:
        condition = {"StringLike": {"token.actions.githubusercontent.com:sub": subjects}}
        statement = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        roles = {
            name: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
            for name in ("GithubRole", "OtherRole")
        }
        cloudformation = boto3.client("cloudformation", region_name=REGION)
        cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": roles}))
        found = [one.message for one in client.diagnose().findings if one.subject == "github"]
        cloudformation.delete_stack(StackName=STACK)
        return found

    client.service.__dict__["quotas"] = FakeQuotas({})
    (advice,) = deploy([plain])
    assert advice.startswith(f"the role trusts {plain}. If the repository was created, ")
    assert advice.endswith(": gh api repos/octo/house-prices --jq .owner.id,.id")
    assert deploy([plain, with_ids]) == [f"the role trusts {plain} and {with_ids}"]


def test_the_doctor_explains_what_a_new_account_lacks(client: Client) -> None:
    def examine() -> list[tuple[str, str]]:
        clients = {"iam": boto3.client("iam")}
        return list(examine_new_account(Examination(client.service, clients.__getitem__)))

    client.parameters.replace({"framework": "SCIKIT"})
    assert examine() == []
    scaling = {"minimum": 1, "maximum": 2, "target": 5}
    client.parameters.replace({"framework": "SCIKIT", "hostinstancetype": "ml.m5.large", "autoscaling": scaling})
    ((state, text),) = examine()
    assert state == "ok"
    assert "create-service-linked-role --aws-service-name sagemaker.application-autoscaling.amazonaws.com" in text
    boto3.client("iam").create_role(RoleName=SCALING_ROLE, AssumeRolePolicyDocument="{}")
    assert examine() == []
    client.service.__dict__["quotas"] = FakeQuotas({IMAGE_QUOTA: 0})
    client.parameters.replace({"framework": "BYOD", "sourcelocation": "source.zip"})
    found = [one for one in client.diagnose().findings if one.subject == "quotas"]
    assert found[0].state == "error"
    assert f"'{IMAGE_QUOTA}' is 0" in found[0].message


def test_the_doctor_finds_missing_images_of_your_own(client: Client) -> None:
    image = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/mine:1"
    images = {"TrainingImage": image, "InferenceImage": image}
    client.parameters.replace({"framework": "BYOD", "build": {"Training": False, "Inference": False}, **images})
    missing = f"is {image}, and there is no such repository; push it, or correct the address."
    assert find_errors(client, "images") == [f"{name} {missing}" for name in images]


def test_the_doctor_judges_addresses_with_the_rights_of_the_roles(client: Client) -> None:
    lake: Any = boto3.client("s3", region_name=REGION)  # the user may read the bucket, the training role may not
    lake.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
    lake.put_object(Bucket="lake", Key="iris/rows.csv", Body=b"1,2")
    client.parameters.set({"channels.train.uri": "s3://lake/iris/"})
    assert find_errors(client, "access") == [
        "channels.train.uri is s3://lake/iris/, which TrainingRole may not read; deploy the service with "
        '--param="readBuckets=s3://lake/iris/", or use a bucket of the stack.'
    ]


def test_the_doctor_judges_keys_and_topics_with_what_the_deployment_grants(client: Client) -> None:
    kms: Any = boto3.client("kms", region_name=REGION)
    key, topic = kms.create_key()["KeyMetadata"]["Arn"], f"arn:aws:sns:{REGION}:123456789012:launch"
    kms.create_alias(AliasName="alias/data", TargetKeyId=key)
    client.service.settings = Settings({**client.service.settings._values, "LAUNCH_TOPIC_ARN": topic})
    client.parameters.set({"hostkmskey": "alias/data", "asynchronous.errortopic": topic})
    assert find_errors(client, "access") == [
        "hostkmskey is alias/data, a key that the service may not use; deploy the service with "
        f'--param="kmsKeys={key}".',
        f"asynchronous.errortopic is {topic}, the launch topic, on which each message starts a build; name another "
        "topic.",
    ]


def test_a_watched_build_is_not_drawn_a_second_time(client: Client) -> None:
    build = Build(client.service, launch_build(client.service, Trigger("command")).number, "notebook")
    build._is_displayed = True
    assert build._repr_html_() is None
    assert "sb-flow" in str(build._repr_html_())


def test_a_build_is_summarized_with_the_model_that_was_live_before(
    client: Client, stack: Stack, hosting: FakeHosting
) -> None:
    for number, accuracy in ((1, 0.8), (2, 0.9)):
        make_live(stack, hosting, number)
        update_build(stack.service, number, metrics={"accuracy": accuracy})
    live = "sagebuild-test is InService and serves the model of build 2"
    assert client.build(2).summarize() == {
        "metrics": "accuracy 0.9 (live before: 0.8)",
        "live now": live,
        "next": "'sagebuild predict FILE' invokes the endpoint; 'sagebuild rollback' restores the model before it",
    }
    launch_build(stack.service, Trigger("command"))
    finish(stack, 3, FAILED)
    assert client.build(3).summarize() == {
        "live now": live,
        "next": "'sagebuild logs 3' shows all lines of the logs; after a correction, 'sagebuild start' checks and "
        "starts again",
    }


@pytest.fixture
def clock() -> Iterator[Any]:
    """A clock that advances by one second at each call."""
    return iter(range(1000)).__next__  # type: ignore[return-value]


def test_a_request_that_no_build_shows_is_reported(stack: Stack, clock: Any) -> None:
    topic = boto3.client("sns", region_name=REGION).create_topic(Name="launch")["TopicArn"]
    stack.settings["LAUNCH_TOPIC_ARN"] = topic
    with pytest.raises(NotConfirmedError, match=r"after 60 s no build has included it\. The request is not lost"):
        request_build(stack.service, "command", clock=clock, sleep=lambda _seconds: None)


def test_parameters_of_one_build_are_sent_whole_and_checked_with_the_document(client: Client) -> None:
    client.parameters.set(hyperparameters={"epochs": 3, "hidden": 8})
    overrides = build_overrides(client.service, {"hyperparameters.epochs": 5, "trainvolumesize": 20})
    assert overrides == {"hyperparameters": {"epochs": 5, "hidden": 8}, "trainvolumesize": 20}
    assert client.parameters["hyperparameters"] == {"epochs": 3, "hidden": 8}
    with pytest.raises(ParameterError, match=r"trainvolumesize is .*\n.*set trainvolumesize"):
        client.start(trainvolumesize="many")
    with pytest.raises(InputError, match="trainentrypoint is not an object"):
        client.start({"trainentrypoint.name": "x"})
    client.service.ssm.put_parameter(Name=client.parameters.name, Value="{oops", Type="String", Overwrite=True)
    with pytest.raises(InputError, match="rollback is not a parameter"):  # even if the document cannot be read
        client.start(rollback="previous")


class Topic:
    """SNS, whose launch topic starts a build at once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.messages: list[str] = []

    def publish(self, **message: Any) -> None:
        self.messages.append(message["Message"])
        launch_build(self._service, Trigger("command"))


@pytest.fixture
def topic(stack: Stack, client: Client, monkeypatch: pytest.MonkeyPatch) -> Topic:
    """The launch topic of the client's service, whose quotas allow everything."""
    monkeypatch.setitem(stack.settings, "LAUNCH_TOPIC_ARN", "arn:launch")
    topic = Topic(client.service)
    client.service.__dict__.update(sns=topic, quotas=FakeQuotas({}))
    client.service.s3.put_object(Bucket=f"{STACK}-data", Key="train/a.csv", Body=b"1")
    return topic


def test_a_build_that_the_doctor_rejects_is_not_started(client: Client, topic: Topic) -> None:
    with pytest.raises(PreflightError) as refused:
        client.start()
    found = {f"{one.subject}: {one.message}" for one in client.diagnose().findings if one.subject in BUILD_CHECKS}
    first, *errors, advice = str(refused.value).splitlines()
    assert first == "No build was started, because its checks found an error."
    assert "a.tar.gz, which does not exist" in errors[0]
    assert len(errors) == 1
    assert set(errors) <= found
    assert "--no-check" in advice
    assert (topic.messages, read_state(client.service).last_number) == ([], 0)
    assert client.start(check=False).number == 1


def test_the_checks_before_a_start_judge_the_parameters_of_this_build(client: Client, topic: Topic) -> None:
    with pytest.raises(PreflightError, match=r"data: trainsourcefile names s3://.*/mine\.tar\.gz, which does not"):
        client.start(trainsourcefile="mine.tar.gz")
    client.upload_source(ROOT / "pipelines" / "digits" / "src", "mine.tar.gz")
    assert client.start(trainsourcefile="mine.tar.gz").number == 1
    assert json.loads(topic.messages[0])["trainsourcefile"] == "mine.tar.gz"


def test_an_invalid_document_is_one_error_of_the_checks(client: Client, topic: Topic) -> None:
    client.service.ssm.put_parameter(Name=client.parameters.name, Value="{oops", Type="String", Overwrite=True)
    with pytest.raises(PreflightError, match=r"error\.\nparameters: .*not JSON.*\nCorrect it"):
        client.start()
    assert topic.messages == []


def test_a_check_that_is_not_allowed_does_not_prevent_a_start(client: Client, topic: Topic) -> None:
    class Denied:
        """SSM, which refuses everything."""

        exceptions = boto3.client("ssm", region_name=REGION).exceptions

        def get_parameter(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter")

    client.service.__dict__["ssm"] = Denied()
    assert client.start().number == 1
    assert len(topic.messages) == 1


def test_an_impossible_rollback_is_refused_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(RollbackError, match='must be "previous" or the number'):
        client.rollback("soon")
    with pytest.raises(RollbackError, match=f"No build in {STACK} deployed its model"):
        client.rollback()
    launch_build(client.service, Trigger("command"))
    with pytest.raises(BuildRunningError, match="Build 1 is running, and a rollback is not queued"):
        client.rollback()


def test_a_rollback_is_refused_if_a_build_begins_just_before_it(
    stack: Stack, hosting: FakeHosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
    topic = boto3.client("sns", region_name=REGION).create_topic(Name="launch")["TopicArn"]
    monkeypatch.setitem(stack.settings, "LAUNCH_TOPIC_ARN", topic)

    def begin_another(_seconds: float) -> None:
        launch_build(stack.service, Trigger("upload"))

    with pytest.raises(BuildRunningError, match="Build 3 began just before the rollback, so nothing was rolled back"):
        request_rollback(stack.service, "command", "previous", sleep=begin_another)
