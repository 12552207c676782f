"""CloudFormation of local/: stacks come, change, fail and go as on AWS."""

import io
import json
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
QUEUE = {"Type": "AWS::SQS::Queue"}
# Fails in SSM, after everything that it depends on was made.
BROKEN = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/taken", "Type": "String", "Value": "x"}}


class Stack:
    """One stack under test."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.api, self.name, self.id = engine.client("cloudformation"), name, ""

    def create(self, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self._run(self.api.create_stack, resources, more)

    def update(self, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self._run(self.api.update_stack, resources, more)

    def delete(self) -> dict[str, Any]:
        self.api.delete_stack(StackName=self.name)
        return self.settled()

    def _run(self, call: Callable[..., Any], resources: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        request = {key: more.pop(key) for key in ("Parameters", "OnFailure", "DisableRollback", "Tags") if key in more}
        body = json.dumps({"Resources": resources, **more.pop("template", {})})
        answer = call(StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"], **request)
        self.id = answer["StackId"]
        return self.settled()

    def settled(self) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            told: dict[str, Any] = self.api.describe_stacks(StackName=self.id)["Stacks"][0]
            if not told["StackStatus"].endswith("IN_PROGRESS"):
                return told
            time.sleep(0.05)
        raise AssertionError(f"{told['StackName']} is still {told['StackStatus']}")

    def physical_id(self, name: str) -> str:
        told = self.api.describe_stack_resource(StackName=self.id, LogicalResourceId=name)
        return str(told["StackResourceDetail"]["PhysicalResourceId"])

    def events(self, name: str) -> list[tuple[str, str]]:
        """The status and reason of each event of a resource, the first first."""
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=self.id)
        told = [event for page in pages for event in page["StackEvents"]]
        return [
            (event["ResourceStatus"], event.get("ResourceStatusReason", ""))
            for event in told[::-1]
            if event["LogicalResourceId"] == name
        ]

    def outputs(self) -> dict[str, str]:
        told = self.api.describe_stacks(StackName=self.id)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in told}


@pytest.fixture
def stack(engine: Engine) -> Iterator[Stack]:
    made = Stack(engine, f"stack-{uuid.uuid4().hex[:8]}")
    yield made
    if made.id:
        made.api.delete_stack(StackName=made.id)
        made.settled()


@pytest.fixture
def taken_parameter(engine: Engine) -> Iterator[None]:
    ssm = engine.client("ssm")
    ssm.put_parameter(Name="/taken", Type="String", Value="somebody else's")
    yield
    assert ssm.get_parameter(Name="/taken")["Parameter"]["Value"] == "somebody else's"
    ssm.delete_parameter(Name="/taken")


def refusal(call: Callable[[], Any]) -> str:
    """The message with which a call is refused as a ValidationError."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    return str(refused.value.response["Error"]["Message"])


def test_everything_that_a_template_can_say_is_evaluated(engine: Engine, stack: Stack) -> None:
    yaml = """
Parameters:
  Stage: {Type: String, AllowedValues: [dev, prod]}
  Names: {Type: CommaDelimitedList, Default: 'a, b'}
  Secret: {Type: String, NoEcho: true, Default: hidden}
Mappings:
  Sizes: {dev: {days: 3}, prod: {days: 30}}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Neither: !Not [!Or [!Condition Prod, !And [!Equals [a, a], !Equals [a, b]]]]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: !FindInMap [Sizes, !Ref Stage, days]
      MessageRetentionPeriod: !If [Prod, 600, !Ref AWS::NoValue]
  OnlyInProd:
    Type: AWS::SQS::Queue
    Condition: Prod
Outputs:
  Sub: {Value: !Sub ['${Queue.QueueName} ${!Literal} ${Own} ${Stage}', {Own: !Join [+, !Ref Names]}]}
  Select: {Value: !Select [1, !Split ['-', x-y]]}
  Base64: {Value: {'Fn::Base64': text}}
  Neither: {Value: !If [Neither, 'yes', 'no']}
  Stack: {Value: !Ref AWS::StackId}
  Prod: {Value: absent, Condition: Prod}
"""
    stack.id = stack.api.create_stack(
        StackName=stack.name, TemplateBody=yaml, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    )["StackId"]
    told = stack.settled()
    assert told["StackStatus"] == "CREATE_COMPLETE", stack.events(stack.name)
    assert {"ParameterKey": "Secret", "ParameterValue": "****"} in told["Parameters"]
    url = stack.physical_id("Queue")
    name = url.rsplit("/", 1)[1]
    assert stack.outputs() == {
        "Sub": f"{name} ${{Literal}} a+b dev",
        "Select": "y",
        "Base64": "dGV4dA==",
        "Neither": "yes",
        "Stack": stack.id,
    }
    assert name.startswith(f"{stack.name}-Queue-")
    attributes = engine.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["DelaySeconds"], attributes["MessageRetentionPeriod"]) == ("3", "345600")


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"X": {"Type": "AWS::No::Such"}}, "Unrecognized resource types: [AWS::No::Such]"),
        ({"X": {"Type": "AWS::EC2::VPC"}}, "local/ does not serve the resource types [AWS::EC2::VPC]"),
        (
            {"X": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "Private"}}},
            "local/ does not serve the properties [AccessControl] of AWS::S3::Bucket (resource X)",
        ),
        (
            {"X": {**QUEUE, "DependsOn": "Y"}},
            "Template format error: Unresolved resource dependencies [Y] in the Resources block of the template",
        ),
        (
            {"X": {**QUEUE, "Properties": {"QueueName": {"Fn::Sub": "${Y.Arn}"}}}},
            "Unresolved resource dependencies [Y]",
        ),
        (
            {
                "X": {**QUEUE, "DependsOn": ["Y"]},
                "Y": {**QUEUE, "Properties": {"QueueName": {"Fn::GetAtt": ["X", "QueueName"]}}},
            },
            "Circular dependency between resources: [X, Y]",
        ),
        (
            {"X": QUEUE, "Y": {**QUEUE, "Properties": {"QueueName": {"Fn::GetAtt": ["X", "Colour"]}}}},
            "Template error: resource X does not support attribute type Colour in Fn::GetAtt",
        ),
        ({"X": {**QUEUE, "CreationPolicy": {}}}, "Invalid template resource property 'CreationPolicy'"),
    ],
)
def test_a_wrong_template_is_refused_by_name(stack: Stack, resources: dict[str, Any], words: str) -> None:
    assert words in refusal(lambda: stack.create(resources))
    assert words in refusal(lambda: stack.api.validate_template(TemplateBody=json.dumps({"Resources": resources})))


def test_parameters_are_held_to_their_constraints(stack: Stack) -> None:
    template = {"Parameters": {"Name": {"Type": "String", "AllowedPattern": "[a-z]+"}}}
    given = [{"ParameterKey": "Name", "ParameterValue": "9"}]
    assert "must have values" in refusal(lambda: stack.create({"Q": QUEUE}, template=template))
    refused = refusal(lambda: stack.create({"Q": QUEUE}, template=template, Parameters=given))
    assert refused == "Parameter 'Name' must match pattern [a-z]+"


def test_iam_takes_an_acknowledgement(stack: Stack) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "named", "AssumeRolePolicyDocument": TRUST}}
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"):
        stack.api.create_stack(
            StackName=stack.name, TemplateBody=json.dumps({"Resources": {"R": role}}), Capabilities=["CAPABILITY_IAM"]
        )


def test_an_unknown_property_fails_the_resource_and_all_is_rolled_back(engine: Engine, stack: Stack) -> None:
    wrong = {**QUEUE, "DependsOn": "Good", "Properties": {"Colour": "red"}}
    told = stack.create({"Good": QUEUE, "Wrong": wrong})
    assert told["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack.events("Wrong")[-1] == (
        "CREATE_FAILED",
        "Properties validation failed for resource Wrong with message:\n#: extraneous key [Colour] is not permitted",
    )
    assert [status for status, _ in stack.events("Good")][-1] == "DELETE_COMPLETE"
    assert "failed to create: [Wrong]" in dict(stack.events(stack.name))["ROLLBACK_IN_PROGRESS"]
    assert not engine.client("sqs").list_queues(QueueNamePrefix=stack.name).get("QueueUrls")
    assert "ROLLBACK_COMPLETE state and can not be updated" in refusal(lambda: stack.update({"Good": QUEUE}))


@pytest.mark.usefixtures("taken_parameter")
def test_a_failed_creation_may_be_kept_or_deleted(engine: Engine, stack: Stack) -> None:
    resources = {"Good": QUEUE, "Broken": {**BROKEN, "DependsOn": "Good"}}
    assert stack.create(resources, OnFailure="DELETE")["StackStatus"] == "DELETE_COMPLETE"
    assert stack.create(resources, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    assert engine.client("sqs").get_queue_attributes(QueueUrl=stack.physical_id("Good"))


def test_updates_happen_in_place_or_by_replacement(engine: Engine, stack: Stack) -> None:
    sqs = engine.client("sqs")
    queue = {**QUEUE, "Properties": {"VisibilityTimeout": 60, "DelaySeconds": 9}}
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        },
    }
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::Join": ["", ["table ", {"Ref": "Table"}]]}},
    }
    before = {"Queue": queue, "Table": table, "Parameter": parameter, "Dropped": QUEUE}
    assert stack.create(before)["StackStatus"] == "CREATE_COMPLETE"
    former = {name: stack.physical_id(name) for name in before}

    other = json.loads(json.dumps(table).replace('"id"', '"key"'))
    after = {"Queue": {**QUEUE, "Properties": {"DelaySeconds": "5"}}, "Table": other, "Parameter": parameter}
    assert stack.update(after)["StackStatus"] == "UPDATE_COMPLETE"
    assert stack.physical_id("Queue") == former["Queue"]
    attributes = sqs.get_queue_attributes(QueueUrl=former["Queue"], AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["DelaySeconds"]) == ("30", "5")
    assert stack.physical_id("Table") != former["Table"]
    assert former["Table"] not in engine.client("dynamodb").list_tables()["TableNames"]
    value = engine.client("ssm").get_parameter(Name=former["Parameter"])["Parameter"]["Value"]
    assert value == f"table {stack.physical_id('Table')}"
    assert former["Dropped"] not in sqs.list_queues().get("QueueUrls", [])
    assert "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" in dict(stack.events(stack.name))
    assert refusal(lambda: stack.update(after)) == "No updates are to be performed."


@pytest.mark.usefixtures("taken_parameter")
def test_a_failed_update_is_rolled_back(engine: Engine, stack: Stack) -> None:
    sqs, iam = engine.client("sqs"), engine.client("iam")

    def resources(delay: int, action: str) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        policy = {"PolicyName": action[:2], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": [policy]}}
        return {"Queue": {**QUEUE, "Properties": {"DelaySeconds": delay}}, "Role": role}

    stack.create(resources(5, "s3:GetObject"))
    queue, role = stack.physical_id("Queue"), stack.physical_id("Role")
    broken = {**BROKEN, "DependsOn": ["Queue", "Role", "New"]}
    told = stack.update({**resources(9, "sqs:SendMessage"), "New": QUEUE, "Broken": broken})
    assert told["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "ParameterAlreadyExists" in stack.events("Broken")[-1][1]
    assert "failed to create: [Broken]" in dict(stack.events(stack.name))["UPDATE_ROLLBACK_IN_PROGRESS"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds"])["Attributes"]
    assert attributes["DelaySeconds"] == "5"
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["s3"]
    assert stack.events("New")[-1][0] == "DELETE_COMPLETE"
    assert stack.update(resources(7, "s3:GetObject"))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_full_bucket_is_not_deleted_and_says_so(engine: Engine, stack: Stack) -> None:
    s3 = engine.client("s3")
    stack.create({"Bucket": {"Type": "AWS::S3::Bucket"}, "Queue": QUEUE})
    bucket = stack.physical_id("Bucket")
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    told = stack.delete()
    assert (told["StackStatus"], told["StackStatusReason"]) == (
        "DELETE_FAILED",
        "The following resource(s) failed to delete: [Bucket]. ",
    )
    status, why = stack.events("Bucket")[-1]
    assert status == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty" in why
    assert "BucketNotEmpty" in why
    s3.delete_object(Bucket=bucket, Key="a")
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert "does not exist" in refusal(lambda: stack.api.describe_stacks(StackName=stack.name))


def test_what_is_retained_outlives_its_stack(engine: Engine, stack: Stack) -> None:
    sqs = engine.client("sqs")
    kept = {**QUEUE, "DeletionPolicy": "Retain"}
    stack.create({"Kept": kept, "Dropped": kept, "Gone": QUEUE})
    urls = {name: stack.physical_id(name) for name in ("Kept", "Dropped", "Gone")}
    stack.update({"Kept": kept, "Gone": QUEUE})
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE"
    left = sqs.list_queues(QueueNamePrefix=stack.name)["QueueUrls"]
    assert sorted(left) == sorted([urls["Kept"], urls["Dropped"]])
    for url in left:
        sqs.delete_queue(QueueUrl=url)


def test_an_export_in_use_cannot_go(engine: Engine, stack: Stack) -> None:
    name = f"{stack.name}-queue"
    exports = {"Outputs": {"Queue": {"Value": {"Fn::GetAtt": ["Q", "QueueName"]}, "Export": {"Name": name}}}}
    stack.create({"Q": QUEUE}, template=exports)
    assert name in [export["Name"] for export in stack.api.list_exports()["Exports"]]
    user = Stack(engine, f"{stack.name}-user")
    value = {"Fn::ImportValue": name}
    user.create({"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}})
    assert stack.api.list_imports(ExportName=name)["Imports"] == [user.name]
    assert f"Cannot delete export {name} as it is in use by {user.name}" in stack.delete()["StackStatusReason"]
    assert user.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE"


def test_a_change_set_tells_and_then_does(stack: Stack) -> None:
    def change(delay: int, kind: str) -> dict[str, Any]:
        body = json.dumps({"Resources": {"Q": {**QUEUE, "Properties": {"DelaySeconds": delay}}}})
        name = f"change-{uuid.uuid4().hex}"
        stack.id = stack.api.create_change_set(
            StackName=stack.name, ChangeSetName=name, ChangeSetType=kind, TemplateBody=body
        )["StackId"]
        told: dict[str, Any] = stack.api.describe_change_set(StackName=stack.name, ChangeSetName=name)
        return told

    def execute(told: dict[str, Any]) -> str:
        stack.api.execute_change_set(ChangeSetName=told["ChangeSetId"])
        return str(stack.settled()["StackStatus"])

    told = change(1, "CREATE")
    assert stack.api.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert [c["ResourceChange"]["Action"] for c in told["Changes"]] == ["Add"]
    assert execute(told) == "CREATE_COMPLETE"
    told = change(2, "UPDATE")
    changed = told["Changes"][0]["ResourceChange"]
    assert (changed["Action"], changed["Replacement"]) == ("Modify", "False")
    assert execute(told) == "UPDATE_COMPLETE"
    told = change(2, "UPDATE")
    assert told["Status"] == "FAILED"
    assert "didn't contain changes" in told["StatusReason"]


def test_a_protected_stack_stays(stack: Stack) -> None:
    stack.create({"Q": QUEUE})
    stack.api.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)
    assert "TerminationProtection is enabled" in refusal(lambda: stack.api.delete_stack(StackName=stack.name))
    stack.api.update_termination_protection(StackName=stack.name, EnableTerminationProtection=False)


def test_stack_tags_reach_the_resources(engine: Engine, stack: Stack) -> None:
    own = {**QUEUE, "Properties": {"Tags": [{"Key": "own", "Value": "1"}]}}
    stack.create({"Q": own}, Tags=[{"Key": "team", "Value": "a"}])
    stack.update({"Q": own}, Tags=[{"Key": "team", "Value": "b"}])
    tags = engine.client("sqs").list_queue_tags(QueueUrl=stack.physical_id("Q"))["Tags"]
    assert tags == {"own": "1", "team": "b"}


def test_every_type_is_made_changed_and_deleted(engine: Engine, stack: Stack) -> None:
    s3, functions = engine.client("s3"), engine.client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("python/module.py", "")
    s3.create_bucket(Bucket=f"{stack.name}-code")
    s3.put_object(Bucket=f"{stack.name}-code", Key="layer.zip", Body=archive.getvalue())

    def settle(call: Callable[..., Any], form: str) -> str:
        stack.id = call(
            StackName=stack.name,
            TemplateBody=(Path(__file__).parent / "every_type.yml").read_text(),
            Parameters=[{"ParameterKey": "Form", "ParameterValue": form}],
            Capabilities=["CAPABILITY_IAM"],
        )["StackId"]
        return str(stack.settled()["StackStatus"])

    def failures() -> list[dict[str, Any]]:
        events = stack.api.describe_stack_events(StackName=stack.id)["StackEvents"]
        return [event for event in events if event["ResourceStatus"].endswith("FAILED")]

    unchanging = {"Project", "PackageGroup", "DeadLetters", "KeyAlias", "Layer", "Version"}
    assert settle(stack.api.create_stack, "first") == "CREATE_COMPLETE", failures()
    resources = [
        r["LogicalResourceId"] for r in stack.api.list_stack_resources(StackName=stack.id)["StackResourceSummaries"]
    ]
    former = {name: stack.physical_id(name) for name in resources}
    for form in ("second", "first"):
        assert settle(stack.api.update_stack, form) == "UPDATE_COMPLETE", failures()
        assert functions.invoke(FunctionName=former["Function"])["Payload"].read() == f'"{form}"'.encode()
    assert {name for name in resources if len(stack.events(name)) == 2} == unchanging
    replaced = {name for name in resources if stack.physical_id(name) != former[name]}
    assert replaced == {"AlexaPermission"}
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE", failures()


class Responder:
    """Whoever answers a custom resource: an SNS topic behind the ServiceToken, read through a queue."""

    def __init__(self, engine: Engine) -> None:
        sns, self._sqs = engine.client("sns"), engine.client("sqs")
        self.topic = sns.create_topic(Name=f"custom-{uuid.uuid4().hex}")["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=f"custom-{uuid.uuid4().hex}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def answer(self, status: str, physical_id: str = "", **more: Any) -> dict[str, Any]:
        """Wait for the next request and answer it."""
        received = self._sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=20)["Messages"][0]
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=received["ReceiptHandle"])
        request: dict[str, Any] = json.loads(received["Body"])
        answer = {"Status": status, "PhysicalResourceId": physical_id, **more}
        body = json.dumps(answer | {name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")})
        put = urllib.request.Request(request["ResponseURL"], body.encode(), {"Content-Type": ""}, method="PUT")
        assert urllib.request.urlopen(put).status == 200
        return request


def begin(stack: Stack, call: Callable[..., Any], properties: dict[str, Any]) -> None:
    resources = {"C": {"Type": "Custom::Thing", "Properties": properties}}
    outputs = {"Colour": {"Value": {"Fn::GetAtt": ["C", "Colour"]}}, "Ref": {"Value": {"Ref": "C"}}}
    body = json.dumps({"Resources": resources, "Outputs": outputs})
    stack.id = call(StackName=stack.name, TemplateBody=body)["StackId"]


def test_a_custom_resource_is_made_replaced_and_deleted(engine: Engine, stack: Stack) -> None:
    responder = Responder(engine)
    begin(stack, stack.api.create_stack, {"ServiceToken": responder.topic, "Number": 1, "Flag": True})
    asked = responder.answer("SUCCESS", "first", Data={"Colour": "red"})
    assert asked["RequestType"] == "Create"
    assert asked["ResourceProperties"] == {"ServiceToken": responder.topic, "Number": "1", "Flag": "true"}
    assert stack.settled()["StackStatus"] == "CREATE_COMPLETE"
    assert stack.outputs() == {"Colour": "red", "Ref": "first"}

    begin(stack, stack.api.update_stack, {"ServiceToken": responder.topic, "Number": 2})
    asked = responder.answer("SUCCESS", "second", Data={"Colour": "blue"})
    assert (asked["RequestType"], asked["PhysicalResourceId"]) == ("Update", "first")
    assert asked["OldResourceProperties"]["Number"] == "1"
    asked = responder.answer("SUCCESS", "first")
    assert (asked["RequestType"], asked["PhysicalResourceId"]) == ("Delete", "first")
    assert stack.settled()["StackStatus"] == "UPDATE_COMPLETE"
    assert stack.outputs() == {"Colour": "blue", "Ref": "second"}

    stack.api.delete_stack(StackName=stack.name)
    asked = responder.answer("SUCCESS", "second")
    assert (asked["RequestType"], asked["PhysicalResourceId"]) == ("Delete", "second")
    assert stack.settled()["StackStatus"] == "DELETE_COMPLETE"


def test_a_custom_resource_that_refuses_fails_its_stack(engine: Engine, stack: Stack) -> None:
    responder = Responder(engine)
    begin(stack, stack.api.create_stack, {"ServiceToken": responder.topic})
    responder.answer("FAILED", "half", Reason="no room")
    assert responder.answer("SUCCESS", "half")["RequestType"] == "Delete"
    assert stack.settled()["StackStatus"] == "ROLLBACK_COMPLETE"
    why = dict(stack.events("C"))["CREATE_FAILED"]
    assert why.startswith("Received response status [FAILED] from custom resource. Message returned: no room")


def test_a_custom_resource_that_never_answers_times_out(engine: Engine, stack: Stack) -> None:
    responder = Responder(engine)
    begin(stack, stack.api.create_stack, {"ServiceToken": responder.topic, "ServiceTimeout": "1"})
    assert stack.settled()["StackStatus"] == "ROLLBACK_FAILED"
    assert "did not receive a response from your Custom Resource" in dict(stack.events("C"))["CREATE_FAILED"]
