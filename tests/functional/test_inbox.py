"""A batch of the launch queue is one launch, and no message delays the others."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagebuild.builds.lock import Pending, read_state
from sagebuild.builds.records import Trigger, list_builds, read_build
from sagebuild.builds.status import describe_latest_build
from sagebuild.errors import InvalidValueError, ParameterError
from sagebuild.launch.dead_letters import Message, send_dead_letters
from sagebuild.launch.inbox import take_messages
from sagebuild.launch.start import launch_build, pass_on_lock
from sagebuild.launch.triggers import read_message
from sagebuild.notifications.words import write_message
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.parameters.store import write_document
from sagebuild.plan.dispatch import plan
from tests.functional.conftest import REGION, Stack
from tests.functional.test_launch import lose_writes
from tests.functional.test_pipelines import create

BATCH = 1000
DOCUMENT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}


@pytest.fixture
def inbox(stack: Stack) -> Stack:
    """The stack with the settings of the launch function."""
    stack.settings["LAUNCH_TOPIC_ARN"] = f"arn:aws:sns:{REGION}:123456789012:launch"
    stack.settings["DEAD_LETTER_QUEUE_URL"] = boto3.client("sqs", REGION).create_queue(QueueName="dead")["QueueUrl"]
    write_document(stack.service, DOCUMENT, overwrite=True)
    return stack


def publish(number: int | str, message: Any) -> Message:
    """A message to the launch topic in the queue."""
    text = message if isinstance(message, str) else json.dumps(message)
    topic = f"arn:aws:sns:{REGION}:123456789012:launch"
    envelope = {"Type": "Notification", "MessageId": f"sns-{number}", "TopicArn": topic, "Message": text}
    return Message(f"sqs-{number}", json.dumps(envelope))


def upload(number: int) -> Message:
    """EventBridge's event of an upload."""
    detail = {"bucket": {"name": "house-data"}, "object": {"key": f"train/{number:05}.csv", "size": 5}}
    event = {"id": f"event-{number}", "detail-type": "Object Created", "source": "aws.s3", "detail": detail}
    return Message(f"sqs-{number}", json.dumps(event))


def read_dead_letters(inbox: Stack) -> list[tuple[str, str]]:
    """Body and reason of each dead letter."""
    answer = boto3.client("sqs", REGION).receive_message(
        QueueUrl=inbox.settings["DEAD_LETTER_QUEUE_URL"], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [(m["Body"], m["MessageAttributes"]["reason"]["StringValue"]) for m in answer.get("Messages", [])]


def test_a_batch_is_one_build_and_few_calls_of_the_table(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    make_call = inbox.service.dynamodb._make_api_call  # type: ignore[attr-defined]

    def note(operation: str, arguments: Any) -> Any:
        calls.append(operation)
        return make_call(operation, arguments)

    monkeypatch.setattr(inbox.service.dynamodb, "_make_api_call", note)
    assert take_messages(inbox.service, [upload(n) for n in range(BATCH)]) == []
    assert calls == ["GetItem", "GetItem", "TransactWriteItems"]
    assert take_messages(inbox.service, [upload(n) for n in range(BATCH, 2 * BATCH)]) == []
    assert calls[3:] == ["GetItem", "GetItem", "TransactWriteItems", "GetItem"]
    assert read_build(inbox.service, 1).requests == BATCH
    pending = read_state(inbox.service).pending
    assert pending is not None
    assert (pending.count, pending.kinds, pending.trigger.detail) == (
        BATCH,
        {"upload": BATCH},
        "s3://house-data/train/01000.csv",
    )


def batches(messages: Sequence[Message], size: int) -> Iterator[Sequence[Message]]:
    for begin in range(0, len(messages), size):
        yield messages[begin : begin + size]


def test_ten_thousand_uploads_during_builds_are_two_more_builds(inbox: Stack) -> None:
    launch_build(inbox.service, Trigger("voice"))
    for position, batch in enumerate(batches([upload(n) for n in range(10_000)], BATCH)):
        assert take_messages(inbox.service, batch) == []
        if position == 3:
            assert pass_on_lock(inbox.service, 1) == 2
    assert pass_on_lock(inbox.service, 2) == 3  # starts after the last upload was taken
    assert pass_on_lock(inbox.service, 3) is None
    assert [build.requests for build in list_builds(inbox.service)] == [6000, 4000, 1]
    assert inbox.executions() == ["build-1", "build-2", "build-3"]


def test_a_batch_that_is_delivered_again_changes_nothing(inbox: Stack) -> None:
    messages = [upload(n) for n in range(BATCH)]
    take_messages(inbox.service, messages)
    for state in range(2):  # while its build runs, and when that has ended
        assert take_messages(inbox.service, messages[:: state + 1]) == []
        pass_on_lock(inbox.service, 1)
    assert (read_state(inbox.service).running, read_state(inbox.service).pending) == (None, None)
    assert inbox.executions() == ["build-1"]


def test_a_batch_whose_answer_was_lost_is_counted_once_also_after_another_full_batch(inbox: Stack) -> None:
    launch_build(inbox.service, Trigger("voice"))
    first, second = ([upload(n) for n in range(begin, begin + BATCH)] for begin in (0, BATCH))
    for batch in (first, second, first):  # SQS delivers the first one again, because Lambda's answer was lost
        assert take_messages(inbox.service, batch) == []
    pending = read_state(inbox.service).pending
    assert pending is not None
    assert pending.count == 2 * BATCH


def test_a_batch_parses_the_document_once(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Any] = []

    def parse(text: str, *, overrides: Any, **given: Any) -> BuildParameters:
        parsed.append(overrides)
        return parse_document(text, overrides=overrides, **given)

    monkeypatch.setattr("sagebuild.parameters.overrides.parse_document", parse)
    assert take_messages(inbox.service, [publish(n, {"trainmaxrun": 1 + n % 2}) for n in range(50)]) == []
    assert parsed == [{}, {"trainmaxrun": 1}, {"trainmaxrun": 2}]


def test_unreadable_messages_are_set_aside_with_a_reason_and_delay_no_others(
    inbox: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [Message("sqs-bad", "hello"), publish("worse", '{"train": fals'), publish("worst", {"trainmaxrum": 1})]
    assert take_messages(inbox.service, [bad[0], upload(1), *bad[1:], upload(2)]) == []
    assert read_build(inbox.service, 1).requests == 2
    letters = read_dead_letters(inbox)
    assert sorted(body for body, _ in letters) == sorted(message.body for message in bad)
    reasons = " ".join(reason for _, reason in letters)
    for reason in ("not JSON; publish to the launch topic", "begins like JSON", "did you mean 'trainmaxrun'?"):
        assert reason in reasons
        assert reason in caplog.text


@pytest.mark.parametrize("text", ['{"\\ud800": 1}', '{"trainmaxrun": "\\ud800"}', '{"trainmaxrun\\u0000": 1}'])
def test_text_that_is_not_unicode_harms_no_other_message(inbox: Stack, text: str) -> None:
    assert take_messages(inbox.service, [publish("bad", text), upload(1)]) == []
    assert read_build(inbox.service, 1).requests == 1
    ((_, reason),) = read_dead_letters(inbox)
    assert "".join(reason.splitlines()).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["rollback", "approval", "metrics", "hyperparameters", "trainmaxrun", "framework", "channels"])
OVERRIDES = st.dictionaries(NAMES | st.text(st.characters()), JSON, max_size=3)
EVENT = st.fixed_dictionaries(
    {"source": st.sampled_from(["sagebuild", "aws.s3", "aws.cloudwatch", "other"]), "detail-type": st.text()},
    optional={
        "id": JSON,
        "detail": JSON
        | st.fixed_dictionaries({"trigger": st.sampled_from(["command", "x"]), "overrides": OVERRIDES | JSON}),
    },
)
BODIES = st.one_of(
    st.text(), JSON.map(json.dumps), EVENT.map(json.dumps), OVERRIDES.map(lambda each: publish("any", each).body)
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(BODIES, min_size=20, max_size=20))
def test_no_message_harms_the_others_of_its_batch(inbox: Stack, bodies: list[str]) -> None:
    before = read_state(inbox.service)
    count = before.pending.count if before.pending else 0
    strange = [Message(f"sqs-{index}", body) for index, body in enumerate(bodies)]
    good = [upload(time.monotonic_ns() + index) for index in range(2)]
    assert take_messages(inbox.service, [good[0], *strange, good[1]]) == []
    if before.running:
        pending = read_state(inbox.service).pending
        assert pending is not None
        assert pending.count >= count + 2
    for _, reason in read_dead_letters(inbox):
        assert 0 < len(reason) <= 1000
        assert "".join(reason.splitlines()).isprintable()


def test_an_unexpected_error_sets_aside_its_own_message_only(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(body: str, *rest: str) -> Any:
        if body == "bomb":
            raise RecursionError("too deep: " + 2000 * "\x00é")
        return read_message(body, *rest)

    monkeypatch.setattr("sagebuild.launch.inbox.read_message", read)
    assert take_messages(inbox.service, [upload(1), Message("sqs-bomb", "bomb"), upload(2)]) == []
    assert read_build(inbox.service, 1).requests == 2
    ((body, reason),) = read_dead_letters(inbox)
    assert (body, reason[:59]) == ("bomb", "The launch function failed on this message: RecursionError:")
    assert len(reason) == 1000


def test_an_unexpected_error_of_the_launch_refuses_its_own_request_only(
    inbox: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = inbox.service.dynamodb._make_api_call  # type: ignore[attr-defined]

    def write(operation: str, arguments: Any) -> Any:
        if "bomb" in str(arguments):
            raise RuntimeError("a bug")
        return call(operation, arguments)

    monkeypatch.setattr(inbox.service.dynamodb, "_make_api_call", write)
    bomb = publish(2, {"hyperparameters": {"bomb": 1}})
    assert take_messages(inbox.service, [publish(1, "first"), bomb, publish(3, "third")]) == []
    assert read_build(inbox.service, 1).trigger.detail == "first"
    pending = read_state(inbox.service).pending
    assert pending
    assert (pending.trigger.detail, pending.count) == ("third", 1)
    reason = "The launch function failed on this message: RuntimeError: a bug"
    assert read_dead_letters(inbox) == [(bomb.body, reason)]


def test_a_request_for_the_default_pipeline_does_not_read_the_others(
    inbox: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.service.dynamodb, "get_paginator", None)
    assert take_messages(inbox.service, [publish(1, "hello")]) == []
    assert inbox.executions() == ["build-1"]


def test_a_batch_waits_after_a_lost_write(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    lose_writes(inbox, monkeypatch, 2)
    assert take_messages(inbox.service, [upload(1)], pauses.append) == []
    assert (len(pauses), inbox.executions()) == (2, ["build-1"])


def test_each_pipeline_gets_its_own_messages_and_the_smallest_group_is_first(inbox: Stack) -> None:
    def event(number: int, name: str) -> Message:
        detail = {"trigger": "command", "detail": "a person"}
        content = {"id": str(number), "source": "sagebuild", "detail-type": f"sagebuild-test/{name}", "detail": detail}
        return Message(f"sqs-{number}", json.dumps(content))

    def uploaded(key: str) -> Message:
        return Message(key, upload(1).body.replace("train/00001.csv", key).replace("event-1", key))

    for name in ("Churn", "fraud"):
        create(inbox.service, name)
    keys = ("Churn/train/1.csv", "Churn/1.csv", "other/train/1.csv", "fraud/train/a/train/1.csv", "train/fraud/1.csv")
    messages = [*(event(number, "CHURN") for number in (1, 2)), event(3, "Default"), event(4, ""), event(5, "none")]
    assert take_messages(inbox.service, [*messages, *map(uploaded, keys)]) == []
    builds = [read_build(inbox.service.for_pipeline(name), 1) for name in ("", "Churn", "fraud")]
    assert [build.requests for build in builds] == [3, 3, 1]
    assert builds[2].created_at < min(builds[0].created_at, builds[1].created_at)
    ((body, reason),) = read_dead_letters(inbox)
    assert body == messages[-1].body
    assert "has no pipeline 'none'; its pipelines are default, Churn, fraud." in reason


def test_a_request_that_does_not_fit_an_earlier_one_is_refused(inbox: Stack) -> None:
    service = inbox.service
    launch_build(service, Trigger("voice"))
    spot, short = {"spot": True, "spotmaxwait": 2, "trainmaxrun": 2}, {"trainmaxrun": 3}
    assert take_messages(service, [publish(1, spot), publish(2, short), upload(3)]) == []
    assert take_messages(service, [publish(4, short), publish(5, {"trainvolumesize": 20})]) == []
    pending = read_state(service).pending
    assert pending is not None
    assert (pending.count, json.loads(pending.overrides)) == (3, spot | {"trainvolumesize": 20})
    letters = read_dead_letters(inbox)
    assert sorted(body for body, _ in letters) == [publish(2, short).body, publish(4, short).body]
    for _, reason in letters:
        assert reason.startswith("The request does not fit the earlier ones for the same build.\nspotmaxwait")
    with pytest.raises(InvalidValueError, match="does not fit the earlier ones"):
        launch_build(service, Trigger("voice"), short)
    pass_on_lock(service, 1)
    assert parse_overridden(json.dumps(DOCUMENT), read_build(service, 2).overrides, "SCIKIT").spot


def test_a_later_request_may_not_take_back_the_safeguard_of_an_earlier_one(inbox: Stack) -> None:
    launch_build(inbox.service, Trigger("voice"))
    requests = [{"approval": "manual", "maxcost": 5}, {"approval": "none"}, {"maxcost": 6}, {"maxcost": 4}]
    take_messages(inbox.service, [publish(number, each) for number, each in enumerate(requests)])
    pending = read_state(inbox.service).pending
    assert pending is not None
    assert json.loads(pending.overrides) == {"approval": "manual", "maxcost": 4}
    assert len(read_dead_letters(inbox)) == 2


def test_a_request_that_loosens_a_safeguard_is_refused_from_every_source(inbox: Stack) -> None:
    write_document(inbox.service, DOCUMENT | {"approval": "manual"}, overwrite=True)
    detail = {"trigger": "command", "detail": "a person", "overrides": {"approval": "none"}}
    event = {"id": "1", "source": "sagebuild", "detail-type": "sagebuild-test/", "detail": detail}
    messages = [Message("sqs-event", json.dumps(event)), publish(2, {"approval": "none"})]
    assert take_messages(inbox.service, messages) == []
    assert inbox.executions() == []
    assert [reason[:66] for _, reason in read_dead_letters(inbox)] == [
        'A request for one build may not loosen a safeguard: approval is "m'
    ] * 2
    inbox.settings["OVERRIDES_MAY_LOOSEN"] = "true"
    assert take_messages(inbox.service, messages) == []
    assert json.loads(read_build(inbox.service, 1).overrides) == {"approval": "none"}


def test_a_thousand_refused_messages_are_a_hundred_calls(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def send(Entries: list[Any], **_more: Any) -> Any:  # noqa: N803
        calls.append(len(Entries))
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    monkeypatch.setattr(inbox.service.sqs, "send_message_batch", send)
    assert take_messages(inbox.service, [Message(f"sqs-{n}", "hello") for n in range(1000)]) == []
    assert calls == [10] * 100


def test_batches_of_long_messages_fit_into_a_mebibyte(inbox: Stack) -> None:
    limit = 1024 * 1024
    sizes = [limit, limit - 20, limit // 2, limit // 2, 10, 200_000, limit // 3, limit // 3, limit // 3]
    messages = [Message(f"sqs-{index}", "x" * size) for index, size in enumerate(sizes)]
    assert take_messages(inbox.service, messages) == []
    queue, found = inbox.settings["DEAD_LETTER_QUEUE_URL"], []
    while (
        letters := boto3.client("sqs", REGION)
        .receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages")
    ):
        found += letters
    assert sorted(len(each["Body"]) for each in found) == sorted(sizes)
    assert sum("MessageAttributes" in each for each in found) == len(sizes) - 1


def test_the_reason_of_a_dead_letter_counts_and_takes_the_room_that_is_left(
    inbox: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[Any]] = []

    def send(Entries: list[Any], **_more: Any) -> Any:  # noqa: N803
        batches.append([(len(each["MessageBody"]), each.get("MessageAttributes")) for each in Entries])
        return {}

    def refuse(*sizes: int) -> list[list[int]]:
        batches.clear()
        refused = [(Message(f"sqs-{size}", "x" * size), reason) for size in sizes]
        assert send_dead_letters(inbox.service, refused) == []
        return [[size for size, _ in batch] for batch in batches]

    limit, around = 1024 * 1024, len("reason" + "String")
    monkeypatch.setattr(inbox.service.sqs, "send_message_batch", send)
    reason = "because\x00é"
    assert refuse(limit) == [[limit]]
    assert batches[0][0][1] is None
    for room, text in ((1, "b"), (9, "because "), (10, "because é"), (11, "because é")):
        refuse(limit - around - room)
        assert batches[0][0][1] == {"reason": {"DataType": "String", "StringValue": text}}
    half = limit // 2 - around - 10
    assert refuse(half, half) == [[half, half]]
    assert refuse(half, half + 1) == [[half], [half + 1]]


def test_only_the_failed_messages_of_a_batch_are_delivered_again(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(Entries: list[Any], **_more: Any) -> Any:  # noqa: N803
        failed = [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in Entries[1::4]]
        return {"Successful": [], "Failed": failed}

    monkeypatch.setattr(inbox.service.sqs, "send_message_batch", send)
    messages = [Message(f"sqs-{n}", "hello") for n in range(12)]
    assert take_messages(inbox.service, messages) == ["sqs-1", "sqs-5", "sqs-9", "sqs-11"]


def test_only_an_unsent_dead_letter_is_delivered_again(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox.service.sqs, "send_message_batch", fail_transiently(inbox))
    assert take_messages(inbox.service, [Message("sqs-bad", "hello"), upload(1)]) == ["sqs-bad"]
    assert inbox.executions() == ["build-1"]


def fail_transiently(inbox: Stack) -> Callable[..., Any]:
    """A call that AWS throttles."""

    def call(**_arguments: Any) -> Any:
        error = {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}
        raise inbox.service.dynamodb.exceptions.ClientError(error, "Any")  # type: ignore[arg-type]

    return call


def test_requests_are_delivered_again_when_the_table_does_not_answer(
    inbox: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(inbox.service.dynamodb, "get_item", fail_transiently(inbox))
        bad = Message("sqs-bad", "hello")
        assert take_messages(inbox.service, [upload(1), bad, upload(2)]) == ["sqs-1", "sqs-2"]
    assert len(read_dead_letters(inbox)) == 1
    assert take_messages(inbox.service, [upload(1), upload(2)]) == []
    assert read_build(inbox.service, 1).requests == 2


def test_only_messages_that_need_the_unreadable_document_are_delivered_again(
    inbox: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox.service.ssm, "get_parameter", fail_transiently(inbox))
    assert take_messages(inbox.service, [publish(1, {"trainmaxrun": 1}), upload(2)]) == ["sqs-1"]
    assert read_build(inbox.service, 1).trigger.kind == "upload"


def test_the_test_message_of_s3_starts_no_build(inbox: Stack) -> None:
    assert take_messages(inbox.service, [publish(1, {"Service": "Amazon S3", "Event": "s3:TestEvent"})]) == []
    assert (inbox.executions(), read_dead_letters(inbox)) == ([], [])


def test_overrides_are_for_one_build_only_and_the_last_value_wins(inbox: Stack) -> None:
    service = inbox.service
    take_messages(service, [publish(1, {"trainmaxrun": 2})])
    take_messages(service, [publish(2, {"trainmaxrun": 3, "hyperparameters": {"depth": 4}}), upload(3)])
    take_messages(service, [publish(4, {"trainmaxrun": 5}), publish(5, "and once more")])
    assert json.loads(read_build(service, 1).overrides) == {"trainmaxrun": 2}
    pass_on_lock(service, 1)
    second = read_build(service, 2)
    assert json.loads(second.overrides) == {"trainmaxrun": 5, "hyperparameters": {"depth": 4}}
    assert (second.requests, second.request_kinds) == (4, {"topic": 3, "upload": 1})
    take_messages(service, [upload(6)])
    pass_on_lock(service, 2)
    assert read_build(service, 3).overrides == ""

    parameters = parse_overridden(json.dumps(DOCUMENT), second.overrides, "SCIKIT")
    assert (parameters.trainmaxrun, parameters.hyperparameters) == (5, {"depth": 4})


def test_overrides_are_accepted_when_the_stored_document_is_invalid(inbox: Stack) -> None:
    write_document(inbox.service, DOCUMENT | {"trainmaxrun": -1}, overwrite=True)
    take_messages(inbox.service, [publish(1, {"trainvolumesize": 20})])
    assert (inbox.executions(), read_dead_letters(inbox)) == (["build-1"], [])
    with pytest.raises(ParameterError, match=r"(?s)trainmaxrun is -1.*\(The request for this build set trainvol"):
        plan(inbox.service, 1)


def test_overrides_too_long_for_a_document_are_refused(inbox: Stack) -> None:
    take_messages(inbox.service, [publish(1, {"hyperparameters": {"text": "x" * 9000}})])
    assert inbox.executions() == []
    assert "they may have at most 8192" in read_dead_letters(inbox)[0][1]


def test_status_and_notification_name_the_pending_requests(inbox: Stack) -> None:
    service = inbox.service
    launch_build(service, Trigger("voice", "a person"))
    take_messages(service, [upload(n) for n in range(3)] + [publish("x", {"trainmaxrun": 2})])
    waiting = describe_latest_build(service).waiting
    assert isinstance(waiting, Pending)
    assert (waiting.count, waiting.trigger.kind, waiting.kinds) == (4, "upload", {"upload": 3, "topic": 1})
    first = write_message(service, replace(read_build(service, 1), status="succeeded"))
    assert "Started by: voice (a person)." in first
    who = "upload (s3://house-data/train/00000.csv), the first of 4 requests (1 topic, 3 upload)"
    assert f"Next: another build starts, requested by {who}; first requested at 20" in first
    pass_on_lock(service, 1)
    second = write_message(service, replace(read_build(service, 2), status="failed"))
    assert f"Started by: {who}; first requested at 20" in second
    assert 'Parameters for this build only: {"trainmaxrun": 2}' in second
    assert "Next:" not in second


@pytest.mark.parametrize(("wanted", "rollback"), [("previous", "previous"), (12, "12"), (" Previous ", "previous")])
def test_a_message_asks_for_one_rollback(inbox: Stack, wanted: Any, rollback: str) -> None:
    for _ in range(2):
        assert take_messages(inbox.service, [publish(1, {"rollback": wanted})]) == []
    (record,) = list_builds(inbox.service, 10)
    assert record.trigger == Trigger("topic", rollback=rollback)
    assert read_dead_letters(inbox) == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"rollback": "yesterday"}, 'it must be "previous" or the number of a build.'),
        ({"rollback": ""}, 'it must be "previous" or the number of a build.'),
        ({"rollback": 0}, 'it must be "previous" or the number of a build.'),
        ({"rollback": "9" * 4301}, 'it must be "previous" or the number of a build.'),
        ({"rollback": "٣"}, 'it must be "previous" or the number of a build.'),
        ({"rollback": 3, "trainmaxrun": 1}, "request only one of them."),
    ],
)
def test_a_message_with_an_invalid_rollback_target_is_set_aside(inbox: Stack, message: Any, reason: str) -> None:
    assert take_messages(inbox.service, [publish(1, message)]) == []
    ((_, actual),) = read_dead_letters(inbox)
    assert actual.endswith(reason)
    assert list_builds(inbox.service, 10) == []


def test_a_rollback_does_not_wait_for_a_build(inbox: Stack) -> None:
    assert take_messages(inbox.service, [publish(1, "build")]) == []
    assert take_messages(inbox.service, [upload(2), publish(3, {"rollback": "previous"})]) == []
    ((_, actual),) = read_dead_letters(inbox)
    assert actual.startswith("Build 1 is running, and a rollback does not wait for its end")
    pending = read_state(inbox.service).pending
    assert pending
    assert (pending.count, pending.trigger.kind) == (1, "upload")
