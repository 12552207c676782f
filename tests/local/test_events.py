"""EventBridge in local/: patterns, targets, inputs, schedules and dead-letter queues."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import Recorder, eventually, left_in, name, permit, queue, receive
from tests.roles import OPEN_TOPIC, create_role


def put_rule(engine: Engine, pattern: Any, target: dict[str, Any], **settings: Any) -> str:
    """Create a rule with one target; return its ARN."""
    events, rule = engine.client("events"), name("rule")
    arn = events.put_rule(Name=rule, EventPattern=json.dumps(pattern), **settings)["RuleArn"]
    bus = {"EventBusName": settings["EventBusName"]} if "EventBusName" in settings else {}
    events.put_targets(Rule=rule, Targets=[{"Id": "target"} | target], **bus)
    return str(arn)


def put_event(engine: Engine, source: str, detail: Any, **settings: Any) -> dict[str, Any]:
    """Put one event; return its entry in the answer."""
    entry = {"Source": source, "DetailType": "Thing Happened", "Detail": json.dumps(detail)} | settings
    return dict(engine.client("events").put_events(Entries=[entry])["Entries"][0])


def test_a_permitted_function_gets_the_event(engine: Engine, tmp_path: Path) -> None:
    recorder, source = Recorder.deploy(engine, tmp_path), name("source")
    rule = put_rule(engine, {"source": [source]}, {"Arn": recorder.arn})
    permit(engine, recorder.arn, "events.amazonaws.com", rule)
    entry = put_event(engine, source, {"n": 1}, Resources=["arn:of:it"])
    event = recorder.wait()[0]
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0",
        "id": entry["EventId"],
        "detail-type": "Thing Happened",
        "source": source,
        "account": "123456789012",
        "region": "us-east-1",
        "resources": ["arn:of:it"],
        "detail": {"n": 1},
    }


def test_an_event_without_permission_goes_to_the_dead_letter_queue(engine: Engine, tmp_path: Path) -> None:
    recorder, source, (dead, dead_arn) = Recorder.deploy(engine, tmp_path), name("source"), queue(engine)
    rule = put_rule(engine, {"source": [source]}, {"Arn": recorder.arn, "DeadLetterConfig": {"Arn": dead_arn}})
    permit(engine, recorder.arn, "events.amazonaws.com", rule + "-of-another-name")
    put_event(engine, source, {"n": 1})
    letter = receive(engine, dead)
    said = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["detail"] == {"n": 1}
    assert said["ERROR_CODE"] == "NO_PERMISSIONS"
    assert said["RULE_ARN"] == rule
    assert said["TARGET_ARN"] == recorder.arn
    assert said["RETRY_ATTEMPTS"] == "0"
    assert recorder.events == []


def test_an_event_for_a_deleted_target_goes_to_the_dead_letter_queue(engine: Engine) -> None:
    source, (dead, dead_arn) = name("source"), queue(engine)
    gone = "arn:aws:sqs:us-east-1:123456789012:gone"
    put_rule(engine, {"source": [source]}, {"Arn": gone, "DeadLetterConfig": {"Arn": dead_arn}})
    put_event(engine, source, {})
    assert receive(engine, dead)["MessageAttributes"]["TARGET_ARN"]["StringValue"] == gone


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ({"status": ["FAILED", "ABORTED"]}, {"status": "ABORTED"}, {"status": "RUNNING"}),
        ({"name": [{"prefix": "build-"}]}, {"name": "build-7"}, {"name": "a-build-7"}),
        ({"name": [{"anything-but": ["a", "b"]}]}, {"name": "c"}, {"name": "a"}),
        ({"reason": [{"exists": False}]}, {"status": "x"}, {"reason": "x"}),
        ({"loss": [{"numeric": [">", 0, "<=", 5]}]}, {"loss": 5}, {"loss": 5.1}),
        ({"deep": {"er": ["yes"]}}, {"deep": {"er": "yes"}}, {"deep": {"er": "no"}}),
    ],
)
def test_rules_match_by_pattern(engine: Engine, pattern: Any, matching: Any, other: Any) -> None:
    source, (url, arn) = name("source"), queue(engine)
    put_rule(engine, {"source": [source], "detail": pattern}, {"Arn": arn, "InputPath": "$.detail"})
    put_event(engine, source, other)
    put_event(engine, source, matching)
    assert json.loads(receive(engine, url)["Body"]) == matching
    assert left_in(engine, url) == 0


def test_a_disabled_rule_sends_nothing(engine: Engine) -> None:
    source, (url, arn), (other, other_arn) = name("source"), queue(engine), queue(engine)
    put_rule(engine, {"source": [source]}, {"Arn": arn}, State="DISABLED")
    put_rule(engine, {"source": [source]}, {"Arn": other_arn})
    put_event(engine, source, {})
    receive(engine, other)
    assert left_in(engine, url) == 0


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({"Input": '{"constant": true}'}, '{"constant": true}'),
        ({"InputPath": "$.detail.name"}, '"build \\"7\\""'),
        (
            {"InputTransformer": {"InputPathsMap": {"n": "$.detail.name"}, "InputTemplate": '"The <n> is done."'}},
            '"The build \\"7\\" is done."',
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"n": "$.detail.name", "c": "$.detail.count", "t": "$.detail-type"},
                    "InputTemplate": '{"name": <n>, "count": <c>, "text": "<t>: <c>", "rule": <aws.events.rule-name>}',
                }
            },
            '{"name": "build \\"7\\"", "count": 3, "text": "Thing Happened: 3", "rule": "RULE"}',
        ),
    ],
)
def test_a_target_gets_its_configured_input(engine: Engine, asked: dict[str, Any], got: str) -> None:
    source, (url, arn) = name("source"), queue(engine)
    rule = put_rule(engine, {"source": [source]}, {"Arn": arn} | asked)
    put_event(engine, source, {"name": 'build "7"', "count": 3})
    assert receive(engine, url)["Body"] == got.replace("RULE", rule.split("/")[-1])


def test_an_execution_starts_with_the_event(engine: Engine) -> None:
    source, states = name("source"), engine.client("stepfunctions")
    definition = {"StartAt": "Stop", "States": {"Stop": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(
        name=name("machine"), definition=json.dumps(definition), roleArn=create_role(engine, "states")
    )["stateMachineArn"]
    put_rule(
        engine,
        {"source": [source]},
        {"Arn": machine, "RoleArn": create_role(engine, "events"), "InputPath": "$.detail"},
    )
    put_event(engine, source, {"n": 1})
    execution = eventually(lambda: states.list_executions(stateMachineArn=machine)["executions"])[0]
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"n": 1}


def test_events_go_to_topics_log_groups_and_other_buses(engine: Engine) -> None:
    source, (url, arn), (far, far_arn) = name("source"), queue(engine), queue(engine)
    topic = engine.client("sns").create_topic(Name=name("topic"), Attributes=OPEN_TOPIC)["TopicArn"]
    engine.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    logs, group = engine.client("logs"), f"/aws/events/{name('group')}"
    logs.create_log_group(logGroupName=group)
    bus = name("bus")
    bus_arn = engine.client("events").create_event_bus(Name=bus)["EventBusArn"]
    put_rule(engine, {"source": [source]}, {"Arn": far_arn}, EventBusName=bus)
    for target in (topic, f"arn:aws:logs:us-east-1:123456789012:log-group:{group}", bus_arn):
        put_rule(engine, {"source": [source]}, {"Arn": target})
    put_event(engine, source, {"n": 1})
    assert json.loads(json.loads(receive(engine, url)["Body"])["Message"])["detail"] == {"n": 1}
    assert json.loads(receive(engine, far)["Body"])["detail"] == {"n": 1}
    lines = eventually(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert json.loads(lines[0]["message"])["detail"] == {"n": 1}


def test_an_upload_publishes_an_event(engine: Engine) -> None:
    bucket, (url, arn), s3 = name("bucket"), queue(engine), engine.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    put_rule(engine, {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}, {"Arn": arn})
    s3.put_object(Bucket=bucket, Key="digits.csv", Body=b"1,2,3")
    event = json.loads(receive(engine, url)["Body"])
    assert event["detail-type"] == "Object Created"
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    assert event["detail"]["object"]["key"] == "digits.csv"
    assert event["detail"]["reason"] == "PutObject"


def test_only_tagging_calls_publish_a_tagging_event(engine: Engine) -> None:
    bucket, (url, arn), s3 = name("bucket"), queue(engine), engine.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    rule = {"source": ["aws.s3"], "detail-type": ["Object Tags Added"], "detail": {"bucket": {"name": [bucket]}}}
    put_rule(engine, rule, {"Arn": arn})
    s3.put_object(Bucket=bucket, Key="tagged.csv", Body=b"1", Tagging="colour=red")
    s3.put_object(Bucket=bucket, Key="digits.csv", Body=b"1")
    s3.put_object_tagging(Bucket=bucket, Key="digits.csv", Tagging={"TagSet": [{"Key": "colour", "Value": "red"}]})
    assert json.loads(receive(engine, url)["Body"])["detail"]["object"]["key"] == "digits.csv"


def test_a_rate_schedule_runs_in_scaled_time(engine: Engine) -> None:
    (url, arn), events, rule = queue(engine), engine.client("events"), name("rule")
    rule_arn = events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "target", "Arn": arn}])
    first, second = (json.loads(receive(engine, url)["Body"]) for _ in range(2))
    assert first["detail-type"] == "Scheduled Event"
    assert first["resources"] == [rule_arn]
    assert first["id"] != second["id"]
    events.remove_targets(Rule=rule, Ids=["target"])
    events.delete_rule(Name=rule)


def test_a_scheduled_rule_gets_no_other_events(engine: Engine) -> None:
    (url, arn), events, rule = queue(engine), engine.client("events"), name("rule")
    events.put_rule(Name=rule, ScheduleExpression="rate(1 day)")
    events.put_targets(Rule=rule, Targets=[{"Id": "target", "Arn": arn}])
    source, (other, other_arn) = name("source"), queue(engine)
    put_rule(engine, {"source": [source]}, {"Arn": other_arn})
    put_event(engine, source, {})
    receive(engine, other)
    assert left_in(engine, url) == 0


def test_an_unsupported_target_is_refused(engine: Engine) -> None:
    with pytest.raises(ClientError, match=r"local/ delivers events to .* not to arn:aws:firehose"):
        put_rule(engine, {"source": ["x"]}, {"Arn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d"})


def test_custom_events_cannot_have_a_source_of_aws(engine: Engine) -> None:
    assert put_event(engine, "aws.states", {})["ErrorCode"] == "NotAuthorizedForSourceException"


@pytest.mark.parametrize("detail", ["text", 1, ["list"]])
def test_the_detail_of_an_event_is_a_json_object(engine: Engine, detail: Any) -> None:
    entry = put_event(engine, name("source"), detail)
    assert entry == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def test_many_events_are_all_delivered(engine: Engine) -> None:
    source, (url, arn), events = name("source"), queue(engine), engine.client("events")
    put_rule(engine, {"source": [source]}, {"Arn": arn})
    for _ in range(20):
        entries = [{"Source": source, "DetailType": "Thing Happened", "Detail": "{}"}] * 10
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    eventually(lambda: left_in(engine, url) == 200)


def test_an_invalid_input_path_is_refused(engine: Engine) -> None:
    with pytest.raises(ClientError, match="Invalid JSON path"):
        put_rule(engine, {"source": ["x"]}, {"Arn": queue(engine)[1], "InputPath": "$.["})


@pytest.mark.parametrize(
    "expression", ["rate(1 days)", "rate(7 day)", "at(2099-01-01T00:00:00)", "cron(0 6 * * MON *)"]
)
def test_a_rule_takes_only_the_schedules_of_rules(engine: Engine, expression: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Parameter ScheduleExpression is not valid\."):
        engine.client("events").put_rule(Name="wrong", ScheduleExpression=expression)
