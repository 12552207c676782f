"""CloudFormation in local/: stacks are created, updated, rolled back and deleted as on AWS."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import Engine
from tests.local.stack import BROKEN, QUEUE, TRUST, Stack, refusal


@pytest.fixture
def taken_parameter(engine: Engine) -> Iterator[None]:
    ssm = engine.client("ssm")
    ssm.put_parameter(Name="/taken", Type="String", Value="of another stack")
    yield
    assert ssm.get_parameter(Name="/taken")["Parameter"]["Value"] == "of another stack"
    ssm.delete_parameter(Name="/taken")


def test_an_unknown_property_fails_the_resource_and_rolls_the_stack_back(engine: Engine, stack: Stack) -> None:
    wrong = {**QUEUE, "DependsOn": "Good", "Properties": {"Colour": "red"}}
    change_set = stack.create({"Good": QUEUE, "Wrong": wrong})
    assert change_set["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack.events("Wrong")[-1] == (
        "CREATE_FAILED",
        "Properties validation failed for resource Wrong with message:\n#: extraneous key [Colour] is not permitted",
    )
    assert [status for status, _ in stack.events("Good")][-1] == "DELETE_COMPLETE"
    assert "failed to create: [Wrong]" in dict(stack.events(stack.name))["ROLLBACK_IN_PROGRESS"]
    assert not engine.client("sqs").list_queues(QueueNamePrefix=stack.name).get("QueueUrls")
    assert "ROLLBACK_COMPLETE state and can not be updated" in refusal(lambda: stack.update({"Good": QUEUE}))


@pytest.mark.usefixtures("taken_parameter")
def test_a_failed_stack_is_kept_or_deleted_on_request(engine: Engine, stack: Stack) -> None:
    resources = {"Good": QUEUE, "Broken": {**BROKEN, "DependsOn": "Good"}}
    assert stack.create(resources, OnFailure="DELETE")["StackStatus"] == "DELETE_COMPLETE"
    assert stack.create(resources, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    assert engine.client("sqs").get_queue_attributes(QueueUrl=stack.physical_id("Good"))


def test_an_update_changes_or_replaces_resources(engine: Engine, stack: Stack) -> None:
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
    change_set = stack.update({**resources(9, "sqs:SendMessage"), "New": QUEUE, "Broken": broken})
    assert change_set["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "ParameterAlreadyExists" in stack.events("Broken")[-1][1]
    assert "failed to create: [Broken]" in dict(stack.events(stack.name))["UPDATE_ROLLBACK_IN_PROGRESS"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds"])["Attributes"]
    assert attributes["DelaySeconds"] == "5"
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["s3"]
    assert stack.events("New")[-1][0] == "DELETE_COMPLETE"
    assert stack.update(resources(7, "s3:GetObject"))["StackStatus"] == "UPDATE_COMPLETE"


def test_the_deletion_of_a_full_bucket_fails_with_the_reason(engine: Engine, stack: Stack) -> None:
    s3 = engine.client("s3")
    stack.create({"Bucket": {"Type": "AWS::S3::Bucket"}, "Queue": QUEUE})
    bucket = stack.physical_id("Bucket")
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    change_set = stack.delete()
    assert (change_set["StackStatus"], change_set["StackStatusReason"]) == (
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


def test_retained_resources_outlive_their_stack(engine: Engine, stack: Stack) -> None:
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


def test_an_export_in_use_cannot_be_deleted(engine: Engine, stack: Stack) -> None:
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


def test_a_change_set_describes_and_executes_changes(stack: Stack) -> None:
    def change(delay: int, kind: str) -> dict[str, Any]:
        body = json.dumps({"Resources": {"Q": {**QUEUE, "Properties": {"DelaySeconds": delay}}}})
        name = f"change-{uuid.uuid4().hex}"
        stack.id = stack.api.create_change_set(
            StackName=stack.name, ChangeSetName=name, ChangeSetType=kind, TemplateBody=body
        )["StackId"]
        described: dict[str, Any] = stack.api.describe_change_set(StackName=stack.name, ChangeSetName=name)
        return described

    def execute(change_set: dict[str, Any]) -> str:
        stack.api.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        return str(stack.settled()["StackStatus"])

    change_set = change(1, "CREATE")
    assert stack.api.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert [c["ResourceChange"]["Action"] for c in change_set["Changes"]] == ["Add"]
    assert execute(change_set) == "CREATE_COMPLETE"
    change_set = change(2, "UPDATE")
    changed = change_set["Changes"][0]["ResourceChange"]
    assert (changed["Action"], changed["Replacement"]) == ("Modify", "False")
    assert execute(change_set) == "UPDATE_COMPLETE"
    change_set = change(2, "UPDATE")
    assert change_set["Status"] == "FAILED"
    assert "didn't contain changes" in change_set["StatusReason"]


def test_a_protected_stack_is_not_deleted(stack: Stack) -> None:
    stack.create({"Q": QUEUE})
    stack.api.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)
    assert "TerminationProtection is enabled" in refusal(lambda: stack.api.delete_stack(StackName=stack.name))
    stack.api.update_termination_protection(StackName=stack.name, EnableTerminationProtection=False)


def test_stack_tags_reach_the_resources(engine: Engine, stack: Stack) -> None:
    own = {**QUEUE, "Properties": {"Tags": [{"Key": "own", "Value": "1"}]}}
    stack.create({"Q": own}, Tags=[{"Key": "team", "Value": "a"}])
    queue = {"QueueUrl": stack.physical_id("Q")}
    assert engine.client("sqs").list_queue_tags(**queue)["Tags"] == {"own": "1", "team": "a"}
    stack.update({"Q": QUEUE}, Tags=[{"Key": "team", "Value": "b"}])
    assert engine.client("sqs").list_queue_tags(**queue)["Tags"] == {"team": "b"}


def assert_form(engine: Engine, ids: dict[str, str], form: str) -> None:
    """Check the settings that follow the creation, and those that an update resets, for the first or second form."""
    functions, s3 = engine.client("lambda"), engine.client("s3")
    assert functions.invoke(FunctionName=ids["Function"])["Payload"].read() == f'"{form}"'.encode()
    timeout = functions.get_function_configuration(FunctionName=ids["Function"])["Timeout"]
    assert timeout == {"first": 9, "second": 3}[form]
    policies = engine.client("iam").list_role_policies(RoleName=ids["Role"])["PolicyNames"]
    assert sorted(policies) == [f"extra-{form}", form]
    notified = s3.get_bucket_notification_configuration(Bucket=ids["Bucket"])["QueueConfigurations"][0]
    assert notified["Filter"]["Key"]["FilterRules"][0]["Value"] == f"{form}/"
    versioning = s3.get_bucket_versioning(Bucket=ids["Bucket"])["Status"]
    assert versioning == {"first": "Enabled", "second": "Suspended"}[form]
    targets = engine.client("events").list_targets_by_rule(Rule=ids["Rule"])["Targets"]
    assert [target["Id"] for target in targets] == [form]
    destination = engine.client("events").describe_api_destination(Name=ids["Destination"])
    assert destination["InvocationEndpoint"] == f"https://example.com/{form}"
    (project,) = engine.client("codebuild").batch_get_projects(names=[ids["Project"]])["projects"]
    assert project["description"] == form
    shown = engine.client("cloudwatch").get_dashboard(DashboardName=ids["Dashboard"])["DashboardBody"]
    assert json.loads(shown) == {"widgets": [], "start": form}
    tags = engine.client("sagemaker").list_tags(ResourceArn=ids["PackageGroup"])["Tags"]
    assert {"Key": "form", "Value": form} in tags


@pytest.fixture
def layer_archive(engine: Engine, stack: Stack) -> None:
    s3, archive = engine.client("s3"), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("python/module.py", "")
    s3.create_bucket(Bucket=f"{stack.name}-code")
    s3.put_object(Bucket=f"{stack.name}-code", Key="layer.zip", Body=archive.getvalue())


@pytest.mark.usefixtures("layer_archive")
def test_every_type_is_created_updated_and_deleted(engine: Engine, stack: Stack) -> None:
    def settle(call: Callable[..., Any], form: str) -> str:
        stack.id = call(
            StackName=stack.name,
            TemplateBody=(Path(__file__).parent / "every_type.yml").read_text(),
            Parameters=[{"ParameterKey": "Form", "ParameterValue": form}],
            Capabilities=["CAPABILITY_IAM"],
        )["StackId"]
        return str(stack.settled()["StackStatus"])

    assert settle(stack.api.create_stack, "first") == "CREATE_COMPLETE", stack.failures()
    change_set = stack.api.list_stack_resources(StackName=stack.id)["StackResourceSummaries"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in change_set}
    assert_form(engine, ids, "first")
    for form in ("second", "first"):
        assert settle(stack.api.update_stack, form) == "UPDATE_COMPLETE", stack.failures()
        assert_form(engine, ids, form)
    unchanging = {"DeadLetters", "KeyAlias", "Version"}
    assert {name for name in ids if len(stack.events(name)) == 2} == unchanging
    assert {name for name in ids if stack.physical_id(name) != ids[name]} == {"AlexaPermission", "Layer"}
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE", stack.failures()
