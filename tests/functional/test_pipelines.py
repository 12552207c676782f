"""Pipelines of one stack share nothing but the stack."""

from dataclasses import replace

import pytest

from sagebuild.builds.lock import PipelineState, change_state, list_states, read_state
from sagebuild.builds.pipelines import bind_pipeline
from sagebuild.builds.records import Trigger, list_builds
from sagebuild.errors import PipelineNotFoundError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import (
    max_pipeline_length,
    name_endpoint,
    name_execution,
    name_image_tag,
    name_resource,
    name_tuning_job,
    parse_execution_name,
    parse_image_tag,
    parse_resource_name,
    parse_stack_resource,
    parse_tuning_name,
)
from sagebuild.service import Service
from tests.functional.conftest import Stack

VOICE = Trigger("voice")


def create(service: Service, name: str) -> Service:
    """A pipeline without a document."""
    bound = service.for_pipeline(name)
    state = read_state(bound)
    assert change_state(bound, state, replace(state, created_at="2026-01-01T00:00:00+00:00"))
    return bound


def test_each_pipeline_has_its_own_numbers_lock_and_executions(stack: Stack) -> None:
    fraud = create(stack.service, "fraud")
    for service in (stack.service, fraud):
        assert launch_build(service, VOICE).started
        assert launch_build(service, VOICE).waiting == 1
    assert stack.executions() == ["build-1", "build-fraud_1"]
    finish_build(fraud, 1, Ending("FAILED", cause="a test"), lambda _: None)
    assert stack.executions() == ["build-1", "build-fraud_1", "build-fraud_2"]
    assert (read_state(stack.service).running, read_state(fraud).running) == (1, 2)
    assert [record.number for record in list_builds(fraud)] == [2, 1]
    (facts,) = stack.read_texts()
    assert facts.startswith("Build 1 of sagebuild-test/fraud failed")


def test_a_pipeline_is_found_by_its_name_in_any_case(stack: Stack) -> None:
    create(stack.service, "Fraud-2")
    assert bind_pipeline(stack.service, "fraud-2").pipeline == "Fraud-2"
    assert bind_pipeline(stack.service, "default").pipeline == ""
    with pytest.raises(PipelineNotFoundError, match=r"has no pipeline 'churn'; its pipelines are default, Fraud-2\."):
        bind_pipeline(stack.service, "churn")
    with pytest.raises(PipelineNotFoundError, match="does not exist; no build was started"):
        launch_build(stack.service.for_pipeline("churn"), VOICE)


def test_the_states_of_all_pipelines_begin_with_the_default_one(stack: Stack) -> None:
    assert list_states(stack.service) == [PipelineState()]
    create(stack.service, "fraud")
    create(stack.service, "Churn")
    assert [state.pipeline for state in list_states(stack.service)] == ["", "Churn", "fraud"]


@pytest.mark.parametrize("other", ["", "fraud", "fraud-2", "fraud-2-3", "a1b2c3"])
@pytest.mark.parametrize("pipeline", ["", "fraud", "fraud-2", "Z"])
def test_a_name_belongs_to_one_pipeline(stack: Stack, pipeline: str, other: str) -> None:
    own, another = stack.service.for_pipeline(pipeline), stack.service.for_pipeline(other)
    is_same = pipeline == other
    name, execution = name_resource(own, 12), name_execution(own, 12)
    assert parse_stack_resource(own, name) == parse_execution_name(execution) == (pipeline, 12)
    assert parse_resource_name(another, name) == (12 if is_same else None)
    assert parse_tuning_name(another, name_tuning_job(own, 12)) == (12 if is_same else None)
    assert parse_image_tag(another, name_image_tag(own, 12, "training")) == ((12, "training") if is_same else None)
    assert (name_endpoint(own) == name_endpoint(another)) == is_same


@pytest.mark.parametrize("stack_name", ["s", "sagebuild-dev", "a-name-of-forty-four-characters-for-the-stack"])
def test_the_longest_names_fit(stack: Stack, stack_name: str) -> None:
    service = Service(stack.settings | {"STACK_NAME": stack_name}, lambda _: None)
    longest = max_pipeline_length(service)
    assert longest == min(24, 45 - len(stack_name))
    bound = service.for_pipeline("x" * longest)
    assert len(name_resource(bound, 9_999_999)) <= 63
    assert len(name_tuning_job(bound, 999_999)) <= 32
    assert len(name_endpoint(bound)) <= 63
    assert len(name_execution(bound, 9_999_999)) <= 80
