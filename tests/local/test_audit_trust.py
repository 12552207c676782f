"""The audit of trust policies: who may assume a role, and AWS's errors for a role that cannot be assumed."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.identities import ISSUER, sign
from tests.local.sagemaker_world import wait_until
from tests.local.test_audit import ACCOUNT, Role, allow, deny, read_audit

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/none:1"


def trust(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | more


def create_role(engine: Engine, *statements: dict[str, Any]) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    name = f"trusted-{uuid4().hex[:8]}"
    arn: str = engine.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


def change_trust(engine: Engine, role: str, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    engine.client("iam").update_assume_role_policy(RoleName=role.split("/")[1], PolicyDocument=document)


def create_function(engine: Engine, name: str, role: str) -> None:
    engine.client("lambda").create_function(
        FunctionName=name, Role=role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": b"no archive"}
    )


def create_machine(engine: Engine, name: str, role: str) -> None:
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    engine.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role)


def create_model(engine: Engine, name: str, role: str) -> None:
    client = engine.client("sagemaker")
    client.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE})


def create_project(engine: Engine, name: str, role: str) -> None:
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    }
    engine.client("codebuild").create_project(
        name=name, serviceRole=role, source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"}, environment=environment,
    )  # fmt: skip


def create_schedule(engine: Engine, name: str, role: str) -> None:
    target = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none", "RoleArn": role}
    window = {"Mode": "OFF"}
    engine.client("scheduler").create_schedule(
        Name=name, ScheduleExpression="at(2099-01-01T00:00:00)", FlexibleTimeWindow=window, Target=target
    )


def put_target(engine: Engine, name: str, role: str) -> None:
    events = engine.client("events")
    events.put_rule(Name=name, EventPattern='{"source": ["nothing"]}')
    machine = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:none"
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": machine, "RoleArn": role}])


def create_stack(engine: Engine, name: str, role: str) -> None:
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    engine.client("cloudformation").create_stack(StackName=name, RoleARN=role, TemplateBody=json.dumps(template))


CANNOT = {
    "lambda": (create_function, "InvalidParameterValueException", "The role defined for the function cannot be"),
    "states": (create_machine, "AccessDeniedException", "Neither the global service principal states.amazonaws.com"),
    "sagemaker": (create_model, "ValidationException", "Could not assume role <role>. Please ensure that the role"),
    "codebuild": (create_project, "InvalidInputException", "not authorized to perform: sts:AssumeRole on <role>"),
    "scheduler": (create_schedule, "ValidationException", "must allow AWS EventBridge Scheduler to assume the role."),
    "events": (put_target, "ValidationException", "'<role>' cannot be assumed by principal 'events.amazonaws.com'."),
    "cloudformation": (create_stack, "ValidationError", "Role <role> is invalid or cannot be assumed"),
}


def read_refusal(act: Callable[[], object]) -> tuple[str, str]:
    """The error code and message of a call; empty if it succeeds."""
    try:
        act()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


@pytest.mark.parametrize("service", CANNOT)
def test_a_service_that_the_trust_policy_does_not_name_cannot_get_the_role(engine: Engine, service: str) -> None:
    create, code, message = CANNOT[service]
    role, name = create_role(engine, trust({"Service": "ec2.amazonaws.com"})), f"{service}-{uuid4().hex[:8]}"
    found = read_refusal(lambda: create(engine, name, role))
    assert found[0] == code
    assert message.replace("<role>", role) in found[1]

    change_trust(engine, role, trust({"Service": ["ec2.amazonaws.com", f"{service}.amazonaws.com"]}))
    assert message.replace("<role>", role) not in read_refusal(lambda: create(engine, name, role))[1]


def sent_by(key: str, value: str, operator: str = "StringEquals") -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/default"


@pytest.mark.parametrize(
    ("service", "condition", "allowed"),
    [
        ("scheduler", sent_by("aws:SourceAccount", ACCOUNT), True),
        ("scheduler", sent_by("aws:SourceAccount", "999999999999"), False),
        ("scheduler", sent_by("aws:SourceArn", GROUP), True),
        ("scheduler", sent_by("aws:SourceArn", f"{GROUP}s"), False),
        ("states", sent_by("aws:SourceArn", f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:*", "ArnLike"), True),
        ("states", sent_by("aws:SourceArn", f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:*", "ArnLike"), False),
        ("sagemaker", sent_by("aws:SourceArn", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:*", "ArnLike"), True),
        ("codebuild", sent_by("aws:SourceArn", f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/*", "ArnLike"), True),
        ("events", sent_by("aws:SourceArn", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/events-*", "ArnLike"), True),
        # What Lambda sends is not documented.
        ("lambda", sent_by("aws:SourceArn", "arn:aws:lambda:*", "ArnLike"), None),
    ],
)  # fmt: skip
def test_a_trust_policy_s_conditions_hold_for_the_account_and_the_resource(
    engine: Engine, service: str, condition: dict[str, Any], allowed: bool | None
) -> None:
    role = create_role(engine, trust({"Service": f"{service}.amazonaws.com"}, **condition))
    read_refusal(lambda: CANNOT[service][0](engine, f"{service}-{uuid4().hex[:8]}", role))
    (row,) = [call for call in read_audit(engine)["calls"] if call["resource"] == role]
    assert (row["role"], row["action"]) == (f"{service}.amazonaws.com", "sts:AssumeRole")
    assert row["allowed"] is allowed, row["reason"]


def test_step_functions_may_also_come_as_its_regional_principal(engine: Engine) -> None:
    role = create_role(engine, trust({"Service": "states.us-east-1.amazonaws.com"}))
    assert read_refusal(lambda: create_machine(engine, f"machine-{uuid4().hex[:8]}", role)) == ("", "")


ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
CALLER = {"AWS": "<caller>"}
MAY = allow("sts:AssumeRole")


@pytest.mark.parametrize(
    ("identity", "statements", "allowed"),
    [
        ([], [trust(CALLER)], True),
        ([], [trust(ACCOUNT_ITSELF)], False),
        ([MAY], [trust(ACCOUNT_ITSELF)], True),
        ([MAY], [trust({"AWS": ACCOUNT})], True),
        ([MAY], [trust({"Service": "lambda.amazonaws.com"})], False),
        ([MAY], [], False),
        ([deny("sts:AssumeRole")], [trust(CALLER)], False),
        ([MAY], [trust(CALLER), trust(CALLER, Effect="Deny")], False),
        ([], [trust(CALLER, **sent_by("sts:ExternalId", "known"))], True),
        ([], [trust(CALLER, **sent_by("sts:ExternalId", "other"))], False),
    ],
)
def test_a_role_assumes_another_one_that_trusts_it_or_its_account(
    engine: Engine, identity: list[dict[str, Any]], statements: list[dict[str, Any]], allowed: bool
) -> None:
    caller = Role(engine, *identity)
    named = json.loads(json.dumps(statements).replace("<caller>", caller.arn))
    role = create_role(engine, *named)
    sts = caller.client("sts")
    found = read_refusal(lambda: sts.assume_role(RoleArn=role, RoleSessionName="test", ExternalId="known"))
    assert found[0] == ("" if allowed else "AccessDenied"), found[1]
    if not allowed:
        assert f"is not authorized to perform: sts:AssumeRole on resource: {role}" in found[1]


@pytest.fixture(scope="module")
def workflow(engine: Engine) -> Callable[[str], tuple[str, str]]:
    """Assume, with a token, a role for workflows on the main branch; the error's code and message."""
    iam = engine.client("iam")
    iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com", "other"], ThumbprintList=["a" * 40]
    )
    conditions = {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{ISSUER}:sub": "repo:me/it:ref:refs/heads/mai?"},
    }
    action = {"Action": "sts:AssumeRoleWithWebIdentity"}
    role = create_role(engine, trust({"Federated": PROVIDER}, Condition=conditions) | action)
    sts: Any = boto3.session.Session().client(
        "sts", region_name="us-east-1", endpoint_url=engine.endpoint_url, config=Config(signature_version=UNSIGNED)
    )

    def assume(token: str) -> tuple[str, str]:
        given = {"RoleArn": role, "RoleSessionName": "workflow", "WebIdentityToken": token}
        return read_refusal(lambda: sts.assume_role_with_web_identity(**given))

    return assume


NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({}, ("", "")),
        ({"sub": "repo:me/it:ref:refs/heads/other"}, NOT_AUTHORIZED),
        ({"sub": "repo:you/it:ref:refs/heads/main"}, NOT_AUTHORIZED),
        ({"aud": "other"}, NOT_AUTHORIZED),
        ({"aud": "unknown"}, ("InvalidIdentityToken", "Incorrect token audience")),
        (
            {"iss": "https://gitlab.com"},
            ("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://gitlab.com"),
        ),
    ],
)
def test_a_workflow_s_token_must_fit_the_trust_policy(
    workflow: Callable[[str], tuple[str, str]], claims: dict[str, str], refusal: tuple[str, str]
) -> None:
    assert workflow(sign(**claims)) == refusal


def test_a_token_that_is_none_is_refused(workflow: Callable[[str], tuple[str, str]]) -> None:
    assert workflow("no.token")[0] == "InvalidIdentityToken"


def test_a_user_has_the_policies_of_its_own_and_of_its_groups(engine: Engine) -> None:
    iam, name = engine.client("iam"), f"user-{uuid4().hex[:8]}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sns: Any = boto3.session.Session().client(
        "sns", region_name="us-east-1", endpoint_url=engine.endpoint_url,
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    code, message = read_refusal(lambda: sns.create_topic(Name="of-a-user"))
    assert (code, message.split(" is not")[0]) == ("AuthorizationError", f"User: {arn}")

    def document(action: str) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": allow(action)})

    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document("sns:CreateTopic"))
    assert read_refusal(lambda: sns.create_topic(Name="of-a-user")) == ("", "")
    assert read_refusal(lambda: sns.list_topics())[0] == "AuthorizationError"
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="shared", PolicyDocument=document("sns:ListTopics"))
    iam.add_user_to_group(GroupName=name, UserName=name)
    assert read_refusal(lambda: sns.list_topics()) == ("", "")
    called = {call["action"] for call in read_audit(engine)["calls"] if call["role"] == f"user/{name}"}
    assert called == {"sns:CreateTopic", "sns:ListTopics"}


def test_cloudformation_acts_in_the_name_of_its_caller(engine: Engine) -> None:
    name = f"stack-{uuid4().hex[:8]}"
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}}})
    caller = Role(engine, allow("cloudformation:*"))
    api = caller.client("cloudformation")

    def create(stack: str) -> tuple[str, str]:
        """The status of a new stack, and why its topic failed."""
        api.create_stack(StackName=stack, TemplateBody=template, OnFailure="DO_NOTHING")
        api.get_waiter("stack_exists").wait(StackName=stack)
        status = wait_until(
            lambda: api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"],
            lambda status: not status.endswith("IN_PROGRESS"),
        )
        resources = api.describe_stack_resources(StackName=stack)["StackResources"]
        return status, str(resources[0].get("ResourceStatusReason", ""))

    status, reason = create(name)
    assert status == "CREATE_FAILED"
    assert f"assumed-role/{caller.name}/test is not authorized to perform: sns:CreateTopic" in reason
    document = json.dumps({"Version": "2012-10-17", "Statement": allow("sns:CreateTopic")})
    engine.client("iam").put_role_policy(RoleName=caller.name, PolicyName="more", PolicyDocument=document)
    assert create(f"{name}-again")[0] == "CREATE_COMPLETE"
