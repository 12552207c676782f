"""The events about builds on the bus of the account, as a rule of a user receives them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.e2e.test_approval import ASKING
from tests.e2e.test_command_line import run
from tests.roles import OPEN_QUEUE

ENDED = ("succeeded", "failed", "stopped", "withheld")


@dataclass
class Listener:
    """A queue that receives the events of a rule."""

    stack: DeployedStack
    url: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def states(self, number: int) -> list[str]:
        """The states of a build in the order of its events, once it has ended; repeated ones included."""
        wait_until(lambda: any(state in ENDED for state in self._read(number, seconds=1)))
        return self._read(number, seconds=2)  # another one would follow at once

    def _read(self, number: int, seconds: int) -> list[str]:
        sqs = self.stack.client("sqs")
        while found := sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds).get(
            "Messages"
        ):
            for message in found:
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                self.events.append(json.loads(message["Body"]))
        details = [event["detail"] for event in self.events if event["detail"]["build"] == number]
        return [detail["state"] for detail in details]


@pytest.fixture(scope="module")
def listener(deployed: DeployedStack) -> Iterator[Listener]:
    """A rule for the events of the stack, as docs/events.md has it."""
    sqs, events = deployed.client("sqs"), deployed.client("events")
    url = sqs.create_queue(QueueName="state-changes", Attributes=OPEN_QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["sagebuild"], "detail-type": ["Build State Change"], "detail": {"stack": [NAME]}}
    rule = events.put_rule(Name="state-changes", EventPattern=json.dumps(pattern))["RuleArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="state-changes", Targets=[{"Id": "queue", "Arn": arn}])
    yield Listener(deployed, url)
    events.remove_targets(Rule="state-changes", Ids=["queue"])
    events.delete_rule(Name="state-changes")


def test_a_build_that_asks_for_approval_is_five_events(stack: DeployedStack, listener: Listener) -> None:
    assert stack.build()["status"] == "succeeded"
    stack.set_parameters(**ASKING)
    number = stack.start_by_voice()
    wait_until(lambda: stack.record(number).get("approval_requested_at"))
    assert run(stack, "approve", str(number), "--yes").returncode == 0
    record = stack.finish(number)
    assert listener.states(number) == ["launching", "running", "waiting", "running", "succeeded"]
    last = next(each for each in reversed(listener.events) if each["detail"]["build"] == number)
    assert last["resources"][0].partition(":stack/")[2].startswith(f"{NAME}/")
    assert last["detail"]["live_after"] == record["live_after"]
    assert last["detail"]["metrics"] == record["metrics"]
    assert last["detail"]["approval"]["answer"] == "approved"


def test_a_stop_by_voice_is_an_event_and_so_is_the_end(stack: DeployedStack, listener: Listener) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = stack.start_by_voice()
    stack.wait_for_training(number)
    conversation = stack.converse()
    conversation.say("stop_build")
    conversation.say("yes")
    stack.finish(number)
    assert listener.states(number) == ["launching", "running", "stopping", "stopped"]


def test_an_execution_that_is_aborted_in_the_console_is_one_event(stack: DeployedStack, listener: Listener) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = stack.start_by_voice()
    stack.wait_for_training(number)
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":build-{number}"
    stack.client("stepfunctions").stop_execution(executionArn=arn)
    stack.finish(number)
    stack.sweep()
    assert listener.states(number) == ["launching", "running", "stopped"]


def test_a_build_whose_parameters_are_wrong_is_two_events(stack: DeployedStack, listener: Listener) -> None:
    stack.set_parameters(trainvolumesiz=30)
    number = stack.start_by_message()
    record = stack.finish(number)
    assert listener.states(number) == ["launching", "failed"]
    detail = next(each["detail"] for each in listener.events if each["detail"]["build"] == number)
    assert detail["trigger"]["kind"] == "topic"
    failed = next(each["detail"] for each in reversed(listener.events) if each["detail"]["build"] == number)
    assert failed["reason"] == record["reason"]
    assert failed["message"]["next_steps"] == [f"To read its logs: `sagebuild logs {number} --stack {NAME}`"]
