"""Training jobs, tuning jobs and endpoints in local/ publish an event for every change of their status."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine import Engine
from tests.local.sagemaker_tuner import Tuner
from tests.local.sagemaker_world import SERVE_OWN, Host, Trainer, wait_until
from tests.roles import OPEN_QUEUE


@pytest.fixture(scope="module")
def read_events(engine: Engine) -> Callable[[], list[dict[str, Any]]]:
    """Read all events of SageMaker since the start of this module."""
    events, sqs = engine.client("events"), engine.client("sqs")
    name = f"read_events-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name, Attributes=OPEN_QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    collected: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            collected.extend(json.loads(message["Body"]) for message in messages)
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return collected

    return read


def of(event: dict[str, Any], arn: str) -> bool:
    return bool(event["resources"] == [arn])


def test_a_training_job_publishes_every_step(engine: Engine, read_events: Callable[[], list[dict[str, Any]]]) -> None:
    trainer = Trainer(engine)
    name = trainer.start("", Tags=[{"Key": "team", "Value": "a"}])
    job = trainer.finish(name)

    def reported() -> list[dict[str, Any]]:
        return [event for event in read_events() if of(event, job["TrainingJobArn"])]

    events = wait_until(reported, lambda found: len(found) == 5)
    assert {event["detail-type"] for event in events} == {"SageMaker Training Job State Change"}
    steps = {event["detail"]["SecondaryStatus"]: event["detail"] for event in events}
    assert set(steps) == {"Starting", "Downloading", "Training", "Uploading", "Completed"}
    last = steps["Completed"]
    assert (last["TrainingJobName"], last["TrainingJobStatus"]) == (name, "Completed")
    assert last["Tags"] == {"team": "a"}
    assert last["CreationTime"] == int(job["CreationTime"].timestamp() * 1000)


def test_an_endpoint_publishes_every_status(engine: Engine, read_events: Callable[[], list[dict[str, Any]]]) -> None:
    host = Host(engine)
    name = host.begin(host.configure(main=host.model(SERVE_OWN)))
    arn = host.settle(name)["EndpointArn"]
    host.sagemaker.delete_endpoint(EndpointName=name)

    def reported() -> list[str]:
        return [event["detail"]["EndpointStatus"] for event in read_events() if of(event, arn)]

    statuses = wait_until(reported, lambda found: len(found) == 3)
    assert set(statuses) == {"CREATING", "IN_SERVICE", "DELETING"}


def test_a_tuning_job_publishes_its_start_and_its_end(
    engine: Engine, read_events: Callable[[], list[dict[str, Any]]]
) -> None:
    tuner = Tuner(engine)
    name = tuner.start({"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.2", "0.5"]}]}, Strategy="Grid")
    arn = tuner.finish(name)["HyperParameterTuningJobArn"]

    def reported() -> list[dict[str, Any]]:
        return [event for event in read_events() if of(event, arn)]

    events = wait_until(reported, lambda found: len(found) == 2)
    assert {event["detail-type"] for event in events} == {"SageMaker HyperParameter Tuning Job State Change"}
    ends = {event["detail"]["HyperParameterTuningJobStatus"]: event["detail"] for event in events}
    assert set(ends) == {"InProgress", "Completed"}
    assert ends["Completed"]["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.5"}
