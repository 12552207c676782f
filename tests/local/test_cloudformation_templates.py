"""Templates for CloudFormation in local/: functions, conditions, parameters and refusals."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.stack import QUEUE, TRUST, Stack, refusal


def test_all_template_features_are_evaluated(engine: Engine, stack: Stack) -> None:
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
    reported = stack.settled()
    assert reported["StackStatus"] == "CREATE_COMPLETE", stack.events(stack.name)
    assert {"ParameterKey": "Secret", "ParameterValue": "****"} in reported["Parameters"]
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
def test_an_invalid_template_is_refused_with_the_reason(stack: Stack, resources: dict[str, Any], words: str) -> None:
    assert words in refusal(lambda: stack.create(resources))
    assert words in refusal(lambda: stack.api.validate_template(TemplateBody=json.dumps({"Resources": resources})))


def test_parameters_must_satisfy_their_constraints(stack: Stack) -> None:
    template = {"Parameters": {"Name": {"Type": "String", "AllowedPattern": "[a-z]+"}}}
    given = [{"ParameterKey": "Name", "ParameterValue": "9"}]
    assert "must have values" in refusal(lambda: stack.create({"Q": QUEUE}, template=template))
    refused = refusal(lambda: stack.create({"Q": QUEUE}, template=template, Parameters=given))
    assert refused == "Parameter 'Name' must match pattern [a-z]+"


def test_iam_resources_need_a_capability(stack: Stack) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "named", "AssumeRolePolicyDocument": TRUST}}
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"):
        stack.api.create_stack(
            StackName=stack.name, TemplateBody=json.dumps({"Resources": {"R": role}}), Capabilities=["CAPABILITY_IAM"]
        )


def test_only_created_resources_must_be_of_a_served_type(stack: Stack) -> None:
    form = {"Parameters": {"On": {"Type": "String"}}, "Conditions": {"On": {"Fn::Equals": [{"Ref": "On"}, "true"]}}}
    resources = {"Q": QUEUE, "X": {"Type": "AWS::EC2::VPC", "Condition": "On"}}

    def create(value: str) -> dict[str, Any]:
        given = [{"ParameterKey": "On", "ParameterValue": value}]
        return stack.create(resources, template=form, Parameters=given)

    assert "local/ does not serve the resource types [AWS::EC2::VPC]" in refusal(lambda: create("true"))
    assert create("false")["StackStatus"] == "CREATE_COMPLETE"
