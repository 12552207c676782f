"""The cost of a build while it runs and afterwards, and its end when ``maxcost`` is spent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.sagemaker.models import sagemaker_backends

from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.cost.spent import describe_cost, format_cost
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from tests.functional.conftest import REGION, Stack

START = datetime(2026, 11, 26, 10, tzinfo=UTC)
PLANNED: dict[str, Any] = {
    "prices_date": "2026-05-20",
    "cost_max": 0.512,
    "training_hourly_cost": 0.128,
    "endpoint_hourly_cost": 0.06,
    "cost_left_out": ["Storage is left out."],
}


@pytest.fixture
def planned(stack: Stack) -> Stack:
    """A stack whose first build has been planned."""
    launch_build(stack.service, Trigger("voice"))
    update_build(stack.service, 1, **PLANNED)
    return stack


def train(stack: Stack, status: str, secondary: str, minutes: float | None) -> None:
    """The build's training, which took so long or is running."""
    name = name_resource(stack.service, 1)
    stack.service.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": "image:1", "TrainingInputMode": "File"},
        RoleArn=stack.settings["TRAINING_ROLE_ARN"],
        OutputDataConfig={"S3OutputPath": "s3://model/builds"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 1800},
    )
    job = sagemaker_backends["123456789012"][REGION].training_jobs[name]
    job.training_job_status, job.secondary_status, job.training_start_time = status, secondary, START
    job.training_end_time = None if minutes is None else START + timedelta(minutes=minutes)
    if minutes is not None:
        job.billable_time_in_seconds = round(minutes * 60)


def finish(stack: Stack, status: str) -> None:
    finish_build(stack.service, 1, Ending(status, "States.TaskFailed", "{}"), sleep=lambda _: None)


def test_a_running_training_costs_more_by_the_minute(planned: Stack) -> None:
    record = read_build(planned.service, 1)
    assert describe_cost(planned.service, record).spent == 0  # before it was started
    train(planned, "InProgress", "Training", None)
    half = describe_cost(planned.service, record, START + timedelta(minutes=30))
    hour = describe_cost(planned.service, record, START + timedelta(hours=1))
    assert (half.spent, hour.spent) == (0.064, 0.128)
    assert format_cost(hour).startswith(
        "about $0.13 for training (at most $0.51 was planned); the endpoint costs about"
    )


def test_a_build_that_has_ended_shows_its_final_cost(planned: Stack) -> None:
    train(planned, "Completed", "Completed", 15)
    finish(planned, "SUCCEEDED")
    record = read_build(planned.service, 1)
    assert (record.job_seconds, record.cost) == (900, 0.032)
    (facts,) = map(json.loads, planned.read_notifications())
    assert facts["build"]["cost"] == 0.032
    assert (
        "Cost: about $0.03 for training (at most $0.51 was planned); the endpoint costs about $0.06 an hour while it "
        "is up; at prices of 2026-05-20, without storage, transfer, requests and discounts. Storage is left out."
    ) in facts["text"].splitlines()


def test_a_build_that_ended_before_its_plan_has_no_cost(stack: Stack) -> None:
    launch_build(stack.service, Trigger("voice"))
    finish(stack, "FAILED")
    assert read_build(stack.service, 1).cost is None
    (text,) = stack.read_texts()
    assert "Cost:" not in text


def test_the_reason_of_a_training_that_spent_maxcost_names_it(planned: Stack) -> None:
    update_build(planned.service, 1, cost_limit=0.064)
    train(planned, "Stopped", "MaxRuntimeExceeded", 30)
    finish(planned, "FAILED")
    record = read_build(planned.service, 1)
    assert record.reason == (
        "The training was stopped when its cost reached maxcost ($0.06); raise maxcost, train for a shorter "
        "time, or train on a cheaper instance type."
    )
    assert record.cost == 0.064


@pytest.mark.parametrize(("limit", "secondary"), [(None, "MaxRuntimeExceeded"), (0.064, "Stopped")])
def test_the_reason_of_a_training_that_was_stopped_otherwise_does_not_name_maxcost(
    planned: Stack, limit: float | None, secondary: str
) -> None:
    update_build(planned.service, 1, cost_limit=limit)
    train(planned, "Stopped", secondary, 30)
    finish(planned, "FAILED")
    assert "maxcost" not in read_build(planned.service, 1).reason
