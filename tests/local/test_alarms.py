"""CloudWatch alarms in local/ report changes of their state to rules and topics."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import name, queue, receive


def put_alarm(engine: Engine, statistic: str = "Maximum", **settings: Any) -> str:
    """Create an alarm whose topic delivers to a queue; return its name."""
    alarm = name("alarm")
    engine.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace="house",
        MetricName="drift",
        Statistic=statistic,
        Period=600,
        EvaluationPeriods=1,
        Threshold=0.2,
        ComparisonOperator="GreaterThanThreshold",
        **settings,
    )
    return alarm


def set_state(engine: Engine, alarm: str, state: str) -> None:
    """SetAlarmState."""
    engine.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test")


def test_each_state_change_reaches_rules_once(engine: Engine) -> None:
    alarm, (url, arn), rule = put_alarm(engine), queue(engine), name("rule")
    events = engine.client("events")
    events.put_rule(
        Name=rule, EventPattern=json.dumps({"source": ["aws.cloudwatch"], "detail": {"alarmName": [alarm]}})
    )
    events.put_targets(Rule=rule, Targets=[{"Id": "target", "Arn": arn}])
    for state in ("ALARM", "ALARM", "OK"):
        set_state(engine, alarm, state)
    received = sorted(
        [json.loads(receive(engine, url)["Body"]) for _ in range(2)], key=lambda e: e["detail"]["state"]["value"]
    )
    assert [event["detail-type"] for event in received] == ["CloudWatch Alarm State Change"] * 2
    assert received[0]["resources"] == [f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{alarm}"]
    assert [event["detail"]["previousState"]["value"] for event in received] == ["OK", "ALARM"]
    assert received[0]["detail"]["state"]["reason"] == "a test"


def test_a_topic_gets_only_the_states_that_it_is_an_action_of(engine: Engine) -> None:
    topic, (url, arn) = engine.client("sns").create_topic(Name=name("topic"))["TopicArn"], queue(engine)
    engine.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    alarm = put_alarm(engine, AlarmActions=[topic])
    silent = put_alarm(engine, AlarmActions=[topic], ActionsEnabled=False)
    for each, state in ((silent, "ALARM"), (alarm, "ALARM"), (alarm, "OK")):
        set_state(engine, each, state)
    envelope = json.loads(receive(engine, url)["Body"])
    message = json.loads(envelope["Message"])
    assert envelope["Subject"] == f'ALARM: "{alarm}" in us-east-1'
    assert (message["AlarmName"], message["OldStateValue"], message["NewStateValue"]) == (alarm, "OK", "ALARM")
    assert not engine.client("sqs").receive_message(QueueUrl=url).get("Messages")


def test_set_alarm_state_fails_for_a_missing_alarm(engine: Engine) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        set_state(engine, "none", "ALARM")


@pytest.mark.parametrize(
    ("statistic", "values", "states"),
    [
        ("Average", (0.3, 0.1), ("ALARM", "OK")),
        ("Maximum", (0.3, 0.1), ("ALARM", "ALARM")),
        ("Minimum", (0.3, 0.1), ("ALARM", "OK")),
        ("Sum", (0.1, 0.15), ("OK", "ALARM")),
        ("SampleCount", (0.0, 0.0), ("ALARM", "ALARM")),
    ],
)
def test_the_statistic_of_a_period_changes_the_state_of_an_alarm(
    engine: Engine, statistic: str, values: tuple[float, ...], states: tuple[str, ...]
) -> None:
    alarm, other = put_alarm(engine, statistic), put_alarm(engine, Dimensions=[{"Name": "model", "Value": "other"}])
    client = engine.client("cloudwatch")

    def state_after(value: float) -> tuple[str, ...]:
        client.put_metric_data(Namespace="house", MetricData=[{"MetricName": "drift", "Value": value}])
        found = client.describe_alarms(AlarmNames=[alarm, other])["MetricAlarms"]
        return tuple(one["StateValue"] for one in sorted(found, key=lambda one: one["AlarmName"] != alarm))

    assert [state_after(value) for value in values] == [(state, "OK") for state in states]
