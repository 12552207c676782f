"""Custom resources in local/: a function or topic creates them and responds over HTTP."""

import json
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from tests.engine import Engine
from tests.local.stack import Stack
from tests.roles import OPEN_QUEUE


class Responder:
    """Responds to custom resource requests: an SNS topic as ServiceToken, read through a queue."""

    def __init__(self, engine: Engine) -> None:
        sns, self._sqs = engine.client("sns"), engine.client("sqs")
        self.topic = sns.create_topic(Name=f"custom-{uuid.uuid4().hex}")["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=f"custom-{uuid.uuid4().hex}", Attributes=OPEN_QUEUE)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def answer(self, status: str, physical_id: str = "", **more: Any) -> dict[str, Any]:
        """Wait for the next request and respond."""
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


def test_a_custom_resource_is_created_replaced_and_deleted(engine: Engine, stack: Stack) -> None:
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


def test_a_failed_custom_resource_fails_its_stack(engine: Engine, stack: Stack) -> None:
    responder = Responder(engine)
    begin(stack, stack.api.create_stack, {"ServiceToken": responder.topic})
    responder.answer("FAILED", "half", Reason="no room")
    assert responder.answer("SUCCESS", "half")["RequestType"] == "Delete"
    assert stack.settled()["StackStatus"] == "ROLLBACK_COMPLETE"
    why = dict(stack.events("C"))["CREATE_FAILED"]
    assert why.startswith("Received response status [FAILED] from custom resource. Message returned: no room")


def test_a_custom_resource_without_a_response_times_out(engine: Engine, stack: Stack) -> None:
    responder = Responder(engine)
    begin(stack, stack.api.create_stack, {"ServiceToken": responder.topic, "ServiceTimeout": "1"})
    assert stack.settled()["StackStatus"] == "ROLLBACK_FAILED"
    assert "did not receive a response from your Custom Resource" in dict(stack.events("C"))["CREATE_FAILED"]
