"""What AWS refuses although botocore's models allow it: sizes, tiers, names and tags."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import name
from tests.local.state_machines import Machines

Publish = Callable[..., Any]


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    """The error code of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


@pytest.fixture
def publish(engine: Engine) -> Publish:
    """Publish on a new topic."""
    sns = engine.client("sns")
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    return lambda **parameters: sns.publish(TopicArn=topic, **parameters)


def put(engine: Engine, parameter: str, value: str, **more: Any) -> str:
    """Write a parameter; its tier."""
    given = {"Name": parameter, "Value": value, "Type": "String", **more}
    return str(engine.client("ssm").put_parameter(**given)["Tier"])


def test_a_standard_parameter_has_4096_bytes_and_an_advanced_one_8192(engine: Engine) -> None:
    standard, advanced, chosen = name("p"), name("p"), name("p")
    assert put(engine, standard, "x" * 4096) == "Standard"
    for value in ("x" * 4097, "é" * 2049):
        with pytest.raises(ClientError, match="Standard tier parameters support a maximum parameter value of 4096"):
            put(engine, standard, value, Overwrite=True)
    assert put(engine, advanced, "x" * 8192, Tier="Advanced") == "Advanced"
    with pytest.raises(ClientError, match="ValidationException"):
        put(engine, advanced, "x" * 8193, Overwrite=True)
    assert put(engine, chosen, "x" * 4096, Tier="Intelligent-Tiering") == "Standard"
    assert put(engine, chosen, "x" * 4097, Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"


def test_an_advanced_parameter_stays_advanced(engine: Engine) -> None:
    parameter = name("p")
    put(engine, parameter, "x", Tier="Advanced")
    assert put(engine, parameter, "x" * 5000, Overwrite=True) == "Advanced"
    assert put(engine, parameter, "x", Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"
    with pytest.raises(ClientError, match="ValidationException"):
        put(engine, parameter, "x", Tier="Standard", Overwrite=True)


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        ("with space", "ValidationException"),
        ("no/leading/slash", "ValidationException"),
        ("é", "ValidationException"),
        ("a" * 967, "ValidationException"),  # 45 characters of the ARN are before it, so 966 are left
        ("/level" * 16, "HierarchyLevelLimitExceededException"),
    ],
)
def test_a_wrong_name_of_a_parameter_is_refused(engine: Engine, parameter: str, code: str) -> None:
    assert refusal(lambda: put(engine, parameter, "x")) == code


@pytest.mark.parametrize("parameter", ["a" * 966, "/level" * 15, "a.b-c_D9"])
def test_a_right_name_of_a_parameter_is_accepted(engine: Engine, parameter: str) -> None:
    assert put(engine, parameter, "x") == "Standard"


def test_a_value_must_match_the_pattern_of_its_parameter(engine: Engine) -> None:
    parameter = name("p")
    put(engine, parameter, "12", AllowedPattern="^[0-9]+$")
    assert refusal(lambda: put(engine, parameter, "ab", Overwrite=True)) == "ParameterPatternMismatchException"
    assert refusal(lambda: put(engine, name("p"), "a", AllowedPattern="(")) == "InvalidAllowedPatternException"
    slow = {"AllowedPattern": r"((?:a+)+)\d", "Value": "a" * 4000}
    assert refusal(lambda: put(engine, name("p"), "", **slow)) == "InvalidAllowedPatternException"


def test_a_wrong_token_or_path_of_parameters_is_refused(engine: Engine) -> None:
    ssm = engine.client("ssm")
    put(engine, "/wrong/token", "x")
    for call, given in (
        (ssm.get_parameters_by_path, {"Path": "/wrong"}),
        (ssm.get_parameter_history, {"Name": "/wrong/token"}),
        (ssm.describe_parameters, {}),
    ):
        assert refusal(call, NextToken="none", **given) == "InvalidNextToken"
    assert refusal(ssm.get_parameters_by_path, Path="wrong") == "ValidationException"
    assert len(ssm.get_parameters_by_path(Path="/wrong")["Parameters"]) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"Message": "m", "Subject": "two\nlines"},
        {"Message": "m", "Subject": "bell\x07"},
        {"Message": "m", "Subject": ""},
        {"Message": "m", "Subject": "x" * 101},
        {"Message": ""},
        {"Message": "x" * 262_145},
        {"Message": "é" * 131_073},
        {"Message": "x" * 262_134, "MessageAttributes": {"name": {"DataType": "String", "StringValue": "v"}}},
        {"Message": "no JSON", "MessageStructure": "json"},
        {"Message": '{"sqs": "no default"}', "MessageStructure": "json"},
        {"Message": '{"default": 1}', "MessageStructure": "json"},
    ],
)
def test_a_message_that_sns_refuses(publish: Publish, parameters: dict[str, Any]) -> None:
    assert refusal(publish, **parameters) == "InvalidParameter"


@pytest.mark.parametrize(
    "parameters",
    [
        {"Message": "x" * 262_144, "Subject": "Größe"},
        {"Message": "é" * 131_072},
        {"Message": "x" * 262_133, "MessageAttributes": {"name": {"DataType": "String", "StringValue": "v"}}},
        {"Message": '{"default": ""}', "MessageStructure": "json"},
    ],
)
def test_a_message_that_sns_takes(publish: Publish, parameters: dict[str, Any]) -> None:
    assert publish(**parameters)["MessageId"]


def entries(*messages: str, **more: Any) -> list[dict[str, Any]]:
    """The entries of a batch for SNS."""
    return [{"Id": str(number), "Message": message, **more} for number, message in enumerate(messages)]


ATTRIBUTE = {"MessageAttributes": {"name": {"DataType": "String", "StringValue": "v"}}}  # 11 bytes


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ([], "EmptyBatchRequest"),
        (entries(*"abcdefghij"), ""),
        (entries(*"abcdefghijk"), "TooManyEntriesInBatchRequest"),
        (entries("x" * 131_072, "x" * 131_072), ""),
        (entries("x" * 131_072, "x" * 131_073), "BatchRequestTooLong"),
        (entries("x" * 262_133, **ATTRIBUTE), ""),
        (entries("x" * 262_134, **ATTRIBUTE), "BatchRequestTooLong"),
        ([{"Id": "a" * 80, "Message": "m"}], ""),
        ([{"Id": "a" * 81, "Message": "m"}], "InvalidBatchEntryId"),
        ([{"Id": "a.b", "Message": "m"}], "InvalidBatchEntryId"),
        ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinct"),
        (entries(""), "InvalidParameter"),
        (entries('{"sqs": "no default"}', MessageStructure="json"), "InvalidParameter"),
    ],
)
def test_the_limits_of_a_batch_for_sns(engine: Engine, batch: list[dict[str, Any]], code: str) -> None:
    sns = engine.client("sns")
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    if code:
        assert refusal(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=batch) == code
    else:
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=batch)
        assert [one["Id"] for one in answer["Successful"]] == [one["Id"] for one in batch]


@pytest.mark.parametrize("arn", ["topic", "arn:aws:sns:nowhere:123456789012:topic"])
def test_an_arn_that_is_no_topic_s_is_refused(engine: Engine, arn: str) -> None:
    sns = engine.client("sns")
    assert refusal(sns.publish, TopicArn=arn, Message="m") == "InvalidParameter"
    assert refusal(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=entries("m")) == "InvalidParameter"


def test_a_topic_can_allow_messages_of_1_mebibyte(engine: Engine) -> None:
    sns = engine.client("sns")
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="1048576")
    sns.publish(TopicArn=topic, Message="x" * 1_048_576)
    assert refusal(sns.publish, TopicArn=topic, Message="x" * 1_048_577) == "InvalidParameter"


def messages(*bodies: str, **more: Any) -> list[dict[str, Any]]:
    """The entries of a batch for SQS."""
    return [{"Id": str(number), "MessageBody": body, **more} for number, body in enumerate(bodies)]


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("send_message", {"MessageBody": "x" * 1_048_565, **ATTRIBUTE}, ""),
        ("send_message", {"MessageBody": "x" * 1_048_566, **ATTRIBUTE}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": "é" * 524_289}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": ""}, "MissingParameter"),
        ("send_message", {"MessageBody": "\t\n\r \ud7ff\ue000\ufffd\U0010ffff"}, ""),
        ("send_message", {"MessageBody": "bell\x07"}, "InvalidMessageContents"),
        ("send_message_batch", {"Entries": messages(*"abcdefghij")}, ""),
        ("send_message_batch", {"Entries": messages(*"abcdefghijk")}, "TooManyEntriesInBatchRequest"),
        ("send_message_batch", {"Entries": messages("é" * 262_144, "x" * 524_288)}, ""),
        ("send_message_batch", {"Entries": messages("é" * 262_144, "x" * 524_289)}, "BatchRequestTooLong"),
        ("send_message_batch", {"Entries": messages("x" * 1_048_566, **ATTRIBUTE)}, "BatchRequestTooLong"),
        ("send_message_batch", {"Entries": []}, "EmptyBatchRequest"),
        ("delete_message_batch", {"Entries": []}, "EmptyBatchRequest"),
        ("change_message_visibility_batch", {"Entries": []}, "EmptyBatchRequest"),
        ("send_message", {"MessageBody": "m", "DelaySeconds": 900}, ""),
        ("send_message", {"MessageBody": "m", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": "m", "DelaySeconds": -1}, "InvalidParameterValue"),
        ("delete_message_batch", {"Entries": [{"Id": "a b", "ReceiptHandle": "r"}]}, "InvalidBatchEntryId"),
        (
            "delete_message_batch",
            {"Entries": [{"Id": "a", "ReceiptHandle": "r"}, {"Id": "a", "ReceiptHandle": "s"}]},
            "BatchEntryIdsNotDistinct",
        ),
        (
            "change_message_visibility_batch",
            {"Entries": [{"Id": str(each), "ReceiptHandle": "r", "VisibilityTimeout": 1} for each in range(11)]},
            "TooManyEntriesInBatchRequest",
        ),
    ],
)
def test_the_limits_of_sqs(engine: Engine, operation: str, parameters: dict[str, Any], code: str) -> None:
    sqs = engine.client("sqs")
    call = getattr(sqs, operation)
    url = sqs.create_queue(QueueName=name("queue"))["QueueUrl"]
    if code:
        assert refusal(call, QueueUrl=url, **parameters).removeprefix("AWS.SimpleQueueService.") == code
    else:
        assert not call(QueueUrl=url, **parameters).get("Failed")


def attribute(name: str = "name", kind: str = "String", value: Any = "v") -> dict[str, Any]:
    """A message with one attribute."""
    field = "BinaryValue" if isinstance(value, bytes) else "StringValue"
    return {"MessageBody": "m", "MessageAttributes": {name: {"DataType": kind, field: value}}}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"MessageBody": "a\x00"}, "InvalidMessageContents"),
        ({"MessageBody": "m", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue"),
        ({"MessageBody": "é" * 513}, "InvalidParameterValue"),
        ({"MessageBody": "x" * 1014, **ATTRIBUTE}, "InvalidParameterValue"),
        ({"MessageBody": "x" * 1013, **ATTRIBUTE}, ""),
        (attribute(value=""), "InvalidParameterValue"),
        (attribute(value="bell\x07"), "InvalidParameterValue"),
        (attribute(kind="Text"), "InvalidParameterValue"),
        (attribute(kind="Number.float", value="1.5"), ""),
        (attribute(kind="Binary", value=b"\x00"), ""),
        (attribute(name="AWS.name"), "InvalidParameterValue"),
        (attribute(name="a..b"), "InvalidParameterValue"),
        (attribute(name="a.b-c_D9"), ""),
        (attribute(name="a" * 257), "InvalidParameterValue"),
        ({"MessageBody": "m", "MessageAttributes": {
            str(each): {"DataType": "String", "StringValue": "v"} for each in range(11)
        }}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_a_message_that_sqs_refuses_fails_alone_in_a_batch(engine: Engine, message: dict[str, Any], code: str) -> None:
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName=name("queue"), Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    batch = [{"Id": "first", **message}, {"Id": "second", "MessageBody": "valid"}]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=batch)
    sent = ["second"] if code else ["first", "second"]
    assert [one["Id"] for one in answer["Successful"]] == sent
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer.get("Failed", ())] == (
        [("first", code, True)] if code else []
    )
    count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(count["ApproximateNumberOfMessages"]) == len(sent)
    if code:
        assert refusal(sqs.send_message, QueueUrl=url, **message) == code


def test_a_receipt_that_sqs_refuses_fails_alone_in_a_batch(engine: Engine) -> None:
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName=name("queue"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    receipt = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    given = [(receipt, 5), ("none", 5), (receipt, 43_201), (receipt, -1)]
    entries = [
        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
        for number, (handle, seconds) in enumerate(given)
    ]
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["0"]
    codes = ["ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidParameterValue"]
    assert [one["Code"] for one in answer["Failed"]] == codes
    entries = [{"Id": str(number), "ReceiptHandle": handle} for number, (handle, _) in enumerate(given)]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["0", "2", "3"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [("1", "ReceiptHandleIsInvalid")]


def test_a_missing_group_fails_a_batch_for_a_fifo_queue(engine: Engine) -> None:
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName=f"{name('queue')}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    whole = {"MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for missing in ("MessageGroupId", "MessageDeduplicationId"):
        part = {key: value for key, value in whole.items() if key != missing}
        batch = [{"Id": "first", **whole}, {"Id": "second", **part}]
        assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=batch) == "InvalidParameterValue"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("VisibilityTimeout", ("0", "43200", "43201")),
        ("DelaySeconds", ("0", "900", "901")),
        ("MaximumMessageSize", ("1024", "1048576", "1023")),
        ("MessageRetentionPeriod", ("60", "1209600", "59")),
        ("ReceiveMessageWaitTimeSeconds", ("0", "20", "-1")),
    ],
)
def test_the_attributes_of_a_queue_have_limits(engine: Engine, attribute: str, values: tuple[str, str, str]) -> None:
    sqs = engine.client("sqs")
    *right, wrong = values
    for value in right:
        url = sqs.create_queue(QueueName=name("queue"), Attributes={attribute: value})["QueueUrl"]
    assert refusal(sqs.create_queue, QueueName=name("queue"), Attributes={attribute: wrong}) == "InvalidAttributeValue"
    assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={attribute: wrong}) == "InvalidAttributeValue"


@pytest.mark.parametrize(
    ("attribute", "value", "is_refused"),
    [
        ("a.b-c_D9", {"DataType": "String.JSON", "StringValue": "v"}, False),
        ("n", {"DataType": "Binary", "BinaryValue": b"v"}, False),
        ("n", {"DataType": "String", "StringValue": ""}, True),
        ("n", {"DataType": "Number", "BinaryValue": b"1"}, True),
        ("n", {"DataType": "Text", "StringValue": "v"}, True),
        (".n", {"DataType": "String", "StringValue": "v"}, True),
        ("a" * 257, {"DataType": "String", "StringValue": "v"}, True),
    ],
)
def test_a_wrong_attribute_fails_a_message_and_a_batch_of_sns(
    engine: Engine, publish: Publish, attribute: str, value: dict[str, Any], is_refused: bool
) -> None:
    sns, attributes = engine.client("sns"), {attribute: value}
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    batch = {"TopicArn": topic, "PublishBatchRequestEntries": entries("m", MessageAttributes=attributes)}
    if is_refused:
        assert refusal(publish, Message="m", MessageAttributes=attributes) == "ParameterValueInvalid"
        assert refusal(sns.publish_batch, **batch) == "ParameterValueInvalid"
    else:
        assert publish(Message="m", MessageAttributes=attributes)["MessageId"]
        assert sns.publish_batch(**batch)["Successful"]


def test_wrong_parameters_of_sns_are_refused(engine: Engine) -> None:
    sns = engine.client("sns")
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    for call, given in (
        (sns.list_topics, {"NextToken": "none"}),
        (sns.list_subscriptions, {"NextToken": "none"}),
        (sns.list_subscriptions_by_topic, {"TopicArn": topic, "NextToken": "none"}),
        (sns.set_topic_attributes, {"TopicArn": topic, "AttributeName": "Nothing", "AttributeValue": "x"}),
        (sns.subscribe, {"TopicArn": topic, "Protocol": "email", "Endpoint": "no address"}),
    ):
        assert refusal(call, **given) == "InvalidParameter"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="LambdaSuccessFeedbackSampleRate", AttributeValue="5")


EVENT = {"Source": "own", "DetailType": "kind", "Detail": "{}"}
SMALL = len('{"text": ""}') + len("ownkind")


@pytest.mark.parametrize(
    ("count", "size", "code"),
    [
        (1, 1_048_575, ""),
        (1, 1_048_576, "ValidationException"),
        (3, 349_525, ""),
        (4, 262_144, "ValidationException"),
        (11, 100, "ValidationException"),
    ],
)
def test_the_entries_of_put_events_are_smaller_than_1_mebibyte(
    engine: Engine, count: int, size: int, code: str
) -> None:
    event = EVENT | {"Detail": json.dumps({"text": "x" * (size - SMALL)})}
    put_events = engine.client("events").put_events
    if code:
        assert refusal(put_events, Entries=[event] * count) == code
    else:
        assert put_events(Entries=[event] * count)["FailedEntryCount"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"EventBusName": "no-such-bus"}, None),
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": "no JSON"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Detail": '"text"'}, "MalformedDetail"),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
    ],
)
def test_an_entry_of_put_events_fails_alone(engine: Engine, change: dict[str, str], code: str | None) -> None:
    answer = engine.client("events").put_events(Entries=[EVENT | change, EVENT])
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [code, None]
    assert answer["FailedEntryCount"] == (1 if code else 0)
    assert all(one.get("EventId") for one in answer["Entries"] if "ErrorCode" not in one)


def test_an_event_is_tested_with_a_pattern(engine: Engine) -> None:
    test = engine.client("events").test_event_pattern
    event = {"id": "1", "account": "1", "source": "own", "time": "2026-01-01T00:00:00Z", "region": "r"}
    event |= {"resources": [], "detail-type": "kind", "detail": {"n": 1}}  # type: ignore[dict-item]
    for pattern, result in (({"source": ["own"]}, True), ({"detail": {"n": [2]}}, False)):
        assert test(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"] is result
    assert refusal(test, EventPattern="{", Event=json.dumps(event)) == "InvalidEventPatternException"
    for wrong in ("{", "[]", json.dumps({"source": "own"})):
        assert refusal(test, EventPattern='{"source": ["own"]}', Event=wrong) == "ValidationException"


def test_a_rule_has_5_targets(engine: Engine) -> None:
    events, rule = engine.client("events"), name("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    targets = [{"Id": str(each), "Arn": f"arn:aws:sqs:us-east-1:123456789012:{rule}"} for each in range(6)]
    events.put_targets(Rule=rule, Targets=targets[:5])
    events.put_targets(Rule=rule, Targets=targets[:1])
    assert refusal(events.put_targets, Rule=rule, Targets=targets[5:]) == "LimitExceededException"


DAY = 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("lengths", "span", "is_refused"),
    [
        ([1_048_550], 0, False),
        ([1_048_551], 0, True),
        ([524_262, 524_262], 0, False),
        ([524_262, 524_263], 0, True),
        ([1, 1], DAY, False),
        ([1, 1], DAY + 1, True),
    ],
)
def test_the_log_events_of_a_call_have_1_mebibyte_and_a_day(
    engine: Engine, lengths: list[int], span: int, is_refused: bool
) -> None:
    logs, group, now = engine.client("logs"), name("group"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    events = [{"timestamp": now, "message": "x" * length} for length in lengths]
    events[0]["timestamp"] = now - span
    if is_refused:
        code = refusal(logs.put_log_events, logGroupName=group, logStreamName="s", logEvents=events)
        assert code == "InvalidParameterException"
    else:
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_the_input_of_an_execution_counts_in_bytes(engine: Engine) -> None:
    machines = Machines.of(engine)
    machine = machines.create({"End": {"Type": "Succeed"}})
    for text, is_refused in (("é" * 131_071, False), ("é" * 131_071 + "x", True)):
        given = {"stateMachineArn": machine, "input": json.dumps(text, ensure_ascii=False)}
        if is_refused:
            assert refusal(machines.states.start_execution, **given) == "ValidationException"
        else:
            machines.states.start_execution(**given)
    output = json.dumps("é" * 131_072, ensure_ascii=False)
    assert refusal(machines.states.send_task_success, taskToken="none", output=output) == "ValidationException"


def test_an_item_has_400_kibibytes_with_the_names_of_its_attributes(engine: Engine) -> None:
    dynamodb, table = engine.client("dynamodb"), name("table")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    largest = {"id": {"S": "1"}, "text": {"S": "x" * (409_600 - len("id1text"))}}
    larger = {"id": {"S": "2"}, "text": {"S": largest["text"]["S"] + "x"}}
    dynamodb.put_item(TableName=table, Item=largest)
    assert refusal(dynamodb.put_item, TableName=table, Item=larger) == "ValidationException"
    update = {"TableName": table, "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET #t = :t"}
    update |= {"ExpressionAttributeNames": {"#t": "text"}}
    dynamodb.update_item(**update, ExpressionAttributeValues={":t": largest["text"]})
    code = refusal(dynamodb.update_item, **update, ExpressionAttributeValues={":t": larger["text"]})
    assert code == "ValidationException"


BAD_TAGS = [("aws:mine", "v"), ("AWS:mine", "v"), ("k", "a;b"), ("k<", "v"), ("k" * 129, "v"), ("k", "v" * 257)]


@pytest.mark.parametrize(("key", "value"), BAD_TAGS)
def test_a_tag_that_aws_refuses(engine: Engine, key: str, value: str) -> None:
    tags = [{"Key": key, "Value": value}]
    sqs = engine.client("sqs")
    assert refusal(sqs.create_queue, QueueName=name("queue"), tags={key: value}) == "InvalidParameterValue"
    assert refusal(engine.client("sns").create_topic, Name=name("topic"), Tags=tags) == "InvalidParameter"
    sagemaker = engine.client("sagemaker")
    code = refusal(sagemaker.create_model_package_group, ModelPackageGroupName=name("group"), Tags=tags)
    assert code == "ValidationException"


def test_tags_of_any_language_are_accepted_and_keys_are_unique(engine: Engine) -> None:
    sns, tag = engine.client("sns"), {"Key": "ключ é", "Value": "1 _.:/=+-@"}
    topic = sns.create_topic(Name=name("topic"), Tags=[tag])["TopicArn"]
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [tag]
    assert refusal(sns.tag_resource, ResourceArn=topic, Tags=[tag, tag]) == "InvalidParameter"


@pytest.mark.parametrize(
    "bucket",
    [
        "Bad-Name",
        "under_score",
        "a..b",
        "192.168.1.1",
        "-abc",
        "abc-",
        "xn--abc",
        "sthree-abc",
        "abc-s3alias",
        "abc.mrap",
    ],
)
def test_a_wrong_name_of_a_bucket_is_refused(engine: Engine, bucket: str) -> None:
    assert refusal(engine.client("s3").create_bucket, Bucket=bucket) == "InvalidBucketName"


def test_a_key_has_1024_bytes(engine: Engine) -> None:
    s3, bucket = engine.client("s3"), name("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="é" * 512, Body=b"")
    assert refusal(s3.put_object, Bucket=bucket, Key="é" * 512 + "x", Body=b"") == "KeyTooLongError"


def test_wrong_names_of_stacks_tables_and_functions_are_refused(engine: Engine) -> None:
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    create_stack = engine.client("cloudformation").create_stack
    for stack in ("under_score", "1st", "a" * 129):
        assert refusal(create_stack, StackName=stack, TemplateBody=template) == "ValidationError"
    table = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    for wrong in ("a b", "ab", "a" * 256):
        assert refusal(engine.client("dynamodb").create_table, TableName=wrong, **table) == "ValidationException"
    function = {"Role": "arn:aws:iam::123456789012:role/r", "Code": {"ZipFile": b"x"}, "Handler": "a.b"}
    for given in ({"FunctionName": "f" * 65}, {"FunctionName": "f", "Timeout": 901}):
        create = engine.client("lambda").create_function
        assert refusal(create, Runtime="python3.13", **function, **given) == "ValidationException"
