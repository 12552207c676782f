"""The names by which people call a pipeline when they speak: where they are stored, and which pipeline they find."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.lock import PipelineState, change_state, read_state
from sagebuild.builds.pipelines import record_spoken_names
from sagebuild.client.document import Parameters
from sagebuild.errors import PreflightError
from sagebuild.launch.start import launch_build
from sagebuild.parameters.store import write_document
from sagebuild.plan.dispatch import plan
from sagebuild.service import Service
from sagebuild.voice.pipelines import MAX_ENTITIES, Pipelines, read_pipelines
from tests.functional.conftest import FakeQuotas, Stack
from tests.functional.test_pipelines import VOICE, create

DOCUMENT = {"framework": "SCIKIT", "trainentrypoint": "a.py", "trainsourcefile": "a.tar.gz"}


def create_pipeline(service: Service, name: str, *spoken: str) -> Service:
    """A pipeline with a document and these spoken names."""
    bound = create(service, name)
    write_document(bound, DOCUMENT, overwrite=True)
    Parameters(bound).set(spokennames=list(spoken))
    return bound


@contextmanager
def counting(service: Service) -> Iterator[list[str]]:
    """Record the DynamoDB calls."""
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    service.dynamodb.meta.events.register("before-call", count)
    yield calls
    service.dynamodb.meta.events.unregister("before-call", count)


def test_a_change_of_the_document_stores_the_spoken_names(stack: Stack) -> None:
    fraud = create_pipeline(stack.service, "fraud", "card fraud")
    assert read_state(fraud).spoken == ("card fraud",)
    text = json.dumps(DOCUMENT | {"spokennames": ["Betrug"]})
    Parameters(fraud).replace_text(text)
    assert read_state(fraud).spoken == ("Betrug",)
    Parameters(fraud).remove("spokennames")
    assert read_state(fraud).spoken == ()


def test_a_build_stores_the_spoken_names_of_a_document_that_was_written_elsewhere(stack: Stack) -> None:
    fraud = create(stack.service, "fraud")
    write_document(fraud, DOCUMENT | {"spokennames": ["card fraud"]}, overwrite=True)
    fraud.quotas = FakeQuotas({})
    number = launch_build(fraud, VOICE).number
    with pytest.raises(PreflightError):  # there is no data
        plan(fraud, number)
    state = read_state(fraud)
    assert (state.spoken, state.running) == (("card fraud",), 1)


def test_the_names_are_written_only_when_they_have_changed(stack: Stack) -> None:
    fraud = create_pipeline(stack.service, "fraud", "card fraud")
    version = read_state(fraud).version
    with counting(fraud) as calls:
        record_spoken_names(fraud, ["card fraud"])
    assert (read_state(fraud).version, calls) == (version, ["UpdateItem"])


def test_a_concurrent_change_of_the_state_keeps_new_names(stack: Stack) -> None:
    fraud = create(stack.service, "fraud")
    seen = read_state(fraud)
    record_spoken_names(fraud, ["card fraud"])
    assert not change_state(fraud, seen, replace(seen, last_number=1))
    assert read_state(fraud).spoken == ("card fraud",)


def test_a_pipeline_that_does_not_exist_gets_no_state(stack: Stack) -> None:
    record_spoken_names(stack.service.for_pipeline("churn"), ["leavers"])
    record_spoken_names(stack.service, ["main"])
    assert read_pipelines(stack.service).states == (PipelineState(),)


def test_a_user_who_may_not_write_the_table_may_still_change_the_document(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    fraud = create_pipeline(stack.service, "fraud")

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateItem")

    monkeypatch.setattr(fraud.dynamodb, "update_item", refuse)
    Parameters(fraud).set(spokennames=["card fraud"])
    assert Parameters(fraud)["spokennames"] == ["card fraud"]


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (["fraud"], ["fraud"]),
        (["Card Fraud"], ["fraud"]),
        (["détection des départs"], ["customer-churn"]),
        (["detection des departs"], ["customer-churn"]),
        (["customer churn"], ["customer-churn"]),
        (["解約"], ["customer-churn"]),
        (["default"], [""]),
        (["main"], [""]),
        (["churn", "nothing"], ["churn"]),  # a name, and a spoken name of another pipeline
        (["models"], ["customer-churn", "fraud"]),
        (["nothing", "fraud"], ["fraud"]),
        (["nothing"], []),
        (["!"], []),
    ],
)
def test_a_pipeline_is_found_by_what_was_heard(heard: list[str], found: list[str]) -> None:
    pipelines = Pipelines(
        (
            PipelineState(last_number=1, spoken=("main",)),
            PipelineState(pipeline="churn", version=1),
            PipelineState(
                pipeline="customer-churn", version=1, spoken=("churn", "Détection des départs", "解約", "models")
            ),
            PipelineState(pipeline="fraud", version=1, spoken=("card fraud", "models")),
        )
    )
    assert pipelines.find(heard) == found


def test_two_hundred_pipelines_are_one_query_and_a_hundred_entities(stack: Stack) -> None:
    for number in range(200):
        create(stack.service, f"model-{number}")
    record_spoken_names(stack.service.for_pipeline("model-7"), ["seven"])
    launch_build(stack.service.for_pipeline("model-199"), VOICE)
    with counting(stack.service) as calls:
        pipelines = read_pipelines(stack.service)
    entities = pipelines.list_entities()
    assert calls == ["Query"]
    assert sum(map(len, entities.values())) == len(entities) == MAX_ENTITIES
    assert next(iter(entities)) == "model-199"
    assert pipelines.find(["seven"]) == ["model-7"]


def test_spoken_names_take_the_room_that_names_leave() -> None:
    spoken = tuple(f"name {number}" for number in range(20))
    states = [PipelineState(pipeline=f"p{number}", version=1, spoken=spoken) for number in range(10)]
    entities = Pipelines((PipelineState(), *states)).list_entities()
    assert sum(map(len, entities.values())) == MAX_ENTITIES
    assert [len(words) for words in entities.values()] == [21, 21, 21, 21, 11, 1, 1, 1, 1, 1]
