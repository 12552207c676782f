"""Evaluates a template's conditions and intrinsic functions, as CloudFormation does before it creates the resources."""

import re
from typing import Any

STACK = "sagebuild-dev"
REGION = "us-east-1"
ACCOUNT = "123456789012"
PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/12345678-1234-1234-1234-123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
ARNS = {
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{{}}",
    "AWS::CodeBuild::Project": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}",
    "AWS::ECR::Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{{}}",
    "AWS::Events::ApiDestination": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/{{}}",
    "AWS::Events::Connection": f"arn:aws:events:{REGION}:{ACCOUNT}:connection/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
}
REFERENCE_IS_ARN = {"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}
_NO_VALUE = object()


class Resolver:
    """Resolves one template with the defaults of its parameters; a resource's name is its logical id."""

    def __init__(self, template: dict[str, Any]) -> None:
        self._resources: dict[str, Any] = template["Resources"]
        self._conditions: dict[str, Any] = template.get("Conditions", {})
        self._mappings: dict[str, Any] = template.get("Mappings", {})
        defaults = {name: each["Default"] for name, each in template.get("Parameters", {}).items()}
        self._known: dict[str, Any] = PSEUDO_PARAMETERS | defaults | {"AWS::NoValue": _NO_VALUE}

    def resolve(self) -> dict[str, Any]:
        """Return a template of the resources that are created.

        Raises
        ------
        KeyError
            A reference to something that the template does not have, or the ARN of a type that ``ARNS`` lacks.
        ValueError
            An intrinsic function that this module does not evaluate.
        """
        no_condition = {"Condition": {"Ref": "AWS::NoValue"}}
        created = {name: each for name, each in self._resources.items() if self._is_created(each)}
        resources = {name: self._value(each | no_condition) for name, each in created.items()}
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

    def _is_created(self, resource: dict[str, Any]) -> bool:
        return "Condition" not in resource or self._holds({"Condition": resource["Condition"]})

    def _holds(self, condition: dict[str, Any]) -> bool:
        match condition:
            case {"Condition": str(name)}:
                return self._holds(self._conditions[name])
            case {"Fn::Equals": [one, other]}:
                return bool(self._value(one) == self._value(other))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::Or": [*inner]}:
                return any(map(self._holds, inner))
            case {"Fn::And": [*inner]}:
                return all(map(self._holds, inner))
        raise ValueError(f"unknown condition: {condition}")

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._value, value) if one is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and all(name == "Ref" or name.startswith("Fn::") for name in value):
            return self._call(value)
        resolved = {name: self._value(one) for name, one in value.items()}
        return {name: one for name, one in resolved.items() if one is not _NO_VALUE}

    def _call(self, function: dict[str, Any]) -> Any:
        match function:
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::GetAtt": place}:
                return self._attribute(*(place.split(".", 1) if isinstance(place, str) else place))
            case {"Fn::Sub": str(text)} | {"Fn::Base64": {"Fn::Sub": str(text)}}:  # no tool reads a script's text
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), dict(own)]}:
                return self._substitute(text, self._value(own))
            case {"Fn::If": [str(name), one, other]}:
                return self._value(one if self._holds({"Condition": name}) else other)
            case {"Fn::Join": [str(delimiter), parts]}:
                return delimiter.join(self._value(parts))
            case {"Fn::Split": [str(delimiter), text]}:
                return self._value(text).split(delimiter)
            case {"Fn::FindInMap": [str(name), first, second]}:
                return self._mappings[name][self._value(first)][self._value(second)]
            case {"Fn::Select": [index, values]}:
                return self._value(values)[int(index)]
        raise ValueError(f"unknown function: {function}")

    def _reference(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        kind = self._resources[name]["Type"]
        return ARNS[kind].format(name.lower()) if kind in REFERENCE_IS_ARN else name.lower()

    def _attribute(self, name: str, attribute: str) -> str:
        if attribute == "StreamArn":
            return f"{self._attribute(name, 'Arn')}/stream/label"
        return ARNS[self._resources[name]["Type"]].format(name.lower()) if attribute == "Arn" else name.lower()

    def _substitute(self, text: str, own: dict[str, Any]) -> str:
        def replace(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            if name in own:
                return str(own[name])
            return self._attribute(name, attribute) if attribute else str(self._reference(name))

        return re.sub(r"\$\{([^!}]+)\}", replace, text)
