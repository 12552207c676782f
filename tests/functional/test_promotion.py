"""What a promotion copies, what it refuses, and what the receiving build verifies again."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.changes.apply import ChangedSincePlanError, apply_change
from sagebuild.changes.plan import PlannedChange, plan_change
from sagebuild.changes.promotion import Promotion
from sagebuild.changes.sentences import describe_effect, describe_result
from sagebuild.deadline import Deadline
from sagebuild.errors import (
    BuildRunningError,
    InputError,
    MalformedMessageError,
    ModelChangedError,
    PromotionError,
)
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import LaunchRequest, read_message
from sagebuild.names import key_model_folder, key_promotion, name_resource
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.parameters.store import write_document
from sagebuild.promotion.receiving import receive_promotion, verify_promotion
from sagebuild.service import Service
from sagebuild.steps.gate import find_metrics
from sagebuild.steps.model_copies import copy_model
from tests.functional.conftest import REGION, SCRIPT, STACK, Stack, client
from tests.local.sagemaker_world import pack

PROD = "sagebuild-prod"
BUCKET = f"{PROD}-model"
ACCOUNT = "123456789012"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:launch"
Json = dict[str, Any]


@pytest.fixture
def prod(stack: Stack) -> Service:
    """A second stack, with a document of its own."""
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("dynamodb").create_table(
        TableName=PROD,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "kind", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
    )
    own = {
        "STACK_NAME": PROD,
        "STACK_ID": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{PROD}/aaaa1c00-0000-4000-8000-000000000000",
        "BUILDS_TABLE": PROD,
        "PARAMETERS_NAME": f"/{PROD}/parameters",
        "MODEL_BUCKET": BUCKET,
        "VERSION": "0.1.0",
    }
    stack.settings["VERSION"] = "0.1.0"
    service = Service(stack.settings | own, client)
    document = {
        "framework": "SCIKIT",
        "hostinstancecount": 3,
        "trainentrypoint": "own.py",
        "trainsourcefile": "own.tgz",
    }
    write_document(service, document | {"modelhostingenvironment": {"LEVEL": "prod"}}, overwrite=True)
    return service


@pytest.fixture
def made(stack: Stack, prod: Service) -> int:  # noqa: ARG001
    """A successful build with its model and its script."""
    launch_builds(stack.service, [LaunchRequest(Trigger("command"), "first")])
    put(f"{STACK}-code", "a.tar.gz", pack({"a.py": "def model_fn(model_dir): ..."}))
    key = f"{key_model_folder(stack.service, 1)}0/model.tar.gz"
    etag = put(f"{STACK}-model", key, b"weights")
    document = SCRIPT | {"frameworkversion": "1.2-1", "modelhostingenvironment": {"LEVEL": "dev", "TASK": "digits"}}
    succeed(
        stack.service,
        parameters=json.dumps(document),
        metrics={"accuracy": 0.9},
        model_files=[{"uri": f"s3://{STACK}-model/{key}", "etag": etag, "bytes": 7}],
    )
    return 1


def put(bucket: str, key: str, body: bytes) -> str:
    return str(client("s3").put_object(Bucket=bucket, Key=key, Body=body)["ETag"]).strip('"')


def succeed(service: Service, **facts: Any) -> None:
    ended = {"status": "succeeded", "ended_at": "2026-11-30T10:00:00+00:00", "notified_at": "2026-11-30T10:00:01+00:00"}
    update_build(service, 1, **ended | facts)


def plan(stack: Stack, prod: Service, number: int = 1) -> PlannedChange:
    return plan_change(
        stack.service, "promote", number=number, parameters={"to": prod.label}, open_receiver=lambda _: prod
    )


def promote(stack: Stack, prod: Service) -> int:
    """Plan and apply; the number of the receiving build."""
    token = plan(stack, prod).token
    return apply_change(stack.service, token, by="command", detail="alice", open_receiver=lambda _: prod).number


def test_what_moves_and_what_stays_is_said_first(stack: Stack, prod: Service, made: int) -> None:
    planned = plan(stack, prod, made)
    assert describe_effect(planned) == (
        f"From build 1 of {STACK} to build 1 of {PROD} would move the model (1 file), the serving script a.py, SCIKIT "
        "1.2-1 and accuracy 0.9; instances, guardrails, approval, gates, alarms, tags and network stay those of "
        f"{PROD}. No build is live there yet."
    )
    assert isinstance(planned.effect, Promotion)
    assert client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    done = apply_change(stack.service, planned.token, by="command", open_receiver=lambda _: prod)
    assert describe_result(done) == f"Build 1 of {PROD} has started; it deploys the promoted model."
    again = apply_change(stack.service, planned.token, by="command", open_receiver=lambda _: prod)
    assert again == replace(done, repeated=True)


def test_the_receiving_build_has_the_model_and_its_own_instances(stack: Stack, prod: Service, made: int) -> None:
    number = promote(stack, prod)
    record = receive_promotion(prod, read_build(prod, number))
    assert record == read_build(prod, number) == receive_promotion(prod, record)  # a retry
    assert (record.trigger, record.request_kinds) == (Trigger("promotion", "alice"), {"promotion": 1})
    assert (record.promoted_from, record.metrics) == (f"build {made} of {STACK}", {"accuracy": 0.9})
    folder = f"s3://{BUCKET}/{key_promotion(prod, name_resource(stack.service, made))}"
    text = client("ssm").get_parameter(Name=f"/{PROD}/parameters")["Parameter"]["Value"]
    parameters: Any = parse_overridden(text, record.overrides, "SCIKIT")
    assert (parameters.ModelArtifacts, parameters.has_training) == (f"{folder}model/model.tar.gz", False)
    assert (parameters.hostsourcefile, parameters.hostentrypoint) == (f"{folder}source/a.tar.gz", "a.py")
    assert (parameters.frameworkversion, parameters.hostinstancecount) == ("1.2-1", 3)
    assert parameters.modelhostingenvironment == {"LEVEL": "prod", "TASK": "digits"}
    assert find_metrics(prod, record.artifacts) == {"accuracy": 0.9}  # also for a later build with this model
    # printf weights | sha256sum
    assert record.origin["checksum"] == "sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"


def _fail(status: str) -> Callable[[Service], None]:
    return lambda service: succeed(service, status=status, reason="Because.")


def _forget_files(service: Service) -> None:
    client("s3").delete_object(Bucket=f"{STACK}-model", Key=f"{key_model_folder(service, 1)}0/model.tar.gz")


def _change_model(service: Service) -> None:
    put(f"{STACK}-model", f"{key_model_folder(service, 1)}0/model.tar.gz", b"changed")


REFUSED: dict[str, tuple[Callable[[Service], None], str]] = {
    "failed": (_fail("failed"), "Build 1 failed, and only the model of a successful build is promoted. Because."),
    "withheld": (_fail("withheld"), "Build 1 was not deployed, and only the model of a successful build is promoted."),
    "running": (lambda service: succeed(service, ended_at=""), "Build 1 has not ended"),
    "pruned": (lambda service: succeed(service, pruned_at="2026"), "The model of build 1 was deleted; keepbuilds"),
    "missing": (_forget_files, "model.tar.gz is missing, or is not the file that build 1 recorded"),
    "changed": (_change_model, "model.tar.gz is missing, or is not the file that build 1 recorded"),
    "no source": (
        lambda _: client("s3").delete_object(Bucket=f"{STACK}-code", Key="a.tar.gz"),
        f"The serving script's archive s3://{STACK}-code/a.tar.gz of build 1 does not exist any more",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_build_without_a_good_model_is_refused(stack: Stack, prod: Service, made: int, case: str) -> None:
    spoil, reason = REFUSED[case]
    spoil(stack.service)
    with pytest.raises(PromotionError) as refused:
        plan(stack, prod, made)
    assert reason in str(refused.value)


def test_an_unfit_receiver_is_refused(stack: Stack, prod: Service, made: int) -> None:
    write_document(stack.service, SCRIPT, overwrite=True)
    with pytest.raises(PromotionError, match=f"{STACK} cannot promote a build to itself"):
        plan(stack, stack.service, made)
    write_document(prod, {"framework": "XGBOOST"}, overwrite=True)
    with pytest.raises(PromotionError, match=f"framework SCIKIT, and the parameter document of {PROD} has XGBOOST"):
        plan(stack, prod, made)
    for version, words in (("", "a version of sagebuild that is older than 0.1.0"), ("0.0.9", "version 0.0.9")):
        old = Service({**prod.settings._values, "VERSION": version}, client)
        with pytest.raises(PromotionError, match=words):
            plan(stack, old, made)
    with pytest.raises(InputError, match='one parameter, "to"'):
        plan_change(stack.service, "promote", number=1, open_receiver=lambda _: prod)


def test_a_model_of_the_stack_of_the_same_name_in_another_account_moves(stack: Stack, prod: Service, made: int) -> None:
    origin = {"stack": PROD, "pipeline": "", "region": REGION, "build": 3, "account": "111122223333"}
    update_build(stack.service, made, origin=origin)
    planned = plan(stack, prod, made)
    assert f"to build 1 of {PROD} would move" in describe_effect(planned)
    update_build(stack.service, made, origin=origin | {"account": ACCOUNT})
    with pytest.raises(
        PromotionError, match=f"Build 1 has the model that build 3 of {PROD} made; deploy it there with"
    ):
        plan(stack, prod, made)


def in_account(service: Service, account: str, region: str = REGION) -> Service:
    stack_id = service.settings.stack_id.replace(ACCOUNT, account)
    return Service({**service.settings._values, "STACK_ID": stack_id, "AWS_REGION": region}, client)


@pytest.mark.parametrize(
    ("account", "region", "of_origin", "of_receiver"),
    [
        ("444455556666", REGION, f" in account {ACCOUNT}", " in account 444455556666"),
        (ACCOUNT, "us-east-1", f" in {REGION}", " in us-east-1"),
        ("444455556666", "us-east-1", f" in account {ACCOUNT} in {REGION}", " in account 444455556666 in us-east-1"),
    ],
)
def test_the_sentence_names_accounts_and_regions_that_differ(
    stack: Stack, prod: Service, made: int, account: str, region: str, of_origin: str, of_receiver: str
) -> None:
    sentence = describe_effect(plan(stack, in_account(prod, account, region), made))
    assert sentence.startswith(f"From build 1 of {STACK}{of_origin} to build 1 of {PROD}{of_receiver} would move")
    assert f"network stay those of {PROD}{of_receiver}." in sentence


def test_a_promotion_does_not_wait_for_a_running_build(stack: Stack, prod: Service, made: int) -> None:
    write_document(prod, SCRIPT, overwrite=True)
    token = plan(stack, prod, made).token
    launch_builds(prod, [LaunchRequest(Trigger("upload"), "first")])
    with pytest.raises(ChangedSincePlanError, match="Build 1 has started since the change was planned"):
        apply_change(stack.service, token, by="command", open_receiver=lambda _: prod)
    with pytest.raises(BuildRunningError, match=f"Build 1 of {PROD} is running, and a promotion does not wait"):
        plan(stack, prod, made)
    promoted = LaunchRequest(Trigger("promotion"), "second", origin={"folder": "any", "manifest": "0" * 64})
    with pytest.raises(BuildRunningError, match="a promotion does not wait for its end"):
        launch_builds(prod, [promoted])


def test_a_serving_script_that_changed_after_the_build_is_refused(stack: Stack, prod: Service, made: int) -> None:
    uri = f"s3://{STACK}-code/a.tar.gz"
    described = {"CustomerMetadataProperties": {"source": uri, "source version": "of the build"}}
    update_build(stack.service, made, model_package="arn:package")
    service = stack.service.for_pipeline("")
    service.__dict__["sagemaker"] = Described(service.sagemaker, described)
    with pytest.raises(ModelChangedError, match=f"{uri} with the serving script changed after build 1"):
        plan(replace(stack, service=service), prod, made)


class Described:
    """SageMaker with one model package, whose properties moto does not keep."""

    def __init__(self, rest: Any, package: Json) -> None:
        self._rest, self._package = rest, package

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def describe_model_package(self, **_request: Any) -> Json:
        """DescribeModelPackage."""
        return self._package


def test_a_model_that_changes_during_the_copy_is_refused(
    stack: Stack, prod: Service, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, get = plan(stack, prod, made).token, prod.s3.get_object

    def change_first(**request: Any) -> Any:
        _change_model(stack.service)
        return get(**request)

    monkeypatch.setattr(stack.service.s3, "get_object", change_first)
    with pytest.raises(ModelChangedError, match="changed or was deleted; nothing was promoted"):
        apply_change(stack.service, token, by="command", open_receiver=lambda _: prod)
    monkeypatch.undo()
    assert read_state(prod).last_number == 0


@pytest.mark.parametrize("name", ["model/model.tar.gz", "source/a.tar.gz", "promotion.json", "model/added"])
def test_a_file_that_changes_after_the_copy_is_refused(stack: Stack, prod: Service, made: int, name: str) -> None:
    number, folder = promote(stack, prod), key_promotion(prod, name_resource(stack.service, made))
    record = receive_promotion(prod, read_build(prod, number))
    put(BUCKET, f"{folder}{name}", b"another")
    with pytest.raises(ModelChangedError, match="so nothing is deployed"):
        receive_promotion(prod, read_build(prod, number))  # before anything paid
    with pytest.raises(ModelChangedError, match="so nothing is deployed"):
        verify_promotion(prod, record)
    request = {"number": number, "model": {"PrimaryContainer": {}}, "artifacts": record.artifacts, "packing": {}}
    with pytest.raises(ModelChangedError):
        copy_model(prod, request, deadline=Deadline(840))


def test_a_document_that_changes_its_framework_is_refused(stack: Stack, prod: Service, made: int) -> None:  # noqa: ARG001
    number = promote(stack, prod)
    write_document(prod, {"framework": "XGBOOST"}, overwrite=True)
    with pytest.raises(PromotionError, match="the parameter document of sagebuild-prod has XGBOOST"):
        receive_promotion(prod, read_build(prod, number))


def read(content: Json, kind: str = "promotion") -> LaunchRequest | None:
    attributes = {"trigger": {"Type": "String", "Value": kind}}
    envelope = {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(content), "MessageId": "1"}
    return read_message(json.dumps(envelope | {"MessageAttributes": attributes}), "2", TOPIC)


VALID = {"folder": "sagebuild-dev-3f2a1c00-12", "manifest": "0" * 64}


def test_a_message_names_a_folder_and_nothing_else() -> None:
    request = read({"promotion": VALID})
    assert request
    assert (request.origin, request.overrides, request.is_alone) == (VALID, {}, True)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"promotion": VALID | {"folder": "../models/x"}}, "promotion"),
        ({"promotion": VALID | {"folder": "a/builds/b"}}, "promotion"),
        ({"promotion": VALID | {"manifest": "short"}}, "promotion"),
        ({"promotion": VALID | {"ModelArtifacts": "s3://elsewhere/model.tar.gz"}}, "promotion"),
        ({"promotion": VALID, "ModelArtifacts": "s3://elsewhere/model.tar.gz"}, "promotion"),
        ({"promotion": "sagebuild-dev"}, "promotion"),
        ({"promotion": VALID}, "command"),
        ({"trainmaxrun": 1}, "promotion"),
    ],
)
def test_a_message_cannot_point_elsewhere(content: Json, kind: str) -> None:
    with pytest.raises(MalformedMessageError):
        read(content, kind)


def test_a_model_of_several_files_moves_as_a_folder(stack: Stack, prod: Service, made: int) -> None:
    place, files = f"{key_model_folder(stack.service, made)}0/data-0/", []
    for name, body in (("config.json", b"{}"), ("weights/1.bin", b"one")):
        etag = put(f"{STACK}-model", f"{place}{name}", body)
        files.append({"uri": f"s3://{STACK}-model/{place}{name}", "etag": etag, "bytes": len(body)})
    _forget_files(stack.service)
    update_build(stack.service, made, model_files=files)
    record = receive_promotion(prod, read_build(prod, promote(stack, prod)))
    assert record.artifacts == f"s3://{BUCKET}/{key_promotion(prod, name_resource(stack.service, made))}model/"
    assert record.origin["artifact"] == f"s3://{STACK}-model/{place}"
    found = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=record.artifacts.partition(f"{BUCKET}/")[2])
    assert [each["Key"].partition("model/")[2] for each in found["Contents"]] == ["config.json", "weights/1.bin"]


def test_an_own_image_moves_by_its_digest(stack: Stack, prod: Service, made: int) -> None:
    ecr, registry = client("ecr"), f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    ecr.create_repository(repositoryName="mine")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})
    image = ecr.put_image(repositoryName="mine", imageManifest=manifest, imageTag="v1")["image"]
    digest = image["imageId"]["imageDigest"]
    document = SCRIPT | {"frameworkversion": "1.2-1", "hostimage": f"{registry}/mine:v1"}
    update_build(stack.service, made, parameters=json.dumps(document), inference_image=f"{registry}/mine:v1")
    planned = plan(stack, prod, made)
    assert isinstance(planned.effect, Promotion)
    assert planned.effect.image == f"{registry}/mine@{digest}"
    assert f"the image {registry}/mine@{digest}" in describe_effect(planned)
    update_build(stack.service, made, inference_image=f"{registry}/mine:gone")
    with pytest.raises(PromotionError, match="mine:gone does not exist any more"):
        plan(stack, prod, made)
    update_build(stack.service, made, inference_image=f"{registry}/mine:v1")
    with pytest.raises(PromotionError, match=r"mine:v1 of build 1 is not in account 444455556666 and region"):
        plan(stack, in_account(prod, "444455556666"), made)
    # From another account into the one that has the image.
    dev = replace(stack, service=in_account(stack.service, "444455556666"))
    planned = plan(dev, prod, made)
    assert isinstance(planned.effect, Promotion)
    assert planned.effect.image == f"{registry}/mine@{digest}"
    elsewhere = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/mine:v1"
    update_build(stack.service, made, inference_image=elsewhere)
    with pytest.raises(PromotionError, match=f"The serving image {elsewhere} of build 1 is not in account"):
        plan(stack, prod, made)
