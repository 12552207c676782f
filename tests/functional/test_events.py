"""Each change of a build's state is one event, however the build ends and whatever is repeated."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from moto.dynamodb.models import dynamodb_backends

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.events.publish import publish_changes
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.plan.uses import record_live
from sagebuild.running.stop import stop_build
from sagebuild.steps.approval import answer_approval, request_approval
from tests.functional.conftest import REGION, STACK, Stack, client
from tests.functional.test_finish import finish, never_sleep
from tools.generate_event_schema import SCHEMA

VOICE = Trigger("voice")
ORIGIN = {"stack": "staging", "account": "123456789012", "region": REGION, "pipeline": "", "build": 7}
VALIDATOR = Draft202012Validator(
    json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=Draft202012Validator.FORMAT_CHECKER
)


@dataclass
class World:
    """A stack whose table has a stream, and the queue of a rule for all its events."""

    stack: Stack
    queue: str
    _seen: int = 0
    published: list[dict[str, Any]] = field(default_factory=list)

    def read_stream(self) -> list[dict[str, Any]]:
        """The stream's new entries, as Lambda passes them."""
        entries = dynamodb_backends["123456789012"][REGION].get_table("builds").stream_shard.items[self._seen :]
        self._seen += len(entries)
        return [_describe(entry.to_json()) for entry in entries]

    def publish(self) -> list[dict[str, Any]]:
        """Publish the new changes; return the details of all events so far."""
        assert publish_changes(self.stack.service, self.read_stream()) == ""
        self.published += list(self._receive())
        return self.published

    def _receive(self) -> Iterator[dict[str, Any]]:
        sqs = client("sqs")
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                assert event["resources"] == [self.stack.settings["STACK_ID"]]
                VALIDATOR.validate(event["detail"])
                yield event["detail"]

    def states(self) -> list[str]:
        """What was published, in order, as "1 launching"."""
        return [f"{detail['build']} {detail['state']}" for detail in self.publish()]


def _describe(entry: dict[str, Any]) -> dict[str, Any]:
    at = entry["dynamodb"]["ApproximateCreationDateTime"].replace(tzinfo=UTC)
    return entry | {"dynamodb": entry["dynamodb"] | {"ApproximateCreationDateTime": round(at.timestamp())}}


@pytest.fixture
def world(stack: Stack) -> World:
    """A stack with a stream, and a rule like the one of docs/events.md."""
    client("dynamodb").update_table(
        TableName="builds", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    events, queue = client("events"), client("sqs").create_queue(QueueName="events")["QueueUrl"]
    pattern = {"source": ["sagebuild"], "detail-type": ["Build State Change"], "detail": {"stack": [STACK]}}
    events.put_rule(Name="all", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:123456789012:events"}])
    return World(stack, queue)


def plan(world: World, number: int = 1) -> None:
    """Write into the record what the plan of a build writes."""
    update_build(world.stack.service, number, status="running", parameters="{}", notes=[])


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (Ending("SUCCEEDED"), "succeeded"),
        (Ending("FAILED", "AlgorithmError", "it broke"), "failed"),
        (Ending("TIMED_OUT"), "failed"),
        (Ending("ABORTED"), "stopped"),
        (Ending("SUCCEEDED", output='{"withheld": "no better"}'), "withheld"),
    ],
)
def test_each_end_is_one_event(world: World, ending: Ending, outcome: str) -> None:
    launch_build(world.stack.service, VOICE)
    plan(world)
    for _ in range(2):  # Lambda and the sweep repeat the finish
        finish(world.stack, 1, ending)
    assert world.states() == ["1 launching", "1 running", f"1 {outcome}"]
    detail = world.published[-1]
    assert (detail["stack"], detail["previous"], detail["version"]) == (STACK, "running", "1")
    assert detail["reason"] == read_build(world.stack.service, 1).reason
    age = datetime.now(UTC) - datetime.fromisoformat(detail["at"])
    assert -1 < age.total_seconds() < 60


def test_a_stop_is_an_event_before_the_end(world: World) -> None:
    launch_build(world.stack.service, VOICE)
    plan(world)
    stop_build(world.stack.service, wait_seconds=0, requested_by="voice", sleep=never_sleep)
    stop_build(world.stack.service, wait_seconds=0, requested_by="the command line", sleep=never_sleep)
    finish(world.stack, 1, Ending("ABORTED"))
    assert world.states() == ["1 launching", "1 running", "1 stopping", "1 stopped"]
    assert world.published[-1]["message"]["title"] == f"{STACK}: build 1 was stopped"


@pytest.mark.parametrize(
    ("trigger", "origin", "kind"),
    [
        (Trigger("promotion"), ORIGIN, "promotion"),
        (Trigger("voice", rollback="previous"), {}, "rollback"),
    ],
)
def test_a_title_names_what_trains_nothing(world: World, trigger: Trigger, origin: dict[str, Any], kind: str) -> None:
    launch_build(world.stack.service, trigger)
    plan(world)
    update_build(world.stack.service, 1, origin=origin)
    finish(world.stack, 1, Ending("ABORTED"))
    assert world.states()[-1] == "1 stopped"
    assert world.published[-1]["message"]["title"] == f"{STACK}: {kind} 1 was stopped"


def test_requests_during_a_build_are_one_pending_build(world: World) -> None:
    for _ in range(3):
        launch_build(world.stack.service, VOICE)
    finish(world.stack, 1, Ending("SUCCEEDED"))
    assert world.states() == ["1 launching", "2 pending", "1 succeeded", "2 launching"]
    assert [detail["previous"] for detail in world.published] == [None, None, "launching", "pending"]
    assert [detail["trigger"]["requests"] for detail in world.published] == [1, 1, 1, 2]


def test_a_pending_build_that_a_removal_drops_is_an_event(world: World) -> None:
    service = world.stack.service
    for _ in range(2):
        launch_build(service, VOICE)
    state = read_state(service)
    assert change_state(service, state, type(state)(**vars(state) | {"pending": None, "removed_at": "now"}))
    assert world.states() == ["1 launching", "2 pending", "2 dropped"]


def test_an_approval_is_two_events_and_says_how_to_answer(world: World) -> None:
    service = world.stack.service
    launch_build(service, VOICE)
    plan(world)
    facts: dict[str, Any] = {
        "metrics": {"accuracy": 0.91, "<!channel>": 1.0},
        "live_metrics": {"accuracy": 0.89},
        "cost": 0.456,
    }
    update_build(service, 1, **facts)
    for token in ("first", "second"):  # the task is retried, with another token
        request_approval(service, 1, token, 3600, "arn:of:execution", datetime.now(UTC))
    assert world.states() == ["1 launching", "1 running", "1 waiting"]
    message = world.published[-1]["message"]
    assert message["title"] == f"{STACK}: build 1 asks for approval"
    assert "Metrics: &lt;!channel&gt; 1, accuracy 0.91 (live: 0.89)." in message["description"]
    assert "Cost: about $0.46 for training." in message["description"]
    assert "/states/home" in message["description"]
    assert message["next_steps"][0] == f"To deploy the model: `sagebuild approve 1 --stack {STACK}`"
    assert message["text"].startswith(message["title"])
    assert message["text"].endswith(message["next_steps"][-1])
    answer_approval(service, approved=True, by="voice")
    assert world.states()[3:] == ["1 running"]
    approval = world.published[-1]["approval"]
    assert (approval["answer"], approval["by"]) == ("approved", "voice")
    assert world.published[-1]["message"]["title"] == f"{STACK}: build 1 was approved"


def test_a_pipeline_with_a_name_is_named(world: World) -> None:
    stack = world.stack.service
    fraud = stack.for_pipeline("fraud")
    state = read_state(fraud)
    change_state(fraud, state, type(state)(pipeline="fraud", created_at="now"))
    launch_build(fraud, VOICE)
    launch_build(fraud, VOICE)
    record_live(fraud, None)  # the item of the quotas is no build
    assert world.states() == ["1 launching", "2 pending"]
    assert {(each["pipeline"], each["endpoint"]) for each in world.published} == {("fraud", f"{STACK}-fraud")}


def test_lambda_continues_with_the_event_that_was_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    service, put = world.stack.service, world.stack.service.events.put_events
    launch_build(service, VOICE)
    plan(world)
    finish(world.stack, 1, Ending("SUCCEEDED"))
    entries = world.read_stream()

    def put_until_running(Entries: list[Any]) -> Any:  # noqa: N803
        if json.loads(Entries[0]["Detail"])["state"] == "running":
            return {"Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}]}
        return put(Entries=Entries)

    monkeypatch.setattr(service.events, "put_events", put_until_running)
    failed = publish_changes(service, entries)
    monkeypatch.undo()
    numbers = [entry["dynamodb"]["SequenceNumber"] for entry in entries]
    assert publish_changes(service, entries[numbers.index(failed) :]) == ""
    assert world.states() == ["1 launching", "1 running", "1 succeeded"]


def test_a_long_reason_and_many_metrics_fit_into_an_event(world: World) -> None:
    launch_build(world.stack.service, Trigger("topic", "機" * 20_000))
    update_build(world.stack.service, 1, metrics={f"metric {'機' * 200} {index}": float(index) for index in range(400)})
    finish(world.stack, 1, Ending("FAILED", "Error", "機" * 20_000))
    assert world.states() == ["1 launching", "1 failed"]
    detail = world.published[-1]
    assert (len(detail["metrics"]), len(detail["reason"])) == (100, 4000)
    assert {type(value) for value in detail["metrics"].values()} == {float}
    assert len(json.dumps(detail, ensure_ascii=False).encode()) < 240_000


def test_an_event_stays_the_same_when_the_stream_repeats_it(world: World) -> None:
    launch_build(world.stack.service, VOICE)
    entries = world.read_stream()
    for _ in range(2):
        publish_changes(world.stack.service, entries)
    first, second = world.publish()
    assert first == second
