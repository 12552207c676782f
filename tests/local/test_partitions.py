"""An engine in another partition: an ARN of the commercial one fits nothing there, as on AWS."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine, running_engine
from tests.local.state_machines import Machines
from tests.local.test_audit import ACCOUNT, Role, allow

CALL = {"Type": "Task", "Resource": "arn:aws-cn:states:::aws-sdk:sns:createTopic", "End": True}


@pytest.fixture(scope="module")
def china(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("china"), "--region", "cn-north-1") as engine:
        yield engine


def test_roles_topics_and_stacks_are_in_the_partition_of_the_region(china: Engine) -> None:
    template = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "in-china"}}},
        "Outputs": {
            "Place": {"Value": {"Fn::Sub": "${AWS::Partition} ${AWS::URLSuffix}"}},
            "Bucket": {"Value": {"Fn::GetAtt": ["Bucket", "Arn"]}},
            "Host": {"Value": {"Fn::GetAtt": ["Bucket", "RegionalDomainName"]}},
        },
    }
    stacks = china.client("cloudformation")
    created = stacks.create_stack(StackName="in-china", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="in-china", WaiterConfig={"Delay": 1})
    (stack,) = stacks.describe_stacks(StackName="in-china")["Stacks"]
    assert created["StackId"].startswith(f"arn:aws-cn:cloudformation:cn-north-1:{ACCOUNT}:stack/in-china/")
    assert {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]} == {
        "Place": "aws-cn amazonaws.com.cn",
        "Bucket": "arn:aws-cn:s3:::in-china",
        "Host": "in-china.s3.cn-north-1.amazonaws.com.cn",
    }
    assert Role(china).arn.startswith(f"arn:aws-cn:iam::{ACCOUNT}:role/")


def test_a_policy_fits_resources_of_its_partition_alone(china: Engine) -> None:
    topics = f"arn:aws-cn:sns:cn-north-1:{ACCOUNT}:"
    sns = Role(china, allow("sns:CreateTopic", f"{topics}app-*")).client("sns")
    assert sns.create_topic(Name="app-one")["TopicArn"] == f"{topics}app-one"
    with pytest.raises(ClientError, match=f"on resource: {topics}other"):
        sns.create_topic(Name="other")


def test_iam_refuses_a_policy_for_another_partition(china: Engine) -> None:
    resource = f"arn:aws:sns:cn-north-1:{ACCOUNT}:app-*"
    with pytest.raises(ClientError, match=f'Partition "aws" is not valid for resource "{resource[:20]}'):
        Role(china, allow("sns:CreateTopic", resource))


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_a_state_machine_cannot_call_another_partition(china: Engine, partition: str) -> None:
    resource = CALL["Resource"].replace("aws-cn", partition)  # type: ignore[attr-defined]
    ended = run_machine(china, CALL | {"Resource": resource, "Arguments": {"Name": "app-two"}})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert f"Expected 'aws-cn', was '{partition}'." in ended["cause"]


def test_a_state_machine_calls_its_own_partition(china: Engine) -> None:
    ended = run_machine(china, CALL | {"Arguments": {"Name": "app-two"}})
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["TopicArn"] == f"arn:aws-cn:sns:cn-north-1:{ACCOUNT}:app-two"


def run_machine(engine: Engine, state: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = engine.client("iam")
    role = Role(engine, allow("sns:CreateTopic"))
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=document)
    return Machines(engine.client("stepfunctions"), role.arn).run({"Call": state})
