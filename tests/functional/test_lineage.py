"""The path of a model: from the data, through other stacks, to each build that deployed it."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.items import to_item
from sagebuild.builds.records import BuildRecord, Trigger, build_key, describe_record, now
from sagebuild.client.build import Build
from sagebuild.client.lineage.openlineage import name_run
from sagebuild.client.lineage.path import read_lineage
from sagebuild.client.lineage.place import Place
from sagebuild.errors import BuildNotFoundError, InputError
from sagebuild.plan.inputs import hash_data
from sagebuild.service import Service
from tests.functional.conftest import REGION, STACK, Stack, client
from tests.openlineage import check_event

ACCOUNT = "123456789012"
MODEL = "s3://models/builds/one/output/model.tar.gz"
OTHER = {"stack": "sagebuild-other", "account": ACCOUNT, "region": REGION, "pipeline": "", "build": 3}
INPUTS = [
    {"name": "training", "uri": "s3://data/train/", "version": "3f2a1c0011223344"},
    {"name": "source", "uri": "s3://code/source.tar.gz", "version": "abc"},
]
TRAINED: dict[str, Any] = {
    "status": "succeeded",
    "inputs": INPUTS,
    "source_commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "training_image": "123.dkr.ecr.eu-west-1.amazonaws.com/image@sha256:1",
    "training_job": "job-one",
    "artifacts": MODEL,
    "artifacts_etag": "e1",
    "model_files": [{"uri": "s3://models/models/one/0/model.tar.gz", "etag": "e2", "bytes": 20}],
    "metrics": {"accuracy": 0.91},
    "evaluation_metrics": {"recall": 0.8},
    "approval": "approved",
    "approval_by": "voice",
    "model_package": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{STACK}/1",
    "parameters": json.dumps({"git_config": {"repo": "https://example.com/o/r.git"}}),
    "endpoint_config": "config-1",
    "live_after": "config-1",
}


def write(service: Service, number: int, **values: Any) -> None:
    """Write the record of a build that has ended."""
    trigger = values.pop("trigger", Trigger("upload", "train/digits.csv"))
    record = BuildRecord(number, trigger, now().isoformat(), ended_at=now().isoformat(), **values)
    plain = describe_record(record) | {"trigger": vars(record.trigger)}
    item = build_key(service, number) | to_item(plain)
    service.dynamodb.put_item(TableName=service.settings.builds_table, Item=item)


def make_other_stack() -> Service:
    """Another stack of sagebuild in the same account, as CloudFormation describes it."""
    outputs = {"BuildsTable": "other-builds", "LaunchTopicArn": "arn:of:topic"}
    keys = [("kind", "S", "HASH"), ("number", "N", "RANGE")]
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": outputs["BuildsTable"],
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind, _ in keys],
            "KeySchema": [{"AttributeName": name, "KeyType": role} for name, _, role in keys],
        },
    }
    template = {"Resources": {"Table": table}, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
    made = client("cloudformation").create_stack(StackName=OTHER["stack"], TemplateBody=json.dumps(template))
    settings = {"STACK_NAME": str(OTHER["stack"]), "STACK_ID": made["StackId"], "AWS_REGION": REGION}
    return Service(settings | {"BUILDS_TABLE": outputs["BuildsTable"]}, client)


def describe(service: Service, number: int) -> list[tuple[str, str, int]]:
    """The role, the stack and the number of each build on the path."""
    return [(each.role, each.place.stack, each.number) for each in read_lineage(service, number).builds]


def test_a_model_is_followed_to_all_that_it_was_made_from(stack: Stack) -> None:
    write(stack.service, 1, **TRAINED)
    text = str(Build(stack.service, 1, "command").lineage())
    assert text.splitlines()[0] == f"build 1 of {STACK} in account {ACCOUNT}, {REGION}: trained"
    for fact in (
        "data        training s3://data/train/ version 3f2a1c0011223344",
        "source      s3://code/source.tar.gz version abc",
        "commit      9fceb02d0ae598e95dc970b74767f19372d61af8",
        "image       123.dkr.ecr.eu-west-1.amazonaws.com/image@sha256:1",
        "training    job-one",
        "evaluation  recall 0.8",
        "approval    approved by voice",
        f"model       {MODEL} e1",
        f"package     {TRAINED['model_package']}",
    ):
        assert f"  {fact}" in text


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_each_later_build_of_the_model_is_found_from_every_one_of_them(stack: Stack, number: int) -> None:
    write(stack.service, 1, **TRAINED)
    write(stack.service, 2, status="succeeded", artifacts=MODEL)  # skiptrain
    write(stack.service, 3, status="succeeded", artifacts=MODEL, restores=1, trigger=Trigger("voice", rollback="1"))
    write(stack.service, 4, status="failed", artifacts=MODEL, restores=1, trigger=Trigger("voice", rollback="1"))
    write(stack.service, 5, status="succeeded", artifacts="s3://models/other.tar.gz", training_job="job-five")
    assert describe(stack.service, number) == [
        ("trained", STACK, 1),
        ("deployed", STACK, 2),
        ("rolled back to", STACK, 3),
        ("rolled back to", STACK, 4),
    ]


def test_a_promoted_model_leads_back_to_its_training_and_forward_again(stack: Stack) -> None:
    other = make_other_stack()
    origin = {"artifact": MODEL, "package": "arn:of:package", "checksum": "c1"}
    write(other, 3, **TRAINED | {"artifacts": "s3://other/model.tar.gz"})
    write(stack.service, 7, status="succeeded", artifacts=MODEL, origin=OTHER | origin, trigger=Trigger("promotion"))
    path = [("trained", "sagebuild-other", 3), ("promoted", STACK, 7)]
    assert describe(stack.service, 7) == path
    outputs = {
        name: {"Value": value} for name, value in (("BuildsTable", "builds"), ("LaunchTopicArn", "arn:of:topic"))
    }
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    assert describe(other, 3) == path


def test_a_model_of_another_account_has_what_the_record_says(stack: Stack) -> None:
    origin = OTHER | {"account": "210987654321", "artifact": MODEL, "package": "arn:of:package", "checksum": "c1"}
    write(stack.service, 7, status="succeeded", artifacts="s3://mine/model.tar.gz", origin=origin)
    lineage = read_lineage(stack.service, 7)
    first, second = lineage.builds
    assert (first.number, first.record, second.role) == (3, None, "promoted")
    assert dict(first.facts) == {"model": MODEL, "checksum": "c1", "package": "arn:of:package"}
    assert "build 3 of sagebuild-other in account 210987654321" in lineage.notes[0]
    (event,) = lineage.to_list()
    assert [each["name"] for each in event["inputs"]] == ["builds/one/output/model.tar.gz"]


def test_what_another_stack_may_not_show_is_a_note(stack: Stack) -> None:
    make_other_stack()
    write(stack.service, 7, status="succeeded", artifacts=MODEL, origin=OTHER, trigger=Trigger("promotion"))

    def create_client(name: str) -> Any:
        if name != "dynamodb":
            return client(name)
        session = boto3.session.Session(region_name=REGION)
        made = session.client("dynamodb")
        made.meta.events.register("provide-client-params.dynamodb.*", deny)
        return made

    def deny(params: dict[str, Any], model: Any, **_: Any) -> None:
        if params["TableName"] == "other-builds":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, model.name)

    lineage = read_lineage(Service(stack.settings, create_client), 7)
    assert [(each.role, each.number) for each in lineage.builds] == [("trained", 3), ("promoted", 7)]
    assert [note[:47] for note in lineage.notes] == [
        "The record of build 3 of sagebuild-other in acc",
        "The stack sagebuild-other was not searched: An ",
    ]
    assert "<p>Note: The stack sagebuild-other" in lineage._repr_html_()


def test_the_events_are_valid_and_connect_a_training_with_a_rollback(stack: Stack) -> None:
    write(stack.service, 1, **TRAINED)
    write(stack.service, 2, status="failed", reason="It broke.", artifacts=MODEL, artifacts_etag="e1", restores=1)
    trained, rolled_back = read_lineage(stack.service, 1).to_list()
    for event in (trained, rolled_back):
        check_event(event)
    assert (trained["eventType"], rolled_back["eventType"]) == ("COMPLETE", "FAIL")
    assert trained["run"]["runId"] == name_run(Place(STACK, ACCOUNT, REGION, ""), 1)
    assert [(each["namespace"], each["name"]) for each in trained["inputs"]] == [
        ("s3://data", "train/"),
        ("s3://code", "source.tar.gz"),
    ]
    assert trained["inputs"][0]["facets"]["version"]["datasetVersion"] == "3f2a1c0011223344"
    assert trained["job"]["facets"]["sourceCodeLocation"]["version"] == TRAINED["source_commit"]
    assert rolled_back["run"]["facets"]["errorMessage"]["message"] == "It broke."
    made = {(each["namespace"], each["name"]) for each in trained["outputs"]}
    assert {(each["namespace"], each["name"]) for each in rolled_back["inputs"]} < made


@pytest.mark.parametrize(
    "change",
    [
        {"eventTime": "yesterday"},
        {"run": {"runId": "12", "facets": {}}},
        {"eventType": "DONE"},
        {"job": {"namespace": "n", "name": "n", "facets": {"jobType": {"_producer": "urn:x"}}}},
    ],
)
def test_the_check_of_events_finds_mistakes(stack: Stack, change: dict[str, Any]) -> None:
    write(stack.service, 1, **TRAINED)
    (event,) = read_lineage(stack.service, 1).to_list()
    with pytest.raises((KeyError, TypeError, ValueError)):
        check_event(event | change)


def test_a_build_without_a_model_has_no_lineage(stack: Stack) -> None:
    write(stack.service, 1, status="failed")
    with pytest.raises(InputError, match=f"Build 1 of {STACK} has no model: it failed before its training"):
        read_lineage(stack.service, 1)
    with pytest.raises(BuildNotFoundError):
        read_lineage(stack.service, 2)


def test_the_version_of_data_changes_with_an_object_and_returns_with_its_content(stack: Stack) -> None:
    s3, uri = stack.service.s3, f"s3://{STACK}-data/train/"

    def put(text: bytes) -> str:
        s3.put_object(Bucket=f"{STACK}-data", Key="train/a.csv", Body=text)
        return hash_data(stack.service, uri)

    first, second = put(b"1"), put(b"2")
    assert len(first) == 16
    assert first != second
    assert put(b"1") == first
    assert hash_data(stack.service, "s3://no-such-bucket/train/") == ""
