"""Queues, topics, mail and bucket notifications in local/: delivery, retries and dead-letter queues."""

import email
import json
import sys
import time
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.messaging.queues import Queue, SQSBackend
from tests.engine import Engine
from tests.local.functions import Recorder, eventually, left_in, name, permit, queue, receive
from tests.roles import OPEN_TOPIC


def map_queue(engine: Engine, arn: str, recorder: Recorder, **settings: Any) -> str:
    """Map a queue to a recorder; return the mapping's id."""
    created = engine.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=recorder.arn, **settings
    )
    return str(created["UUID"])


def bodies(events: list[Any]) -> list[str]:
    """The message bodies in each batch of a function."""
    return [record["body"] for event in events for record in event["Records"]]


def topic(engine: Engine) -> str:
    """Create a topic; return its ARN."""
    return str(engine.client("sns").create_topic(Name=name("topic"), Attributes=OPEN_TOPIC)["TopicArn"])


def subscribe(engine: Engine, topic_arn: str, protocol: str, endpoint: str, **attributes: str) -> str:
    """Subscribe an endpoint; return the subscription's ARN."""
    subscription = engine.client("sns").subscribe(
        TopicArn=topic_arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
    )
    return str(subscription["SubscriptionArn"])


def test_a_function_gets_the_messages_of_its_queue(engine: Engine, tmp_path: Path) -> None:
    url, arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    map_queue(engine, arn, recorder)
    attributes = {"colour": {"DataType": "String", "StringValue": "red"}}
    engine.client("sqs").send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    record = recorder.wait()[0]["Records"][0]
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == arn
    assert record["awsRegion"] == "us-east-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["colour"]["stringValue"] == "red"
    eventually(lambda: left_in(engine, url) == 0)


def test_messages_within_the_batching_window_form_a_batch(engine: Engine, tmp_path: Path) -> None:
    url, arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    map_queue(engine, arn, recorder, BatchSize=4, MaximumBatchingWindowInSeconds=40)
    for number in range(6):
        engine.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
        time.sleep(0.1)
    eventually(lambda: len(bodies(recorder.events)) == 6)
    assert [len(event["Records"]) for event in recorder.events] == [4, 2]


def test_only_reported_messages_are_retried_and_go_to_the_dead_letter_queue(engine: Engine, tmp_path: Path) -> None:
    dead, dead_arn = queue(engine)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = queue(engine, RedrivePolicy=redrive, VisibilityTimeout="20")
    recorder = Recorder.deploy(engine, tmp_path)
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad", "fine")]
    engine.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    map_queue(engine, arn, recorder, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert receive(engine, dead)["Body"] == "bad"
    assert sorted(bodies(recorder.events)) == ["bad", "bad", "fine", "good"]
    eventually(lambda: left_in(engine, url) == 0)


def test_a_failed_batch_is_retried_as_a_whole_and_goes_to_the_dead_letter_queue(engine: Engine, tmp_path: Path) -> None:
    dead, dead_arn = queue(engine)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = queue(engine, RedrivePolicy=redrive, VisibilityTimeout="20")
    recorder = Recorder.deploy(engine, tmp_path, fails=True)
    entries = [{"Id": body, "MessageBody": body} for body in ("a", "b")]
    engine.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    map_queue(engine, arn, recorder)
    assert sorted(receive(engine, dead)["Body"] for _ in range(2)) == ["a", "b"]
    assert sorted(bodies(recorder.events)) == ["a", "a", "b", "b"]


def test_messages_that_match_no_filter_are_deleted(engine: Engine, tmp_path: Path) -> None:
    url, arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    map_queue(engine, arn, recorder, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for kind in ("other", "wanted"):
        engine.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind}))
    recorder.wait()
    eventually(lambda: left_in(engine, url) == 0)
    assert [json.loads(body)["kind"] for body in bodies(recorder.events)] == ["wanted"]


def test_a_disabled_or_deleted_mapping_does_not_poll(engine: Engine, tmp_path: Path) -> None:
    url, arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    mapping = map_queue(engine, arn, recorder, Enabled=False)
    client = engine.client("lambda")
    engine.client("sqs").send_message(QueueUrl=url, MessageBody="1")
    time.sleep(1)
    assert recorder.events == []
    client.update_event_source_mapping(UUID=mapping, Enabled=True)
    recorder.wait()
    client.delete_event_source_mapping(UUID=mapping)
    engine.client("sqs").send_message(QueueUrl=url, MessageBody="2")
    assert receive(engine, url)["Body"] == "2"
    assert bodies(recorder.events) == ["1"]


@pytest.mark.parametrize(
    ("source", "settings", "reason"),
    [
        ("arn:aws:kinesis:us-east-1:123456789012:stream/s", {}, "local/ polls only SQS queues"),
        (None, {"BatchSize": 100}, "Maximum batch window in seconds must be greater than 0"),
    ],
)
def test_an_invalid_mapping_is_refused_with_the_reason(
    engine: Engine, tmp_path: Path, source: str | None, settings: dict[str, Any], reason: str
) -> None:
    recorder = Recorder.deploy(engine, tmp_path)
    with pytest.raises(ClientError, match=reason):
        map_queue(engine, source or queue(engine)[1], recorder, **settings)


def test_the_visibility_timeout_must_not_be_shorter_than_the_function_timeout(engine: Engine, tmp_path: Path) -> None:
    _, arn = queue(engine, VisibilityTimeout="10")
    with pytest.raises(ClientError, match="Queue visibility timeout: 10 seconds is less than Function timeout: 60"):
        map_queue(engine, arn, Recorder.deploy(engine, tmp_path, Timeout=60))


def test_a_second_mapping_of_a_queue_to_a_function_is_refused(engine: Engine, tmp_path: Path) -> None:
    _, arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    map_queue(engine, arn, recorder)
    with pytest.raises(ClientError, match="already exists") as refused:
        map_queue(engine, arn, recorder)
    assert refused.value.response["Error"]["Code"] == "ResourceConflictException"


def test_many_messages_are_all_delivered_once(engine: Engine, tmp_path: Path) -> None:
    url, arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    map_queue(engine, arn, recorder)
    for first in range(0, 200, 10):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(first, first + 10)]
        engine.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    eventually(lambda: left_in(engine, url) == 0)
    assert sorted(map(int, bodies(recorder.events))) == list(range(200))


def test_a_message_reaches_a_function_through_topic_and_queue(engine: Engine, tmp_path: Path) -> None:
    topic_arn, (_, arn) = topic(engine), queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    map_queue(engine, arn, recorder)
    subscribe(engine, topic_arn, "sqs", arn)
    published = engine.client("sns").publish(TopicArn=topic_arn, Message="hello", Subject="greeting")
    envelope = json.loads(recorder.wait()[0]["Records"][0]["body"])
    assert envelope["Type"] == "Notification"
    assert envelope["Message"] == "hello"
    assert envelope["Subject"] == "greeting"
    assert envelope["TopicArn"] == topic_arn
    assert envelope["MessageId"] == published["MessageId"]


def test_raw_delivery_and_filter_policies_are_applied(engine: Engine) -> None:
    topic_arn, (url, arn) = topic(engine), queue(engine)
    subscribe(engine, topic_arn, "sqs", arn, RawMessageDelivery="true", FilterPolicy=json.dumps({"colour": ["red"]}))
    for colour in ("blue", "red"):
        engine.client("sns").publish(
            TopicArn=topic_arn,
            Message=colour,
            MessageAttributes={"colour": {"DataType": "String", "StringValue": colour}},
        )
    message = receive(engine, url)
    assert message["Body"] == "red"
    assert message["MessageAttributes"]["colour"]["StringValue"] == "red"
    assert left_in(engine, url) == 0


def test_a_permitted_function_gets_the_messages_of_a_topic(engine: Engine, tmp_path: Path) -> None:
    topic_arn, recorder = topic(engine), Recorder.deploy(engine, tmp_path)
    permit(engine, recorder.arn, "sns.amazonaws.com", topic_arn)
    subscription = subscribe(engine, topic_arn, "lambda", recorder.arn)
    engine.client("sns").publish(TopicArn=topic_arn, Message="hello")
    record = recorder.wait()[0]["Records"][0]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"] == subscription
    assert record["Sns"]["Message"] == "hello"
    assert record["Sns"]["Subject"] is None
    assert record["Sns"]["MessageAttributes"] == {}


def test_an_undeliverable_message_goes_to_the_dead_letter_queue_of_the_subscription(
    engine: Engine, tmp_path: Path
) -> None:
    topic_arn, (dead, dead_arn) = topic(engine), queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn})
    subscribe(engine, topic_arn, "lambda", recorder.arn, RedrivePolicy=redrive)  # without permission
    engine.client("sns").publish(TopicArn=topic_arn, Message="hello")
    letter = receive(engine, dead)
    assert json.loads(letter["Body"])["Message"] == "hello"
    assert "does not let sns.amazonaws.com invoke it" in letter["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert recorder.events == []


def test_mail_is_written_as_a_file(engine: Engine) -> None:
    topic_arn = topic(engine)
    subscription = subscribe(engine, topic_arn, "email", "ada@example.com")
    sns = engine.client("sns")
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"
    sns.publish(TopicArn=topic_arn, Message="It is live.", Subject="Build 7")
    path = eventually(lambda: next((engine.data / "mail").glob("*ada@example.com*.eml"), None))
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    assert message["To"] == "ada@example.com"
    assert message["Subject"] == "Build 7"
    assert message.get_content().strip() == "It is live."


def test_an_unsupported_protocol_is_refused(engine: Engine) -> None:
    with pytest.raises(ClientError, match=r"local/ delivers to .* not to sms"):
        subscribe(engine, topic(engine), "sms", "+41791234567")


def test_a_message_needs_an_existing_topic_and_the_group_of_a_fifo_topic(engine: Engine) -> None:
    sns, fifo = engine.client("sns"), {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    arn = sns.create_topic(Name=name("topic") + ".fifo", Attributes=fifo)["TopicArn"]
    with pytest.raises(ClientError, match="The MessageGroupId parameter is required for FIFO topics"):
        sns.publish(TopicArn=arn, Message="text")
    with pytest.raises(ClientError, match="Topic does not exist"):
        sns.publish(TopicArn=topic(engine) + "-gone", Message="text")


def test_an_upload_notifies_queue_topic_and_function(engine: Engine, tmp_path: Path) -> None:
    bucket, topic_arn, (url, arn) = name("bucket"), topic(engine), queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    permit(engine, recorder.arn, "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    topic_url, topic_queue = queue(engine)
    subscribe(engine, topic_arn, "sqs", topic_queue)
    s3 = engine.client("s3")
    s3.create_bucket(Bucket=bucket)
    wanted = {"Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [wanted | {"QueueArn": arn}],
            "TopicConfigurations": [wanted | {"TopicArn": topic_arn}],
            "LambdaFunctionConfigurations": [wanted | {"LambdaFunctionArn": recorder.arn}],
        },
    )
    assert json.loads(receive(engine, url)["Body"])["Event"] == "s3:TestEvent"
    assert json.loads(json.loads(receive(engine, topic_url)["Body"])["Message"])["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="a folder/digits.csv", Body=b"1,2,3")
    record = json.loads(receive(engine, url)["Body"])["Records"][0]
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["bucket"]["name"] == bucket
    assert record["s3"]["object"]["key"] == "a+folder/digits.csv"
    assert record["s3"]["object"]["size"] == 5
    assert record["s3"]["object"]["sequencer"]
    notification = json.loads(receive(engine, topic_url)["Body"])
    assert notification["Subject"] == "Amazon S3 Notification"
    assert json.loads(notification["Message"])["Records"][0]["s3"]["bucket"]["name"] == bucket
    assert recorder.wait()[0]["Records"][0]["s3"]["bucket"]["name"] == bucket


def test_notifications_need_destinations_that_take_them(engine: Engine, tmp_path: Path) -> None:
    bucket, recorder, s3 = name("bucket"), Recorder.deploy(engine, tmp_path), engine.client("s3")
    s3.create_bucket(Bucket=bucket)
    _, arn = queue(engine)
    engine.client("sqs").create_queue(QueueName=f"{bucket}.fifo", Attributes={"FifoQueue": "true"})

    def notify(kind: str, destination: str, **options: Any) -> None:
        entry = {f"{kind}Arn": destination, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={f"{kind}Configurations": [entry]}, **options
        )

    notify("Queue", arn)
    for kind, destination, message in (
        ("Queue", f"{arn}-gone", "Unable to validate the following destination configurations: .*-gone"),
        ("Queue", f"{arn.rpartition(':')[0]}:{bucket}.fifo", "S3 does not send to FIFO queues and topics"),
        ("Queue", topic(engine), "not that of a destination in sqs"),
        ("LambdaFunction", "arn:aws:lambda", "not that of a destination in lambda"),
        ("Topic", f"{topic(engine)}-gone", "Unable to validate the following destination configurations: .*-gone"),
        ("LambdaFunction", f"{recorder.arn}-gone", "Unable to validate the following destination configurations"),
        ("LambdaFunction", recorder.arn, "does not let s3.amazonaws.com invoke it"),
    ):
        with pytest.raises(ClientError, match=message) as caught:
            notify(kind, destination)
        assert caught.value.response["Error"]["Code"] == "InvalidArgument"
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert [each["QueueArn"] for each in kept["QueueConfigurations"]] == [arn]
    notify("Queue", f"{arn}-gone", SkipDestinationValidation=True)
    permit(engine, recorder.arn, "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    notify("LambdaFunction", recorder.arn)


def test_a_permission_for_an_alias_is_only_for_that_alias(engine: Engine, tmp_path: Path) -> None:
    topic_arn, (dead, dead_arn) = topic(engine), queue(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    engine.client("lambda").create_alias(FunctionName=recorder.arn, Name="live", FunctionVersion="$LATEST")
    permit(engine, f"{recorder.arn}:live", "sns.amazonaws.com", topic_arn)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn})
    for endpoint in (recorder.arn, f"{recorder.arn}:live"):
        subscribe(engine, topic_arn, "lambda", endpoint, RedrivePolicy=redrive)
    engine.client("sns").publish(TopicArn=topic_arn, Message="hello")
    receive(engine, dead)
    assert len(recorder.wait()) == 1


def count_calls(messages: int) -> int:
    """The function calls that one message needs in a queue with this number of waiting messages."""
    backend = SQSBackend("us-east-1", "123456789012")
    full = backend.queues["full"] = Queue("full", "us-east-1", "123456789012")
    for number in range(messages):
        backend.send_message("full", str(number))
    called = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal called
        called += event == "call"

    sys.setprofile(count)
    backend.send_message("full", "last")
    (first,) = backend.receive_message("full", 1, 0, 30)
    full.delete_message(first.receipt_handle)
    sys.setprofile(None)
    assert full.approximate_number_of_messages == messages
    return called


def test_a_message_needs_the_same_work_in_a_full_queue() -> None:
    assert count_calls(1000) < 1.2 * count_calls(10)


def test_a_queue_counts_its_visible_received_and_delayed_messages(engine: Engine) -> None:
    url, _ = queue(engine)
    sqs = engine.client("sqs")
    for body in ("a", "b", "c"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=60)
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]

    def counts() -> list[int]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return [int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed")]

    assert counts() == [2, 1, 1]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=0)
    assert counts() == [3, 0, 1]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a"
    assert counts() == [2, 1, 1]
    sqs.purge_queue(QueueUrl=url)
    assert counts() == [0, 0, 0]


def test_a_message_is_deleted_by_each_of_its_receipts_and_twice(engine: Engine) -> None:
    (url, _), (other, _) = queue(engine), queue(engine)
    sqs = engine.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    receipts = []
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        receipts.append(message["ReceiptHandle"])
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipts[-1], VisibilityTimeout=0)
    assert receipts[0] != receipts[1]
    for receipt in receipts:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
    assert left_in(engine, url) == 0
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=other, ReceiptHandle=receipts[0])
