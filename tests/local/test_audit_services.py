"""The audit of the messages that AWS's services send: the policies of queues and topics."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import wait_until
from tests.local.test_audit import ACCOUNT, read_audit

Statement = dict[str, Any]


def create_queue(engine: Engine, *statements: Statement) -> tuple[str, str]:
    """Return the URL and the ARN of a new queue, whose policy has these statements."""
    sqs = engine.client("sqs")
    name = f"queue-{uuid4().hex[:8]}"
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    policy = {"Version": "2012-10-17", "Statement": [{"Resource": arn, **each} for each in statements]}
    attributes = {"Policy": json.dumps(policy)} if statements else {}
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn


def allow(service: Any, source: str, **more: Any) -> Statement:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage"}
    return statement | {"Condition": {"ArnEquals": {"aws:SourceArn": source}}} | more


def read_row(engine: Engine, service: str, resource: str) -> dict[str, Any]:
    """The audit's row of a service and a resource, once there is one."""

    def find() -> list[dict[str, Any]]:
        calls = read_audit(engine)["calls"]
        return [call for call in calls if (call["role"], call["resource"]) == (service, resource)]

    (row,) = wait_until(find, bool)
    return row


SNS, EVENTS = "sns.amazonaws.com", "events.amazonaws.com"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:"
SENDER = "<the topic>"
DENY = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([allow(SNS, SENDER)], True),
        ([allow([SNS, EVENTS], f"{TOPIC}*")], True),
        ([allow(EVENTS, SENDER)], False),
        ([allow(SNS, f"{TOPIC}other")], False),
        ([allow(SNS, SENDER, Action="sqs:ReceiveMessage")], False),
        ([allow(SNS, SENDER, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})], True),
        ([allow(SNS, SENDER), DENY], False),
        ([allow(SNS, SENDER, Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})], None),
    ],
)
def test_a_topic_sends_to_a_queue_whose_policy_allows_it(
    engine: Engine, statements: list[Statement], allowed: bool | None
) -> None:
    sns = engine.client("sns")
    topic = sns.create_topic(Name=f"topic-{uuid4().hex[:8]}")["TopicArn"]
    _, queue = create_queue(engine, *json.loads(json.dumps(statements).replace(SENDER, topic)))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="hello")
    row = read_row(engine, SNS, queue)
    assert (row["action"], row["allowed"], row["count"]) == ("sqs:SendMessage", allowed, 1)
    assert bool(row["reason"]) == (allowed is not True)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_rule_sends_to_a_queue_whose_policy_allows_it(engine: Engine, allowed: bool) -> None:
    events, name = engine.client("events"), f"rule-{uuid4().hex[:8]}"
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    _, queue = create_queue(engine, allow(EVENTS, rule if allowed else f"{rule}-other"))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": "{}"}])
    assert read_row(engine, EVENTS, queue)["allowed"] is allowed


@pytest.mark.parametrize("allowed", [False, True])
def test_a_bucket_publishes_to_a_topic_whose_policy_allows_it(engine: Engine, allowed: bool) -> None:
    sns, s3, name = engine.client("sns"), engine.client("s3"), f"bucket-{uuid4().hex[:8]}"
    topic = sns.create_topic(Name=name)["TopicArn"]  # its first policy does not allow S3
    if allowed:
        condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        statement = allow("s3.amazonaws.com", "", Action="sns:Publish", Resource=topic, Condition=condition)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    s3.create_bucket(Bucket=name)
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    if not allowed:
        with pytest.raises(ClientError, match="Unable to validate the following destination configurations"):
            s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration=configuration, SkipDestinationValidation=not allowed
    )
    s3.put_object(Bucket=name, Key="key", Body=b"value")
    row = read_row(engine, "s3.amazonaws.com", topic)
    assert (row["action"], row["allowed"]) == ("sns:Publish", allowed)


def test_an_alarm_publishes_to_a_topic_with_the_policy_that_sns_gave_it(engine: Engine) -> None:
    name = f"alarm-{uuid4().hex[:8]}"
    topic = engine.client("sns").create_topic(Name=name)["TopicArn"]
    cloudwatch = engine.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        **{"AlarmName": name, "Namespace": "own", "MetricName": "errors", "Statistic": "Sum", "Period": 60},
        **{"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"},
        AlarmActions=[topic],
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    assert read_row(engine, "cloudwatch.amazonaws.com", topic)["allowed"] is True


def test_enforcement_drops_a_message_that_the_policy_does_not_allow(engine: Engine) -> None:
    sns, sqs = engine.client("sns"), engine.client("sqs")
    topic = sns.create_topic(Name=f"topic-{uuid4().hex[:8]}")["TopicArn"]
    (closed, refused), (open_, allowed) = create_queue(engine), create_queue(engine, allow(SNS, topic))
    for queue in (refused, allowed):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="hello")
    assert wait_until(lambda: sqs.receive_message(QueueUrl=open_).get("Messages"), bool)
    assert read_row(engine, SNS, refused)["allowed"] is False
    assert "Messages" not in sqs.receive_message(QueueUrl=closed)
