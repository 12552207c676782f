"""The audit of local/: needed permissions, whether policies allow them, unused permissions and enforcement."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.engine import Engine, running_engine

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}"
MAPPING = f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{'u' * 36}"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
SESSION: Any = boto3.session.Session()
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/other"


class Role:
    """A new role with one inline policy."""

    def __init__(self, engine: Engine, *statements: dict[str, Any]) -> None:
        self.engine, self.name = engine, f"role-{uuid4().hex[:8]}"
        trust = {"Version": "2012-10-17", "Statement": []}
        iam = engine.client("iam")
        self.arn = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=self.name, PolicyName="inline", PolicyDocument=document)
        self.key = engine.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="test")["Credentials"]

    def client(self, service: str) -> Any:
        return SESSION.client(
            service,
            region_name=self.engine.region,
            endpoint_url=self.engine.endpoint_url,
            aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=self.key["SecretAccessKey"],
            aws_session_token=self.key["SessionToken"],
            config=Config(retries={"max_attempts": 0}),
        )

    def calls(self) -> list[dict[str, Any]]:
        return [call for call in read_audit(self.engine)["calls"] if call["role"] == self.name]

    def unused(self) -> set[tuple[str, str]]:
        found = read_audit(self.engine)["unused"]
        return {(grant["action"], grant["resource"]) for grant in found if grant["role"] == self.name}


def read_audit(engine: Engine) -> Any:
    return engine.read_audit()


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return allow("sns:CreateTopic", Condition={operator: {key: value}})


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that serves what IAM denies, and records it."""
    with running_engine(tmp_path_factory.mktemp("recording"), enforces_iam=False) as engine:
        yield engine


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([allow("*")], True),
        ([allow("sns:createtopic")], True),
        ([allow("sns:Create*", f"{TOPIC}:app-*")], True),
        ([allow(["s3:*", "sns:CreateTopi?"], [f"{TOPIC}:other", f"{TOPIC}:app-one"])], True),
        ([allow("sns:CreateTopic", f"{TOPIC}:App-*")], False),
        ([allow("sns:Publish")], False),
        ([allow("*"), deny("sns:Create*", f"{TOPIC}:app-*")], False),
        ([allow("*"), deny("sns:Create*", f"{TOPIC}:else-*")], True),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": ["s3:*", "sns:*"], "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "sns:*", "NotResource": f"{TOPIC}:app-*"}], False),
        ([allow("sns:*", "arn:aws:sns:*:${aws:PrincipalAccount}:app-*")], True),
        ([when("StringEquals", "aws:RequestedRegion", ["eu-west-1", "us-east-1"])], True),
        ([when("StringEquals", "aws:RequestedRegion", "eu-west-1")], False),
        ([when("StringNotEquals", "aws:RequestedRegion", ["eu-west-1", "us-east-1"])], False),
        ([when("StringLike", "aws:requestedregion", "us-*")], True),
        ([when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/role-*")], True),
        ([when("ArnEquals", "aws:PrincipalArn", OTHER_ROLE)], False),
        ([when("Bool", "aws:SecureTransport", True)], True),
        ([when("StringEquals", "aws:RequestTag/stage", "dev")], True),
        ([when("StringEquals", "aws:RequestTag/team", "a")], False),
        ([when("StringEqualsIfExists", "aws:RequestTag/team", "a")], True),
        ([when("Null", "aws:RequestTag/team", "true")], True),
        ([when("ForAllValues:StringEquals", "aws:TagKeys", ["stage", "team"])], True),
        ([when("ForAllValues:StringEquals", "aws:TagKeys", ["team"])], False),
        ([when("ForAnyValue:StringLike", "aws:TagKeys", ["st*"])], True),
        ([when("IpAddress", "aws:SourceIp", "10.0.0.0/8")], None),
        ([when("StringEquals", "ec2:Vpc", "vpc-1")], None),
        ([allow("sns:*"), when("IpAddress", "aws:SourceIp", "10.0.0.0/8")], True),
        ([allow("sns:*"), deny("sns:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], None),
    ],
)
def test_policies_allow_deny_or_leave_undecided(
    recording: Engine, statements: list[dict[str, Any]], allowed: bool | None
) -> None:
    role = Role(recording, *statements)
    role.client("sns").create_topic(Name="app-one", Tags=[{"Key": "stage", "Value": "dev"}])
    (call,) = role.calls()
    assert (call["action"], call["resource"]) == ("sns:CreateTopic", f"{TOPIC}:app-one")
    assert call["allowed"] is allowed, call["reason"]


def test_an_unsupported_condition_is_named(recording: Engine) -> None:
    role = Role(recording, when("NumericLessThan", "aws:MultiFactorAuthAge", "60"))
    role.client("sns").create_topic(Name="app-one")
    assert role.calls()[0]["reason"] == "Allow not evaluated: condition operator NumericLessThan"


def test_attached_policies_are_evaluated(recording: Engine) -> None:
    role, iam = Role(recording), recording.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": allow("sns:CreateTopic")})
    own = iam.create_policy(PolicyName=role.name, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role.name, PolicyArn=own)
    iam.attach_role_policy(RoleName=role.name, PolicyArn="arn:aws:iam::aws:policy/AmazonSNSReadOnlyAccess")
    role.client("sns").create_topic(Name="app-one")
    role.client("sns").list_topics()
    assert [call["allowed"] for call in role.calls()] == [True, True]


def test_a_missing_role_may_do_nothing(recording: Engine) -> None:
    role = Role(recording)
    recording.client("iam").delete_role(RoleName=role.name)
    role.client("sns").create_topic(Name="app-one")
    assert [(call["allowed"], call["reason"]) for call in role.calls()] == [(False, "the role does not exist")]


def test_a_role_without_policies_may_do_nothing(recording: Engine) -> None:
    role = Role(recording, allow("sns:CreateTopic"))
    iam = recording.client("iam")
    (policy,) = iam.list_role_policies(RoleName=role.name)["PolicyNames"]
    iam.delete_role_policy(RoleName=role.name, PolicyName=policy)
    role.client("sns").create_topic(Name="app-one")
    assert [(call["allowed"], call["reason"]) for call in role.calls()] == [(False, "the role or user has no policies")]


def test_calls_are_counted(recording: Engine) -> None:
    role = Role(recording, allow("sns:CreateTopic"))
    for _ in range(3):
        role.client("sns").create_topic(Name="app-one")
    assert [call["count"] for call in role.calls()] == [3]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "needed"),
    [
        ("s3", "head_object", {"Bucket": "b-1", "Key": "a/b"}, {("s3:GetObject", "arn:aws:s3:::b-1/a/b")}),
        ("s3", "list_objects_v2", {"Bucket": "b-1"}, {("s3:ListBucket", "arn:aws:s3:::b-1")}),
        ("s3", "list_buckets", {}, {("s3:ListAllMyBuckets", "*")}),
        (
            "s3",
            "delete_objects",
            {"Bucket": "b-1", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y"}]}},
            {("s3:DeleteObject", "arn:aws:s3:::b-1/x"), ("s3:DeleteObject", "arn:aws:s3:::b-1/y")},
        ),
        (
            "s3",
            "delete_objects",
            {"Bucket": "b-1", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]}},
            {
                ("s3:DeleteObject", "arn:aws:s3:::b-1/x"),
                ("s3:DeleteObject", "arn:aws:s3:::b-1/y"),
                ("s3:DeleteObjectVersion", "arn:aws:s3:::b-1/y"),
            },
        ),
        (
            "s3",
            "copy_object",
            {"Bucket": "b-1", "Key": "to", "CopySource": "b-2/from"},
            {("s3:PutObject", "arn:aws:s3:::b-1/to"), ("s3:GetObject", "arn:aws:s3:::b-2/from")},
        ),
        (
            "dynamodb",
            "query",
            {"TableName": "t-1", "IndexName": "by-age", "KeyConditionExpression": "a=b"},
            {("dynamodb:Query", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t-1/index/by-age")},
        ),
        (
            "dynamodb",
            "transact_write_items",
            {"TransactItems": [{"Delete": {"TableName": "t-1", "Key": {"id": {"S": "1"}}}}]},
            {("dynamodb:DeleteItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t-1")},
        ),
        (
            "lambda",
            "invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            {("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:live")},
        ),
        (
            "stepfunctions",
            "stop_execution",
            {"executionArn": f"arn:aws:states:us-east-1:{ACCOUNT}:execution:m:e"},
            {("states:StopExecution", f"arn:aws:states:us-east-1:{ACCOUNT}:execution:m:e")},
        ),
        (
            "sagemaker",
            "update_endpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            {
                ("sagemaker:UpdateEndpoint", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/e"),
                ("sagemaker:UpdateEndpoint", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint-config/c"),
            },
        ),
        (
            "sagemaker-runtime",
            "invoke_endpoint_with_response_stream",
            {"EndpointName": "e", "Body": b"1"},
            {
                ("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/e"),
                ("sagemaker:InvokeEndpointWithResponseStream", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/e"),
            },
        ),
        ("sagemaker", "list_models", {}, {("sagemaker:ListModels", "*")}),
        (
            "sqs",
            "send_message",
            {"QueueUrl": f"http://localhost/{ACCOUNT}/q", "MessageBody": "m"},
            {("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")},
        ),
        (
            "ssm",
            "get_parameters",
            {"Names": ["/a/b", "c"]},
            {
                ("ssm:GetParameters", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/a/b"),
                ("ssm:GetParameters", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/c"),
            },
        ),
        (
            "logs",
            "create_log_stream",
            {"logGroupName": "/aws/lambda/f", "logStreamName": "s"},
            {("logs:CreateLogStream", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/f:log-stream:s")},
        ),
        (
            "events",
            "put_rule",
            {"Name": "r", "EventPattern": "{}"},
            {("events:PutRule", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r")},
        ),
        (
            "codebuild",
            "batch_get_builds",
            {"ids": ["p:00000000-0000-0000-0000-000000000000"]},
            {("codebuild:BatchGetBuilds", f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/p")},
        ),
        (
            "ecr",
            "describe_images",
            {"repositoryName": "repo"},
            {("ecr:DescribeImages", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/repo")},
        ),
        ("sts", "get_caller_identity", {}, set()),
        (
            "stepfunctions",
            "create_state_machine_alias",
            {"name": "live", "routingConfiguration": [{"stateMachineVersionArn": f"{MACHINE}:1", "weight": 100}]},
            {("states:CreateStateMachineAlias", MACHINE)},
        ),
        (
            "stepfunctions",
            "update_state_machine_alias",
            {"stateMachineAliasArn": f"{MACHINE}:live"},
            {("states:UpdateStateMachineAlias", MACHINE)},
        ),
        (
            "stepfunctions",
            "delete_state_machine_version",
            {"stateMachineVersionArn": f"{MACHINE}:1"},
            {("states:DeleteStateMachineVersion", MACHINE)},
        ),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": f"{MACHINE}:live"},
            {("states:StartExecution", MACHINE)},
        ),
        (
            "stepfunctions",
            "update_state_machine",
            {"stateMachineArn": MACHINE, "publish": True},
            {("states:UpdateStateMachine", MACHINE), ("states:PublishStateMachineVersion", MACHINE)},
        ),
        (
            "stepfunctions",
            "create_activity",
            {"name": "a"},
            {("states:CreateActivity", f"arn:aws:states:us-east-1:{ACCOUNT}:activity:a")},
        ),
        (
            "stepfunctions",
            "describe_map_run",
            {"mapRunArn": f"arn:aws:states:us-east-1:{ACCOUNT}:mapRun:m/label:1"},
            {("states:DescribeMapRun", f"arn:aws:states:us-east-1:{ACCOUNT}:mapRun:m/label:1")},
        ),
        ("stepfunctions", "send_task_heartbeat", {"taskToken": "t"}, {("states:SendTaskHeartbeat", "*")}),
        (
            "lambda",
            "update_event_source_mapping",
            {"UUID": "u" * 36, "FunctionName": "f"},
            {
                (
                    "lambda:UpdateEventSourceMapping",
                    f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{'u' * 36}",
                )
            },
        ),
        (
            "service-quotas",
            "get_service_quota",
            {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"},
            {("servicequotas:GetServiceQuota", f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:vpc/L-F678F1CE")},
        ),
        ("events", "describe_archive", {"ArchiveName": "a"}, {("events:DescribeArchive", "?")}),
        ("cloudwatch", "describe_alarms", {}, {("cloudwatch:DescribeAlarms", "*")}),
    ],
)
def test_a_call_needs_permissions(
    recording: Engine, service: str, operation: str, parameters: dict[str, Any], needed: set[tuple[str, str]]
) -> None:
    role = Role(recording)
    with contextlib.suppress(ClientError):
        getattr(role.client(service), operation)(**parameters)
    assert {(call["action"], call["resource"]) for call in role.calls()} == needed


@pytest.mark.parametrize(("qualifier", "allowed"), [(":live", True), (":2", False), ("", False)])
def test_a_condition_limits_the_version_or_alias_of_a_state_machine(
    recording: Engine, qualifier: str, allowed: bool
) -> None:
    condition = {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["live", "1"]}}
    role = Role(recording, allow("states:StartExecution", MACHINE, Condition=condition))
    with contextlib.suppress(ClientError):
        role.client("stepfunctions").start_execution(stateMachineArn=MACHINE + qualifier)
    assert [(call["resource"], call["allowed"]) for call in role.calls()] == [(MACHINE, allowed)]


def test_passing_a_role_needs_iam_pass_role(recording: Engine) -> None:
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    fitting = Role(recording, allow("iam:PassRole", OTHER_ROLE, Condition=condition), allow("sagemaker:Create*"))
    another = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    unfitting = Role(recording, allow("iam:PassRole", OTHER_ROLE, Condition=another), allow("sagemaker:*"))
    recording.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument="{}")
    for role in (fitting, unfitting):
        role.client("sagemaker").create_model(
            ModelName=role.name,
            ExecutionRoleArn=OTHER_ROLE,
            PrimaryContainer={"Image": "image"},
            Tags=[{"Key": "stage", "Value": "dev"}],
        )
    model = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/{fitting.name}"
    assert {(call["action"], call["resource"], call["allowed"]) for call in fitting.calls()} == {
        ("iam:PassRole", OTHER_ROLE, True),
        ("sagemaker:AddTags", model, False),
        ("sagemaker:CreateModel", model, True),
    }
    assert [call["allowed"] for call in unfitting.calls() if call["action"] == "iam:PassRole"] == [False]


OWN_ITEMS = allow(
    "dynamodb:*",
    Condition={
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["own", "shared"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    },
)
KEY = {"owner": {"S": "own"}}
OTHER_KEY = {"owner": {"S": "other"}}


@pytest.fixture(scope="module")
def table(recording: Engine) -> str:
    """A table whose partition key is the attribute owner."""
    recording.client("dynamodb").create_table(
        TableName="owned",
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "owned"


@pytest.mark.parametrize(
    ("operation", "parameters", "allowed"),
    [
        ("get_item", {"Key": KEY}, [True]),
        ("get_item", {"Key": OTHER_KEY}, [False]),
        ("put_item", {"Item": KEY | {"text": {"S": "other"}}}, [True]),
        ("put_item", {"Item": OTHER_KEY | {"text": {"S": "own"}}}, [False]),
        (
            "query",
            {"KeyConditionExpression": "owner = :o", "ExpressionAttributeValues": {":o": {"S": "shared"}}},
            [True],
        ),
        (
            "query",
            {
                "KeyConditionExpression": "#o=:o",
                "FilterExpression": "note = :n",
                "ExpressionAttributeNames": {"#o": "owner"},
                "ExpressionAttributeValues": {":o": {"S": "other"}, ":n": {"S": "own"}},
            },
            [False],
        ),
        ("scan", {}, [False]),
        (
            "transact_write_items",
            {"TransactItems": [{"Put": {"Item": KEY}}, {"Delete": {"Key": OTHER_KEY}}]},
            [False, True],
        ),
        ("batch_get_item", {"RequestItems": {"owned": {"Keys": [KEY]}}}, [True]),
        ("batch_get_item", {"RequestItems": {"owned": {"Keys": [KEY, OTHER_KEY]}}}, [False]),
        ("batch_write_item", {"RequestItems": {"owned": [{"PutRequest": {"Item": KEY}}]}}, [True]),
        ("batch_write_item", {"RequestItems": {"owned": [{"DeleteRequest": {"Key": OTHER_KEY}}]}}, [False]),
    ],
)
def test_a_condition_limits_the_partition_keys_of_a_table(
    recording: Engine, table: str, operation: str, parameters: dict[str, Any], allowed: list[bool]
) -> None:
    role = Role(recording, OWN_ITEMS)
    for part in [one for item in parameters.get("TransactItems", []) for one in item.values()]:
        part["TableName"] = table
    has_table = parameters.keys() & {"RequestItems", "TransactItems"}
    getattr(role.client("dynamodb"), operation)(**({} if has_table else {"TableName": table}), **parameters)
    assert sorted(call["allowed"] for call in role.calls()) == allowed


def test_a_condition_limits_the_events_of_each_entry(recording: Engine) -> None:
    own = {"ForAllValues:StringEquals": {"events:source": "shop", "events:detail-type": "sale"}}
    for detail_types, allowed in (["sale"], [True]), (["sale", "refund"], [False, True]):
        role = Role(recording, allow("events:PutEvents", Condition=own))
        entries = [{"Source": "shop", "DetailType": detail_type, "Detail": "{}"} for detail_type in detail_types]
        role.client("events").put_events(Entries=entries)
        assert sorted(call["allowed"] for call in role.calls()) == allowed


def test_a_condition_limits_the_tags_of_a_resource(recording: Engine) -> None:
    role = Role(recording, allow("sagemaker:*", Condition={"StringEquals": {"aws:ResourceTag/team:name": "a"}}))
    for name, team in ("tag-a", "a"), ("tag-b", "b"):
        recording.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=role.arn,
            PrimaryContainer={"Image": "image"},
            Tags=[{"Key": "team:name", "Value": team}],
        )
    for name in ("tag-a", "tag-b", "tag-none"):
        with contextlib.suppress(ClientError):
            role.client("sagemaker").describe_model(ModelName=name)
    assert {call["resource"].split("/")[-1]: call["allowed"] for call in role.calls()} == {
        "tag-a": True,
        "tag-b": False,
        "tag-none": False,
    }


def test_a_tag_of_another_service_is_undecided(recording: Engine) -> None:
    role = Role(recording, when("StringEquals", "aws:ResourceTag/team", "a"))
    role.client("sns").create_topic(Name="app-one")
    assert [call["allowed"] for call in role.calls()] == [None]


def test_a_condition_forbids_overwriting_a_parameter(recording: Engine) -> None:
    overwriting = deny("ssm:PutParameter", Condition={"StringEquals": {"ssm:Overwrite": "true"}})
    role = Role(recording, allow("ssm:PutParameter"), overwriting)
    for overwrite in (False, True):
        role.client("ssm").put_parameter(Name=f"/{role.name}", Value="v", Type="String", Overwrite=overwrite)
    assert sorted((call["allowed"], call["count"]) for call in role.calls()) == [(False, 1), (True, 1)]


def test_unused_permissions_are_listed(recording: Engine) -> None:
    role = Role(
        recording,
        allow(["sns:CreateTopic", "sns:DeleteTopic"], [f"{TOPIC}:app-*", f"{TOPIC}:else-*"]),
        {"Effect": "Allow", "NotAction": ["iam:*"], "NotResource": f"{TOPIC}:app-*"},
        deny("s3:*"),
    )
    assert len(role.unused()) == 5
    role.client("sns").create_topic(Name="app-one")
    assert role.unused() == {
        ("sns:CreateTopic", f"{TOPIC}:else-*"),
        ("sns:DeleteTopic", f"{TOPIC}:app-*"),
        ("sns:DeleteTopic", f"{TOPIC}:else-*"),
        ("NotAction iam:*", f"NotResource {TOPIC}:app-*"),
    }


def test_the_owner_is_not_audited(recording: Engine) -> None:
    recording.client("sns").create_topic(Name="of-the-owner")
    assert not [call for call in read_audit(recording)["calls"] if "of-the-owner" in call["resource"]]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "status"),
    [
        ("events", "describe_rule", {"Name": "x"}, "AccessDeniedException", 400),
        ("lambda", "get_function", {"FunctionName": "f"}, "AccessDeniedException", 403),
        ("sns", "create_topic", {"Name": "x"}, "AuthorizationError", 403),
        ("iam", "get_role", {"RoleName": "x"}, "AccessDenied", 403),
        ("s3", "get_object", {"Bucket": "b-1", "Key": "k"}, "AccessDenied", 403),
        ("s3", "head_object", {"Bucket": "b-1", "Key": "k"}, "403", 403),
    ],
)
def test_enforcement_answers_with_the_services_own_error(
    engine: Engine, service: str, operation: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    role = Role(engine, when("IpAddress", "aws:SourceIp", "10.0.0.0/8"))
    with pytest.raises(ClientError) as raised:
        getattr(role.client(service), operation)(**parameters)
    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    if operation != "head_object":
        user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/test"
        assert answer["Error"]["Message"].startswith(f"User: {user} is not authorized to perform: {service}:")


def test_enforcement_serves_allowed_calls(engine: Engine) -> None:
    Role(engine, allow("sns:CreateTopic", f"{TOPIC}:app-*")).client("sns").create_topic(Name="app-one")
    engine.client("sns").create_topic(Name="of-the-owner")


def test_delete_resets_the_audit(recording: Engine) -> None:
    Role(recording, allow("sns:CreateTopic")).client("sns").create_topic(Name="app-one")
    assert read_audit(recording)["calls"]
    recording.ask("audit", "DELETE")
    assert read_audit(recording)["calls"] == []


@pytest.mark.parametrize(("secure", "refused"), [("false", False), ("true", True)])
def test_a_deny_in_a_bucket_policy_honours_its_condition(recording: Engine, secure: str, refused: bool) -> None:
    s3, bucket = recording.client("s3"), f"bucket-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    condition = {"Bool": {"aws:SecureTransport": secure}}
    statement = deny("s3:*", f"arn:aws:s3:::{bucket}/*", Principal="*", Condition=condition)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    with pytest.raises(ClientError) if refused else contextlib.nullcontext():
        s3.put_object(Bucket=bucket, Key="k", Body=b"v")


def test_a_key_named_by_its_alias_needs_the_permission_for_the_key(recording: Engine) -> None:
    kms = recording.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/audited", TargetKeyId=key)
    allowed, denied = (
        Role(recording, allow("kms:DescribeKey", key)),
        Role(recording, allow("kms:DescribeKey", f"{key}-other")),
    )
    for role in (allowed, denied):
        for name in ("alias/audited", key.partition("/")[2], key):
            role.client("kms").describe_key(KeyId=name)
    assert [(call["resource"], call["allowed"]) for call in allowed.calls()] == [(key, True)]
    assert [(call["resource"], call["allowed"]) for call in denied.calls()] == [(key, False)]


def test_a_missing_permission_is_printed_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_engine(tmp_path, enforces_iam=False) as engine:
        role = Role(engine, allow("sns:ListTopics"))
        for topic in ("one", "one", "two"):
            role.client("sns").create_topic(Name=topic)
        role.client("sns").list_topics()
    printed = [line for line in capfd.readouterr().err.splitlines() if line.startswith("local: ")]
    assert [line.partition(": no identity")[0] for line in printed] == [
        f"local: AWS would deny: {role.name} sns:CreateTopic on {TOPIC}:{topic}" for topic in ("one", "two")
    ]
