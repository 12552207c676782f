"""Messages of the launch queue, as AWS writes them, are read as requests; the rules let the right events through."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagebuild.builds.records import Trigger
from sagebuild.errors import MalformedMessageError, RollbackError
from sagebuild.launch.triggers import KINDS, Expected, LaunchRequest, read_message, write_confirmed
from tests.engine import ROOT
from tests.eventbridge import change, deployed, matches, samples

EVENTS = ROOT / "tests" / "events" / "triggers"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:house-launch"
NOTIFICATION_ID = "95df01b4-ee98-5cb9-9903-4c221d41eb5e"
SAMPLES = samples()
UPLOAD = Trigger("upload", "s3://house-data/train/2026 Nov/a+b.csv")


def load(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def read(message: Any) -> LaunchRequest | None:
    return read_message(message if isinstance(message, str) else json.dumps(message), "sqs-1", TOPIC)


def notify(message: Any, **changes: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    envelope: dict[str, Any] = load("notification")
    return envelope | {"Message": text} | changes


def of_s3(event_name: str) -> dict[str, Any]:
    """A notification of S3 about another event than the creation of an object."""
    return {"Records": [load("s3_notification")["Records"][0] | {"eventName": event_name}]}


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
NOT_CREATIONS = ("ObjectRemoved:Delete", "ObjectRestore:Post", "LifecycleExpiration:Delete", "ObjectTagging:Put", "")


@pytest.mark.parametrize("topic", [TOPIC, "arn:aws:sns:eu-west-1:123456789012:mine"])
@pytest.mark.parametrize(
    ("event", "trigger"), [("s3_notification", UPLOAD), ("alarm_notification", Trigger("alarm", "drift"))]
)
def test_s3_and_cloudwatch_ask_through_a_topic(topic: str, event: str, trigger: Trigger) -> None:
    assert read(notify(load(event), TopicArn=topic)) == LaunchRequest(trigger, NOTIFICATION_ID)


def test_a_notification_straight_from_s3_is_a_request() -> None:
    assert read(load("s3_notification")) == LaunchRequest(UPLOAD, "sqs-1")


def s3_records(*names: str, **changes: Any) -> dict[str, Any]:
    """A notification of S3 with a record for each event name."""
    (record,) = load("s3_notification")["Records"]
    return {"Records": [record | {"eventName": name} | changes for name in names]}


def s3_event(detail_type: str, **changes: Any) -> dict[str, Any]:
    event = SAMPLES["upload"].event
    detail = event["detail"] | {"object": event["detail"]["object"] | changes}
    return event | {"detail-type": detail_type, "detail": detail}


MARKER = {"s3": {"bucket": {"name": "house-data"}, "object": {"key": "train/", "size": 0}}}
NOT_CREATED = (
    "ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "LifecycleExpiration:Delete",
    "LifecycleTransition",
    "ObjectTagging:Put",
    "ObjectAcl:Put",
    "ObjectRestore:Post",
    "ReducedRedundancyLostObject",
    "Replication:OperationFailedReplication",
)


@pytest.mark.parametrize(
    "message",
    [
        *(s3_records(name) for name in NOT_CREATED),
        *(s3_event(f"Object {what}") for what in ("Deleted", "Tags Added", "Restore Completed", "ACL Updated")),
        s3_records("ObjectCreated:Put", **MARKER),
        s3_event("Object Created", key="train/new/", size=0),
    ],
    ids=json.dumps,
)
def test_an_event_of_s3_that_brings_no_object_starts_no_build(message: dict[str, Any]) -> None:
    assert read(message) is None
    assert read(notify(message)) is None
    assert read(notify(notify(message))) is None


def test_an_object_among_other_events_of_s3_starts_a_build() -> None:
    mixed = s3_records("ObjectRemoved:Delete", "s3:ObjectCreated:CompleteMultipartUpload")
    assert read(mixed) == LaunchRequest(UPLOAD, "sqs-1")
    full_marker = s3_records("ObjectCreated:Put", s3=MARKER["s3"] | {"object": {"key": "train/", "size": 3}})
    assert read(full_marker) == LaunchRequest(Trigger("upload", "s3://house-data/train/"), "sqs-1")


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_notification_within_notifications_is_read(depth: int) -> None:
    for message, wanted in (
        ({"trainmaxrun": 1}, LaunchRequest(Trigger("topic", ""), NOTIFICATION_ID, {"trainmaxrun": 1})),
        ("first build", LaunchRequest(Trigger("topic", "first build"), NOTIFICATION_ID)),
        (load("s3_notification"), LaunchRequest(UPLOAD, NOTIFICATION_ID)),
    ):
        nested: Any = notify(message, Subject="")
        for _ in range(depth):
            nested = notify(nested, Subject="")
        assert read(nested) == wanted
        own = read(nested | {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:mine"})
        assert own
        assert own.overrides == {}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_rule_of_the_user_may_send_events_to_the_launch_topic(name: str) -> None:
    forwarded, direct = read(notify(SAMPLES[name].event)), read(SAMPLES[name].event)
    assert forwarded
    assert direct
    assert forwarded.trigger == direct.trigger


def test_an_event_of_another_source_starts_a_build_and_overrides_nothing() -> None:
    event = SAMPLES["schedule"].event | {
        "source": "my.shop",
        "detail-type": "Stock Changed",
        "detail": {"trainmaxrun": 1},
    }
    assert read(notify(event)) == LaunchRequest(Trigger("topic", "Stock Changed from my.shop"), NOTIFICATION_ID)
    forged = event | {"source": "sagebuild", "detail": {"trigger": "voice", "overrides": {"trainmaxrun": 1}}}
    assert read(notify(forged)) == LaunchRequest(Trigger("topic", "Stock Changed from sagebuild"), NOTIFICATION_ID)


INVISIBLE = ("\ufeff", " \ufeff", "\ufeff\ufeff", "\u200b", "\u00a0\n", "\x00", "\u2060\t", "\u200e")


@pytest.mark.parametrize("begin", INVISIBLE)
def test_invisible_characters_before_json_change_nothing(begin: str) -> None:
    assert read(notify(begin + '{"trainmaxrun": 1}')) == read(notify('{"trainmaxrun": 1}'))


@pytest.mark.parametrize(
    "text",
    [
        '{"trainmaxrun": 1,}',
        "{'trainmaxrun': 1}",
        "{trainmaxrun: 1}",
        '{"trainmaxrun": 1}{"trainmaxrun": 2}',
        '{"trainmaxrun": 1',
        '{"deployEndpoint": True}',
        '{"trainmaxrun": NaN}',
        "{\u201ctrainmaxrun\u201d: 1}",
        '// one hour\n{"trainmaxrun": 1}',
        '/* one\nhour */ {"trainmaxrun": 1}',
        '# one hour\n{"trainmaxrun": 1}',
        '```json\n{"trainmaxrun": 1}\n```',
        json.dumps('{"trainmaxrun": 1}'),
        json.dumps(json.dumps({"trainmaxrun": 1})) + " ",
        "'{\"trainmaxrun\": 1}'",
        '"trainmaxrun": 1',
        "'trainmaxrun': 1",
        '\u200b"hyperparameters": {"epochs": 1}',
        "[1, 2]",
        '[{"trainmaxrun": 1}]',
    ],
)
def test_what_looks_like_json_is_read_or_refused_but_never_a_reason(text: str) -> None:
    with pytest.raises(MalformedMessageError, match="begins like JSON"):
        read(notify(text))


@pytest.mark.parametrize(
    "text",
    [
        "first build",
        "retrain: new data",
        '"quoted" words',
        "Friday's model",
        "#42 is fixed",
        "null",
        "5",
        "a {b}",
        "`x`",
    ],
)
def test_free_text_is_a_reason(text: str) -> None:
    assert read(notify(text)) == LaunchRequest(Trigger("topic", text), NOTIFICATION_ID)


@pytest.mark.parametrize(
    "message",
    [
        load("s3_test"),
        notify(load("s3_test")),
        *(notify(of_s3(name)) for name in NOT_CREATIONS),
        of_s3("ObjectRemoved:Delete"),
        SAMPLES["upload"].event | {"detail-type": "Object Deleted"},
        notify(load("alarm_notification") | {"NewStateValue": "OK"}),
        SAMPLES["alarm"].event | {"detail": {"alarmName": "drift", "state": {"value": "OK"}}},
    ],
    ids=[
        "S3's test", "S3's test through a topic", *NOT_CREATIONS, "S3's deletion to the queue",
        "S3's event of a deletion", "an alarm's notification of OK", "an alarm's event of OK",
    ],
)  # fmt: skip
def test_a_message_that_asks_for_nothing_starts_no_build(message: Any) -> None:
    assert read(message) is None


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        (notify("first build"), LaunchRequest(Trigger("topic", "first build"), NOTIFICATION_ID)),
        (notify("a\nb " + "c" * 300), LaunchRequest(Trigger("topic", "a b " + "c" * 193 + "..."), NOTIFICATION_ID)),
        (notify("{}", Subject="nightly"), LaunchRequest(Trigger("topic", "nightly"), NOTIFICATION_ID)),
        (
            notify({"trainmaxrun": 1}, MessageAttributes={"trigger": {"Type": "String", "Value": "push"}}, Subject="x"),
            LaunchRequest(Trigger("push", "x"), NOTIFICATION_ID, {"trainmaxrun": 1}),
        ),
    ],
)
def test_a_message_to_the_launch_topic_is_a_request_with_its_parameters(message: Any, request_: LaunchRequest) -> None:
    assert read(message) == request_


def test_a_byte_order_mark_before_a_message_changes_nothing() -> None:
    assert read(notify('\ufeff{"trainmaxrun": 1}')) == read(notify('{"trainmaxrun": 1}'))


def test_a_message_to_another_topic_overrides_nothing() -> None:
    request = read(notify({"trainmaxrun": 1}, TopicArn="arn:aws:sns:eu-west-1:123456789012:mine"))
    assert request == LaunchRequest(Trigger("topic", "arn:aws:sns:eu-west-1:123456789012:mine"), NOTIFICATION_ID)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("hello", "The message is not JSON; publish to the launch topic"),
        ([1], "The message is not JSON"),
        (
            {"train": False},
            "neither an SNS notification nor an event of EventBridge or S3; publish to",
        ),
        ({"detail-type": "x", "source": "aws.ec2"}, "The event's source is 'aws.ec2'; it must be one of aws.s3, "),
        ({"detail-type": "x"}, "The event's source is ''; it must be one of aws.s3, "),
        (
            notify('{"train": fals'),
            "begins like JSON, so it must be a JSON object .*: it is not JSON: Expecting value at line 1",
        ),
        (notify("[1]"), r"begins like JSON, .*: it is \[1\]; it must be a JSON object\."),
        (
            notify('{"trainmaxrun": 1, "trainmaxrun": 2}'),
            r"begins like JSON, .*: trainmaxrun is given more than once\.",
        ),
        (notify('{"hyperparameters": {"C": 1, "C": 2}}'), r"hyperparameters\.C is given more than once\."),
        (notify('{"rollback": 3, "rollback": 5}'), "rollback is given more than once"),
        (notify('\ufeff{"train": fals'), "begins like JSON"),
        (notify("{" * 5000), "begins like JSON"),
        (
            notify("x", MessageAttributes={"trigger": {"Type": "String", "Value": "magic"}}),
            "The attribute trigger is 'magic'; it must be one of alarm, ",
        ),
    ],
)
def test_an_unreadable_message_is_refused_with_a_reason(message: Any, reason: str) -> None:
    with pytest.raises(MalformedMessageError, match=reason):
        read(message)


@pytest.mark.parametrize("wanted", ["", "last", "0", "-1", "1.0", "\u00b2", 0, True, None, ["1"]])
def test_a_rollback_to_neither_the_previous_build_nor_a_number_is_refused(wanted: Any) -> None:
    with pytest.raises(RollbackError) as error:
        read(notify(json.dumps({"rollback": wanted})))
    text = f"{wanted}".lower()
    assert str(error.value) == f'rollback is {text!r}; it must be "previous" or the number of a build.'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("Type", "Message", "TopicArn", "MessageAttributes", "detail-type", "source", "detail", "Records", "Event", "id")
KNOWN = st.sampled_from(["Notification", "aws.s3", "aws.cloudwatch", TOPIC, "s3:TestEvent"])


@given(st.text() | st.dictionaries(st.sampled_from(KEYS), KNOWN | JSON).map(json.dumps) | JSON.map(json.dumps))
def test_any_message_is_read_or_refused(body: str) -> None:
    try:
        request = read_message(body, "sqs-1", TOPIC)
    except MalformedMessageError:
        return
    assert request is None or (request.trigger.kind in KINDS and request.id)


@pytest.mark.parametrize(
    ("key", "let_through"),
    [("train/2026/a.csv", True), ("train/.csv", True), ("train/a.txt", False), ("test/a.csv", False), ("a.csv", False)],
)
def test_uploads_are_let_through_by_prefix_and_suffix(key: str, let_through: bool) -> None:
    event = change(SAMPLES["upload"].event, {"detail.object.key": key})
    assert matches("UploadRule", event, deployed({"uploadPrefix": "train/", "uploadSuffix": ".csv"})) is let_through
    all_keys = deployed({"uploadPrefix": "", "uploadSuffix": ""})
    assert matches("UploadRule", event, all_keys)
    assert not matches("UploadRule", event, all_keys | {"DataBucket": "another"})
    assert not matches("UploadRule", event | {"detail-type": "Object Deleted"}, all_keys)


@pytest.mark.parametrize(
    ("branch", "wanted", "let_through"),
    [
        ("main", "main", True),
        ("main2", "main", False),
        ("release/1.2", "release/*", True),
        ("main", "release/*", False),
    ],
)
def test_pushes_are_let_through_by_branch(branch: str, wanted: str, let_through: bool) -> None:
    event = change(SAMPLES["push"].event, {"detail.referenceName": branch})
    parameters = deployed({"codecommitRepository": "model", "codecommitBranch": wanted})
    assert matches("CodecommitRule", event, parameters) is let_through
    assert not matches("CodecommitRule", event, parameters | {"CodecommitRepository": "another"})
    assert not matches("CodecommitRule", change(event, {"detail.referenceType": "tag"}), parameters)


@pytest.mark.parametrize("alarm", ["drift", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:drift"])
def test_an_alarm_is_let_through_by_name_or_arn_when_it_goes_off(alarm: str) -> None:
    event = SAMPLES["alarm"].event
    assert matches("AlarmRule", event, deployed({"triggerAlarm": alarm}))
    assert not matches("AlarmRule", event, deployed({"triggerAlarm": alarm + "2"}))
    assert not matches("AlarmRule", change(event, {"detail.state.value": "OK"}), deployed({"triggerAlarm": alarm}))


# A confirmed request


def test_a_confirmed_request_keeps_its_id_and_state_in_both_kinds_of_message() -> None:
    sent = LaunchRequest(Trigger("command"), "plan-1", {"trainmaxrun": 1}, expected=Expected(7, 0, ""))
    confirmed = write_confirmed(sent)
    notification = {
        "Type": "Notification",
        "TopicArn": TOPIC,
        "MessageId": "m",
        "Message": '{"trainmaxrun": 1}',
        "MessageAttributes": {
            "trigger": {"Type": "String", "Value": "command"},
            "confirmed": {"Type": "String", "Value": confirmed},
        },
    }
    detail = {"trigger": "command", "detail": "", "overrides": {"trainmaxrun": 1}, "confirmed": confirmed}
    event = {"id": "e", "source": "sagebuild", "detail-type": "stack/fraud", "detail": detail}
    for message in (notification, event):
        read = read_message(json.dumps(message), "q", TOPIC)
        assert read is not None
        assert (read.id, read.expected, read.overrides) == ("plan-1", Expected(7, 0, ""), {"trainmaxrun": 1})
    broken = detail | {"confirmed": "{}"}
    with pytest.raises(MalformedMessageError, match="confirmed is not the state"):
        read_message(json.dumps(event | {"detail": broken}), "q", TOPIC)
