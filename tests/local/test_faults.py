"""Faults in local/ strike the calls and events that they describe, as often as they say."""

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
    """List queues; return the error code, or "" for success."""
    try:
        engine.client("sqs").list_queues()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_call_fails_with_the_described_error_as_often_as_described(engine: Engine) -> None:
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


def test_served_replaces_only_the_answer_of_the_call(engine: Engine) -> None:
    topic = name("topic")
    fault = {"call": "sns:CreateTopic", "error": "InternalError", "served": True}
    with engine.faults(fault), pytest.raises(ClientError, match="InternalError"):
        engine.client("sns").create_topic(Name=topic)
    assert any(each["TopicArn"].endswith(topic) for each in engine.client("sns").list_topics()["Topics"])


def test_hang_delays_a_call(engine: Engine) -> None:
    with engine.faults({"call": "sqs:ListQueues", "hang": 0.4}):
        started_at = time.monotonic()
        assert list_queues(engine) == ""
    assert time.monotonic() - started_at > 0.4


def test_crash_kills_the_calling_function_and_not_the_next_one(engine: Engine) -> None:
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
def test_an_event_is_lost_repeated_or_late(engine: Engine, effect: dict[str, Any], times: int) -> None:
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
        ({"call": "sqs:*"}, "a fault of a call needs one of error, hang, crash"),
        ({"call": "sqs:*", "lose": True}, "a fault of a call needs one of error, hang, crash"),
        ({"event": "Step*", "lose": True, "delay": 3}, "a fault of an event needs one of lose, repeat, delay"),
        ({"error": "Throttling"}, "a fault needs a pattern for either call or event"),
        ({"call": "sqs:*", "eror": "Throttling"}, "unknown field 'eror'; a fault has by, call, crash, delay,"),
    ],
)
def test_an_invalid_fault_is_refused(engine: Engine, fault: dict[str, Any], problem: str) -> None:
    with pytest.raises(HTTPError) as refused, engine.faults(fault):
        pass
    assert json.load(refused.value)["message"].startswith(problem)


def test_faults_of_a_file_strike_from_the_start_and_an_invalid_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('{"call": "sqs:*"}')
    ended = local("--port", "0", "--data", str(tmp_path / "data"), "--faults", str(tmp_path / "faults.json"))
    assert (ended.returncode, ended.stderr.strip()) == (
        1,
        f"local: {tmp_path}/faults.json: faults must be a list of objects",
    )
