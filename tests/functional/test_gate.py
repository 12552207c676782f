"""The gate compares the training's metrics with those of the live build."""

from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from sagebuild.parameters import parse_parameters
from sagebuild.service import Service
from sagebuild.steps.gate import check_quality, find_gate_problems
from tests.functional.conftest import Stack, client
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import never_sleep

IMPROVE = {"metric": "accuracy", "margin": 0, "goal": "Maximize"}
ENDED = "2026-01-01T00:00:00+00:00"


class Trainings(FakeHosting):
    """SageMaker with completed trainings and their metrics."""

    def __init__(self) -> None:
        super().__init__(client("sagemaker"))
        self.measured: dict[str, dict[str, float]] = {}

    def describe_training_job(self, TrainingJobName: str) -> Any:  # noqa: N803
        """DescribeTrainingJob."""
        if TrainingJobName not in self.measured:
            return self._rest.describe_training_job(TrainingJobName=TrainingJobName)
        metrics = self.measured[TrainingJobName]
        return {
            "TrainingJobStatus": "Completed",
            "BillableTimeInSeconds": 90,
            "FinalMetricDataList": [{"MetricName": name, "Value": value} for name, value in metrics.items()],
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://model/{TrainingJobName}/model.tar.gz"},
        }


@pytest.fixture
def trainings(stack: Stack) -> Trainings:  # noqa: ARG001
    """SageMaker without trainings."""
    return Trainings()


@pytest.fixture
def service(stack: Stack, trainings: Trainings) -> Service:
    """The service on that SageMaker."""
    return Service(stack.settings, lambda name: trainings if name == "sagemaker" else client(name))


def good_build(service: Service, number: int, **record: Any) -> None:
    """A build that has ended and is live, by its record."""
    launch_build(service, Trigger("voice"))
    name = name_resource(service, number)
    facts: dict[str, Any] = {"endpoint_config": name, "live_after": name, "artifacts": f"s3://model/{name}.tar.gz"}
    update_build(service, number, status="succeeded", ended_at=ENDED, **facts | record)
    finish_build(service, number, Ending("SUCCEEDED"), sleep=never_sleep)


def check(service: Service, number: int, gate: Any = None, improvement: Any = IMPROVE) -> Any:
    return check_quality(service, {"number": number, "qualitygate": gate, "mustimprove": improvement})


def train(service: Service, trainings: Trainings, number: int, accuracy: float) -> None:
    """A build whose training has completed."""
    assert launch_build(service, Trigger("voice")).number == number
    trainings.measured[name_resource(service, number)] = {"accuracy": accuracy}


def test_the_metrics_of_both_models_are_recorded_before_the_deployment(service: Service, trainings: Trainings) -> None:
    good_build(service, 1, metrics={"accuracy": 0.94}, job_status="Completed")
    trainings.settle("InService", name_resource(service, 1))
    train(service, trainings, 2, 0.91)
    for _ in range(2):  # the state machine may repeat it
        verdict = check(service, 2)
        assert (verdict.met, verdict.reason) == (False, "accuracy 0.91 is below the live 0.94")
    record = read_build(service, 2)
    assert (record.metrics, record.live_metrics) == ({"accuracy": 0.91}, {"accuracy": 0.94})
    assert (record.job_status, record.job_seconds) == ("Completed", 90)
    assert record.artifacts.endswith(f"{name_resource(service, 2)}/model.tar.gz")


def test_after_a_rollback_the_earlier_build_is_live(service: Service, trainings: Trainings) -> None:
    good_build(service, 1, metrics={"accuracy": 0.9}, job_status="Completed")
    good_build(service, 2, metrics={"accuracy": 0.99}, job_status="Completed")
    trainings.settle("InService", name_resource(service, 1))
    train(service, trainings, 3, 0.91)
    assert check(service, 3).met
    assert read_build(service, 3).live_metrics == {"accuracy": 0.9}


def test_a_live_model_that_was_trained_by_an_earlier_build_has_that_build_s_metrics(
    service: Service, trainings: Trainings
) -> None:
    good_build(service, 1, metrics={"accuracy": 0.94}, job_status="Completed", artifacts="s3://model/one.tar.gz")
    good_build(service, 2, artifacts="s3://model/one.tar.gz")
    trainings.settle("InService", name_resource(service, 2))
    train(service, trainings, 3, 0.91)
    assert check(service, 3).reason == "accuracy 0.91 is below the live 0.94"


@pytest.mark.parametrize(
    ("status", "config", "note"),
    [
        ("", "", "nothing is live yet"),
        ("Failed", "sagebuild-test-3f2a1c00-1", "nothing is live yet"),
        ("InService", "my-own", "no build made the live endpoint configuration my-own"),
        (
            "InService",
            "sagebuild-test-3f2a1c00-77",
            "no build made the live endpoint configuration sagebuild-test-3f2a1c00-77",
        ),
        ("InService", "sagebuild-test-3f2a1c00-1", "the live model has no accuracy"),
    ],
)
def test_a_note_says_why_there_was_no_comparison(
    service: Service, trainings: Trainings, status: str, config: str, note: str
) -> None:
    good_build(service, 1)
    if status:
        trainings.settle(status, config)
    train(service, trainings, 2, 0.91)
    for _ in range(2):
        assert check(service, 2).met
    assert read_build(service, 2).notes == [f"accuracy was not compared with a live model, because {note}."]


def test_a_build_that_trains_nothing_has_the_metrics_of_its_model(service: Service, trainings: Trainings) -> None:
    good_build(service, 1, metrics={"accuracy": 0.94}, job_status="Completed", artifacts="s3://model/one.tar.gz")
    trainings.settle("InService", name_resource(service, 1))
    launch_build(service, Trigger("voice"))
    update_build(service, 2, artifacts="s3://model/one.tar.gz")
    verdict = check(service, 2, {"metric": "accuracy", "minimum": 0.95, "maximum": None}, None)
    assert verdict.reason == "accuracy 0.94 is below the minimum 0.95"
    record = read_build(service, 2)
    assert (record.metrics, record.job_status) == ({"accuracy": 0.94}, "")


def test_the_plan_refuses_a_gate_on_an_unknown_metric(service: Service) -> None:
    good_build(service, 1, metrics={"accuracy": 0.94}, job_status="Completed", artifacts="s3://model/one.tar.gz")
    metrics = [{"Name": name, "Regex": "(.*)"} for name in ("accuracy", "loss")]
    gates = {"qualitygate": {"metric": "loss", "maximum": 1}, "mustimprove": {"metric": "accuracy"}}
    parameters = parse_parameters({"framework": "SCIKIT", "skiptrain": True, "metrics": metrics, **gates})
    (problem,) = find_gate_problems(BuildContext(service, 1, parameters), "s3://model/one.tar.gz")
    assert problem.startswith(
        "qualitygate.metric is loss, and no build of sagebuild-test trained the model at s3://model/one.tar.gz"
    )
    assert len(list(find_gate_problems(BuildContext(service, 1, parameters), "s3://model/other.tar.gz"))) == 2
    assert list(find_gate_problems(BuildContext(service, 1, parameters), None)) == []


def test_a_withheld_build_is_reported_as_withheld_and_did_not_deploy(stack: Stack, service: Service) -> None:
    launch_build(service, Trigger("voice"))
    output = '{"number": 1, "withheld": "accuracy 0.91 is below the live 0.94"}'
    for _ in range(2):  # the event may be delivered twice
        finish_build(service, 1, Ending("SUCCEEDED", output=output), sleep=never_sleep)
    record = read_build(service, 1)
    assert (record.status, record.reason, record.step) == ("withheld", "accuracy 0.91 is below the live 0.94", "")
    assert not record.has_succeeded
    assert not record.deployed_its_model
    (message,) = stack.read_texts()
    first, second, *_ = message.splitlines()
    assert first.startswith("Build 1 of sagebuild-test was not deployed after ")
    assert second == "Reason: accuracy 0.91 is below the live 0.94"
