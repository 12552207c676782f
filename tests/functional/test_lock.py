"""The state of a pipeline is stored whole, read consistently, and guards the records of its builds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sagebuild.builds.lock import (
    Pending,
    PipelineState,
    change_state,
    delete_state,
    fingerprint_request,
    list_states,
    read_seen,
    read_state,
    state_key,
)
from sagebuild.builds.records import BuildRecord, Trigger, read_build
from sagebuild.builds.summary import Summary
from tests.functional.conftest import Stack

WHOLE = PipelineState(
    last_number=7,
    running=6,
    pending=Pending(Trigger("upload", "s3://a/b"), 3, "2026-01-01", {"upload": 3}, '{"a": 1}', "abc"),
    version=1,
    unfinished=(5, 6),
    created_at="2026-01-02",
    removed_at="2026-01-03",
    pipeline="fraud",
    summary=Summary(5, "failed", "2026-01-04", 1.5, 4, "2026-01-05", 0.25),
    spoken=("fraud check",),
)


def test_a_state_is_read_as_it_was_written(stack: Stack) -> None:
    fraud = stack.service.for_pipeline("fraud")
    assert change_state(fraud, PipelineState(), WHOLE)
    assert read_state(fraud) == WHOLE
    assert list_states(stack.service) == [PipelineState(), WHOLE]


def test_a_change_of_a_state_that_has_changed_writes_nothing(stack: Stack) -> None:
    fraud = stack.service.for_pipeline("fraud")
    assert change_state(fraud, PipelineState(), WHOLE)
    for version in (0, 2):
        assert not change_state(fraud, replace(WHOLE, version=version), PipelineState(pipeline="fraud"))
    assert read_state(fraud) == WHOLE


def test_each_pipeline_is_listed_once(stack: Stack) -> None:
    assert change_state(stack.service, PipelineState(), PipelineState(last_number=1))
    assert list_states(stack.service) == [PipelineState(last_number=1, version=1)]


def test_a_new_build_does_not_replace_a_record(stack: Stack) -> None:
    first, other = (BuildRecord(1, Trigger(kind), "2026-01-01") for kind in ("voice", "upload"))
    assert change_state(stack.service, PipelineState(), PipelineState(1, running=1), first)
    delete_state(stack.service)
    assert not change_state(stack.service, PipelineState(), PipelineState(1, running=1), other)
    assert read_build(stack.service, 1).trigger == Trigger("voice")
    assert read_state(stack.service) == PipelineState()


def test_a_deleted_pipeline_leaves_nothing_in_the_table(stack: Stack) -> None:
    table = stack.service.settings.builds_table
    others = stack.service.for_pipeline("churn"), stack.service
    for each in (*others, fraud := stack.service.for_pipeline("fraud")):
        for kind in ("stack", "seen", "uses", "change"):
            stack.service.dynamodb.put_item(TableName=table, Item=state_key(each, kind))
    delete_state(fraud)
    left = [(item["kind"]["S"], item["number"]) for item in stack.service.dynamodb.scan(TableName=table)["Items"]]
    numbers = [state_key(each, "stack")["number"] for each in others]
    assert sorted(left, key=str) == sorted(
        ((kind, number) for kind in ("stack", "seen", "uses", "change") for number in numbers), key=str
    )


def test_the_table_is_read_consistently(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    call, reads = stack.service.dynamodb._make_api_call, []  # type: ignore[attr-defined]

    def record(operation: str, arguments: Mapping[str, Any]) -> Any:
        reads.append((operation, arguments.get("ConsistentRead")))
        return call(operation, arguments)

    monkeypatch.setattr(stack.service.dynamodb, "_make_api_call", record)
    read_seen(stack.service, read_state(stack.service))
    list_states(stack.service)
    assert reads == [("GetItem", True), ("GetItem", True), ("Query", True)]


def test_keys_and_fingerprints_stay_those_of_earlier_versions(stack: Stack) -> None:
    assert state_key(stack.service, "stack") == {"kind": {"S": "stack"}, "number": {"N": "0"}}
    assert state_key(stack.service.for_pipeline("fraud"), "seen")["number"] == {"N": "8747678"}
    assert (fingerprint_request("a"), fingerprint_request("a\ud800")) == ("QPieOVtmQi8", "3YdrC0ozEJk")
