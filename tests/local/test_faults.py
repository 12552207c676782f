"""Faults in local/: they strike what they describe, as often as they say, and nothing else."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import deploy, eventually, name, queue
from tests.local.state_machines import Machines
from tests.local.test_engine import local

CALLER = """
    import boto3, os

    def handler(event, context):
        boto3.client("sqs").list_queues()
        return "called"
"""

MAKER = """
    import boto3

    def handler(event, context):
        return boto3.client("sns").create_topic(Name=event)["TopicArn"]
"""


def list_queues(engine: Engine) -> str:
    """The error code of a call, or nothing."""
    try:
        engine.client("sqs").list_queues()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_call_fails_as_it_is_described_and_as_often(engine: Engine) -> None:
    fault = {"call": "sqs:List*", "by": "owner", "error": "AccessDenied", "message": "No.", "skip": 1, "times": 2}
    with engine.faults(fault):
        assert [list_queues(engine) for _ in range(4)] == ["", "AccessDenied", "AccessDenied", ""]
        assert [each["struck"] for each in engine.read_faults()] == [2]
        engine.client("sns").list_topics()
    assert engine.read_faults() == []
    assert list_queues(engine) == ""


def test_a_fault_of_one_caller_does_not_strike_another(engine: Engine) -> None:
    with engine.faults({"call": "*", "by": "role-*", "error": "AccessDenied"}):
        assert list_queues(engine) == ""
        answer = engine.client("lambda").invoke(FunctionName=deploy(engine, CALLER))
    assert "AccessDenied" in json.load(answer["Payload"])["errorMessage"]


def test_an_answer_is_lost_of_a_call_that_was_served(engine: Engine) -> None:
    topic = name("topic")
    fault = {"call": "sns:CreateTopic", "error": "InternalError", "served": True}
    with engine.faults(fault), pytest.raises(ClientError, match="InternalError"):
        engine.client("sns").create_topic(Name=topic)
    assert any(each["TopicArn"].endswith(topic) for each in engine.client("sns").list_topics()["Topics"])


def test_a_call_hangs(engine: Engine) -> None:
    with engine.faults({"call": "sqs:ListQueues", "hang": 0.4}):
        begun = time.monotonic()
        assert list_queues(engine) == ""
    assert time.monotonic() - begun > 0.4


def test_the_function_that_makes_a_call_is_killed_and_the_next_one_lives(engine: Engine) -> None:
    function = deploy(engine, MAKER)
    topics = [json.dumps(name("topic")) for _ in range(2)]
    with engine.faults({"call": "sns:CreateTopic", "crash": True, "times": 1}):
        answers = [engine.client("lambda").invoke(FunctionName=function, Payload=topic) for topic in topics]
    first, second = (json.load(answer["Payload"]) for answer in answers)
    assert (first["errorType"], first["errorMessage"].partition("Error: ")[2]) == (
        "Runtime.ExitError",
        "Runtime exited with error: signal: killed",
    )
    made = [each["TopicArn"] for each in engine.client("sns").list_topics()["Topics"]]
    assert second in made
    assert not any(topic.endswith(json.loads(topics[0])) for topic in made)


@pytest.mark.parametrize(("effect", "times"), [({"lose": True}, 0), ({"repeat": 1}, 2), ({"delay": 80}, 1)])
def test_an_event_is_lost_delivered_twice_or_late(engine: Engine, effect: dict[str, Any], times: int) -> None:
    machines, events = Machines.of(engine), engine.client("events")
    machine, (url, arn) = machines.create({"End": {"Type": "Succeed"}}), queue(engine)
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine], "status": ["SUCCEEDED"]}}
    rule = name("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "target", "Arn": arn}])
    fault = {"event": "Step Functions*", "detail": {"stateMachineArn": machine, "status": "SUCCEEDED"}}
    with engine.faults(fault | effect):
        machines.finish(machines.start(machine))
        assert _count(engine, url) == (0 if "delay" in effect else times)
    eventually(lambda: _count(engine, url) == times)


def _count(engine: Engine, url: str) -> int:
    time.sleep(0.3)
    answer = engine.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"call": "sqs:*"}, "a fault of a call has one of error, hang, crash"),
        ({"call": "sqs:*", "lose": True}, "a fault of a call has one of error, hang, crash"),
        ({"event": "Step*", "lose": True, "delay": 3}, "a fault of an event has one of lose, repeat, delay"),
        ({"error": "Throttling"}, "a fault is of a call or of an event: give one of the two a pattern"),
        ({"call": "sqs:*", "eror": "Throttling"}, "'eror' is nothing that a fault has: by, call, crash, delay,"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_by_name(engine: Engine, fault: dict[str, Any], problem: str) -> None:
    with pytest.raises(HTTPError) as refused, engine.faults(fault):
        pass
    assert json.load(refused.value)["message"].startswith(problem)


def test_faults_of_a_file_strike_from_the_beginning_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('{"call": "sqs:*"}')
    ended = local("--port", "0", "--data", str(tmp_path / "data"), "--faults", str(tmp_path / "faults.json"))
    assert (ended.returncode, ended.stderr.strip()) == (
        1,
        f"local: {tmp_path}/faults.json: faults are a list of objects",
    )
