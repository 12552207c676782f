"""A build without a training uses the newest model; without any, it fails and says so."""

import time
from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.client.logs import read_training_log
from sagebuild.errors import ParameterError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.notifications.words import write_message
from sagebuild.parameters import parse_parameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.preflight import examine_inputs
from sagebuild.requests.training import plan_training
from sagebuild.running.job import TRAINING_LOGS
from tests.functional.conftest import Stack

NOTHING = parse_parameters({"framework": "SCIKIT", "skiptrain": True})


def end_build(stack: Stack, status: str, artifacts: str) -> int:
    """Launch and finish a build; return its number."""
    number = launch_build(stack.service, Trigger("command")).number
    update_build(stack.service, number, artifacts=artifacts)
    finish_build(stack.service, number, Ending(status, "X", "{}"), sleep=lambda _: None)
    return number


def test_the_newest_model_of_a_successful_build_is_used(stack: Stack) -> None:
    end_build(stack, "SUCCEEDED", "s3://model/1.tar.gz")
    newest = end_build(stack, "SUCCEEDED", "s3://model/2.tar.gz")
    end_build(stack, "SUCCEEDED", "")
    end_build(stack, "FAILED", "s3://model/4.tar.gz")
    plan = plan_training(BuildContext(stack.service, 5, NOTHING), "")
    assert (plan.mode, plan.artifacts, plan.record) == (
        "none",
        "s3://model/2.tar.gz",
        {"artifacts": "s3://model/2.tar.gz"},
    )
    assert plan.notes == (f"Nothing was trained: the model is from build {newest}, s3://model/2.tar.gz.",)


def test_without_any_model_the_error_says_what_to_do(stack: Stack) -> None:
    end_build(stack, "FAILED", "s3://model/1.tar.gz")
    with pytest.raises(ParameterError, match="no earlier build has a trained model; train once, or set"):
        plan_training(BuildContext(stack.service, 2, NOTHING), "")


def test_given_artifacts_come_first(stack: Stack) -> None:
    end_build(stack, "SUCCEEDED", "s3://model/1.tar.gz")
    parameters = parse_parameters({"framework": "SCIKIT", "ModelArtifacts": "s3://model/mine.tar.gz"})
    assert plan_training(BuildContext(stack.service, 2, parameters), "").artifacts == "s3://model/mine.tar.gz"


@pytest.mark.parametrize(("artifacts", "said"), [
    ("s3://sagebuild-test-model/nowhere/model.tar.gz", "There is no trained model at s3://sagebuild-test-model/nowhere"),
    ("s3://another-account/model.tar.gz", "in the bucket another-account, which the endpoint's role cannot read"),
])  # fmt: skip
def test_artifacts_that_cannot_be_served_are_refused(stack: Stack, artifacts: str, said: str) -> None:
    serving = {
        "framework": "SCIKIT",
        "hostentrypoint": "serve.py",
        "hostsourcefile": "s3://sagebuild-test-code/a.tar.gz",
    }
    parameters = parse_parameters(serving | {"ModelArtifacts": artifacts})
    findings = Findings()
    examine_inputs(BuildContext(stack.service, 1, parameters), artifacts, findings)
    first, second = findings.problems
    assert said in first
    assert "s3://sagebuild-test-code/a.tar.gz" in second


def test_the_message_about_a_tuning_names_its_best_training(stack: Stack) -> None:
    number = launch_build(stack.service, Trigger("command")).number
    changes: dict[str, Any] = {"tuning_job": "t-1", "job_status": "Completed", "job_seconds": 90, "trainings": 8}
    update_build(stack.service, number, status="succeeded", trainings_completed=6, **changes)
    assert "Tuning: Completed, 6 of 8 trainings completed, 1 minute 30 seconds billed (t-1)." in write_message(
        stack.service, read_build(stack.service, number)
    )
    best = {"learning-rate": "0.01", "kernel": "rbf"}
    update_build(
        stack.service, number, training_job="t-1-003-abc", metrics={"accuracy": 0.97}, best_hyperparameters=best
    )
    assert (
        "Tuning: Completed, 6 of 8 trainings completed, 1 minute 30 seconds billed; "
        "the best has accuracy 0.97 with kernel rbf, learning-rate 0.01 (t-1-003-abc)."
    ) in write_message(stack.service, read_build(stack.service, number))
    assert best == read_build(stack.service, number).best_hyperparameters


def test_the_log_of_a_training_holds_no_other_trainings_lines(stack: Stack) -> None:
    number = launch_build(stack.service, Trigger("command")).number
    update_build(stack.service, number, tuning_job="tuning", training_job="tuning-1")
    logs, at = stack.service.logs, round(time.time() * 1000)
    logs.create_log_group(logGroupName=TRAINING_LOGS)
    for job, line in (("tuning-1", "loss=0.5"), ("tuning-12", "loss=0.9")):
        place: Any = {"logGroupName": TRAINING_LOGS, "logStreamName": f"{job}/algo-1-{at}"}
        logs.create_log_stream(**place)
        logs.put_log_events(**place, logEvents=[{"timestamp": at, "message": line}])
    assert read_training_log(stack.service, read_build(stack.service, number)) == ["loss=0.5"]
