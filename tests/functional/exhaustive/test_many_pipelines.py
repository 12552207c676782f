"""Two hundred pipelines with ten thousand builds: no pipeline delays another, and no function makes more calls."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends

from sagebuild.builds.items import to_item
from sagebuild.builds.lock import PipelineState, change_state, list_states, read_state
from sagebuild.builds.records import Trigger, build_key, list_builds, now, read_build, update_build
from sagebuild.builds.status import describe_latest_build
from sagebuild.finish.prune import find_unneeded
from sagebuild.finish.sweep import sweep_builds
from sagebuild.launch.dead_letters import Message
from sagebuild.launch.inbox import take_messages
from sagebuild.launch.start import launch_build
from sagebuild.service import Service
from sagebuild.steps.gate import find_metrics
from tests.functional.conftest import REGION, Stack
from tests.functional.test_inbox import inbox  # noqa: F401 - a fixture
from tests.functional.test_pipelines import create

PIPELINES = 200
BUILDS = 50  # of each pipeline
VOICE = Trigger("voice")
BATCH = 1000
UPLOADS = 10_000


def upload(pipeline: str, number: int) -> Message:
    """EventBridge's event of an upload to a pipeline's folder."""
    detail = {"bucket": {"name": "house-data"}, "object": {"key": f"{pipeline}/train/{number:05}.csv", "size": 5}}
    event = {"id": f"{pipeline}-{number}", "detail-type": "Object Created", "source": "aws.s3", "detail": detail}
    return Message(f"sqs-{pipeline}-{number}", json.dumps(event))


def request(pipeline: str) -> Message:
    """A client's request for a build of a pipeline."""
    detail = {"trigger": "command", "detail": "someone"}
    event = {"id": "one", "source": "sagebuild", "detail-type": f"sagebuild-test/{pipeline}", "detail": detail}
    return Message("sqs-one", json.dumps(event))


@contextmanager
def counted(service: Service) -> Iterator[Counter[str]]:
    """Count the calls of the table and of Step Functions."""
    calls: Counter[str] = Counter()
    clients: list[Any] = [service.dynamodb, service.stepfunctions]
    made = [client._make_api_call for client in clients]

    def count(make_call: Any) -> Any:
        def call(operation: str, arguments: Any) -> Any:
            calls[operation] += 1
            return make_call(operation, arguments)

        return call

    for client, make_call in zip(clients, made, strict=True):
        client._make_api_call = count(make_call)
    try:
        yield calls
    finally:
        for client, make_call in zip(clients, made, strict=True):
            client._make_api_call = make_call


def test_ten_thousand_uploads_of_one_pipeline_do_not_delay_another(inbox: Stack) -> None:  # noqa: F811
    fraud, churn = create(inbox.service, "fraud"), create(inbox.service, "churn")
    uploads = [upload("fraud", number) for number in range(UPLOADS)]
    batches = [uploads[start : start + BATCH] for start in range(0, UPLOADS, BATCH)]
    batches[5] = [*batches[5][:-1], request("churn")]  # behind 5,999 uploads
    started = None
    for position, batch in enumerate(batches):
        with counted(inbox.service) as calls:
            assert take_messages(inbox.service, batch) == []
        # The names of the pipelines, then for each pipeline state, fingerprints, one write, and the execution's start
        # or the record of the running build.
        assert sum(calls.values()) <= (10 if position == 5 else 6), calls
        if started is None and read_state(churn).running:
            started = position
    assert started == 5
    assert inbox.executions() == ["build-churn_1", "build-fraud_1"]
    pending = read_state(fraud).pending
    assert pending is not None
    assert (read_build(fraud, 1).requests, pending.count) == (BATCH, UPLOADS - BATCH - 1)


def test_a_pipeline_whose_launch_fails_does_not_fail_another(inbox: Stack, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    create(inbox.service, "fraud")
    churn = create(inbox.service, "churn")
    write = inbox.service.dynamodb._make_api_call  # type: ignore[attr-defined]

    def refuse(operation: str, arguments: Any) -> Any:
        if operation == "TransactWriteItems" and "build#fraud" in json.dumps(arguments):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, operation)
        return write(operation, arguments)

    monkeypatch.setattr(inbox.service.dynamodb, "_make_api_call", refuse)
    uploads = [upload("fraud", number) for number in range(20)]
    failed = take_messages(inbox.service, [*uploads, request("churn")], sleep=lambda _: None)
    assert failed == [message.id for message in uploads]
    assert (read_state(churn).running, inbox.executions()) == (1, ["build-churn_1"])


def test_an_upload_belongs_to_the_pipeline_whose_folder_it_is_in(inbox: Stack) -> None:  # noqa: F811
    fraud = create(inbox.service, "fraud")
    key = "unknown/train/x.csv"
    strange = json.loads(upload("fraud", 1).body) | {"id": "strange"}
    strange["detail"]["object"]["key"] = key
    assert take_messages(inbox.service, [Message("strange", json.dumps(strange)), upload("fraud", 1)]) == []
    assert inbox.executions() == ["build-fraud_1"]
    assert read_build(fraud, 1).trigger.detail == "s3://house-data/fraud/train/00001.csv"


def test_a_request_for_an_unknown_pipeline_is_set_aside(inbox: Stack) -> None:  # noqa: F811
    create(inbox.service, "fraud")
    assert take_messages(inbox.service, [request("fruad")]) == []
    message = inbox.service.sqs.receive_message(
        QueueUrl=inbox.settings["DEAD_LETTER_QUEUE_URL"], MessageAttributeNames=["All"]
    )["Messages"][0]
    reason = message["MessageAttributes"]["reason"]["StringValue"]
    assert "sagebuild-test has no pipeline 'fruad'; its pipelines are default, fraud." in reason
    assert inbox.executions() == []


def fill(service: Service, pipelines: int, builds: int, **more: Any) -> None:
    """Pipelines whose builds have all ended and are finished."""
    ended = (now() - timedelta(hours=2)).isoformat()
    done = {"trigger": asdict(VOICE), "created_at": ended, "status": "succeeded", "ended_at": ended}
    item, items = to_item(done | {"notified_at": ended} | more), []
    for position in range(pipelines):
        bound = create(service, f"model-{position}") if position else service
        state = read_state(bound)
        assert change_state(bound, state, replace(state, last_number=builds))
        items += [item | build_key(bound, number) for number in range(1, builds + 1)]
    table = dynamodb_backends["123456789012"][REGION].tables["builds"]  # a second instead of ten
    for each in items:
        table.put_item(each)


def test_the_calls_of_status_sweep_and_launch_do_not_grow(stack: Stack) -> None:
    stack.service.__dict__["codebuild"] = SimpleNamespace(list_builds_for_project=lambda **_: {"ids": []})

    def count() -> list[Counter[str]]:
        found = []
        for act in (
            lambda: sweep_builds(stack.service, now()),
            lambda: describe_latest_build(stack.service),
            lambda: list_states(stack.service),
            lambda: launch_build(stack.service, VOICE),
        ):
            with counted(stack.service) as calls:
                act()
            found.append(calls)
        return found

    fill(stack.service, 1, 1)
    few = count()
    stack.service.dynamodb.delete_item(TableName="builds", Key=build_key(stack.service, 2))
    state = read_state(stack.service)
    assert change_state(stack.service, state, PipelineState(last_number=1))
    fill(stack.service, PIPELINES, BUILDS)
    assert len(list_states(stack.service)) == PIPELINES
    assert len(list_builds(stack.service.for_pipeline("model-199"), 100)) == BUILDS
    assert count() == few


def test_a_build_reads_the_records_that_it_needs_alone(stack: Stack) -> None:
    fill(stack.service, 1, 300, model="model", artifacts="s3://bucket/model.tar.gz", pruned_at="2026-01-01")
    for number in (298, 299, 300):
        update_build(stack.service, number, pruned_at="", job_status="Completed", metrics={"accuracy": number})
    received: list[int] = []
    stack.service.dynamodb.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: received.append(len(parsed["Items"]))
    )
    assert find_metrics(stack.service, "s3://bucket/model.tar.gz") == {"accuracy": 300}
    assert received == [20]
    assert [record.number for record in find_unneeded(stack.service, keep=2, newest=300)] == [298]
    assert received == [20, 3]
