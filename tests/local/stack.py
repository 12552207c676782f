"""A CloudFormation stack under test, and templates that the tests of stacks share."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.polling import looks

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
QUEUE = {"Type": "AWS::SQS::Queue"}
# Fails in SSM, after its dependencies are created.
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
        for _ in looks():
            reported: dict[str, Any] = self.api.describe_stacks(StackName=self.id)["Stacks"][0]
            if not reported["StackStatus"].endswith("IN_PROGRESS"):
                return reported
        raise AssertionError(f"{reported['StackName']} is still {reported['StackStatus']}")

    def physical_id(self, name: str) -> str:
        reported = self.api.describe_stack_resource(StackName=self.id, LogicalResourceId=name)
        return str(reported["StackResourceDetail"]["PhysicalResourceId"])

    def events(self, name: str) -> list[tuple[str, str]]:
        """The status and reason of each event of a resource, oldest first."""
        reported = [event for event in self._events() if event["LogicalResourceId"] == name]
        return [(event["ResourceStatus"], event.get("ResourceStatusReason", "")) for event in reported]

    def failures(self) -> list[str]:
        """The reasons of failed resources."""
        reported = [event for event in self._events() if event["ResourceStatus"].endswith("FAILED")]
        return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in reported]

    def _events(self) -> list[dict[str, Any]]:
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=self.id)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def outputs(self) -> dict[str, str]:
        reported = self.api.describe_stacks(StackName=self.id)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in reported}


def refusal(call: Callable[[], Any]) -> str:
    """Make a call that fails with a ValidationError; return its message."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    return str(refused.value.response["Error"]["Message"])
