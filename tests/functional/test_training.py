"""A build without a training uses the newest model; without any, it fails and says so."""

import json
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


def end_build(stack: Stack, status: str, artifacts: str, image: str = "", **document: Any) -> int:
    """Launch and finish a build; return its number."""
    number = launch_build(stack.service, Trigger("command")).number
    text = json.dumps({"framework": "SCIKIT"} | document)
    update_build(stack.service, number, artifacts=artifacts, parameters=text, inference_image=image)
    finish_build(stack.service, number, Ending(status, "X", "{}"), sleep=lambda _: None)
    return number


def test_the_newest_model_of_a_successful_build_is_used(stack: Stack) -> None:
    end_build(stack, "SUCCEEDED", "s3://model/1.tar.gz")
    newest = end_build(stack, "SUCCEEDED", "s3://model/2.tar.gz")
    update_build(stack.service, newest, job_status="Completed", artifacts_etag="2")
    end_build(stack, "SUCCEEDED", "")
    end_build(stack, "FAILED", "s3://model/4.tar.gz")
    plan = plan_training(BuildContext(stack.service, 5, NOTHING), "")
    assert (plan.mode, plan.artifacts, plan.record) == (
        "none",
        "s3://model/2.tar.gz",
        {"artifacts": "s3://model/2.tar.gz", "artifacts_etag": "2"},
    )
    assert plan.notes == (f"Nothing was trained: the model is from build {newest}, s3://model/2.tar.gz.",)


def test_without_any_model_the_error_says_what_to_do(stack: Stack) -> None:
    end_build(stack, "FAILED", "s3://model/1.tar.gz")
    with pytest.raises(
        ParameterError, match=r"no earlier build has a trained model for SCIKIT 1\.x; train once, or set"
    ):
        plan_training(BuildContext(stack.service, 2, NOTHING), "")


@pytest.mark.parametrize(
    ("wanted", "builds", "found"),
    [
        ({"framework": "SCIKIT", "frameworkversion": "1.2-1"}, [{}, {"frameworkversion": "0.23-1"}], 1),
        ({"framework": "SCIKIT"}, [{}, {"framework": "XGBOOST"}, {"framework": "BYOD"}], 1),
        (
            {"framework": "TENSORFLOW", "tensorflowversion": "2.14"},
            [{"framework": "tensorflow", "tensorflowversion": "2.3.0"}, {"framework": "TENSORFLOW"}],
            1,
        ),
        (
            {"framework": "HUGGINGFACE", "frameworkversion": "4.26.0", "baseframework": "pytorch1.13.1"},
            [
                {"framework": "HUGGINGFACE", "frameworkversion": "4.17", "baseframework": "pytorch1.10"},
                {"framework": "HUGGINGFACE", "frameworkversion": "4.26", "baseframework": "tensorflow2.11"},
            ],
            1,
        ),
        ({"framework": "BYOD", "train": False}, [{"framework": "BYOD"}, {}], 1),
        ({"framework": "AMAZON", "algorithm": "kmeans"}, [{"framework": "AMAZON", "algorithm": "pca"}], None),
        (
            {"framework": "AMAZON", "algorithm": "xgboost", "frameworkversion": "3.0-5"},
            [
                {"framework": "AMAZON", "algorithm": "xgboost", "image": "1.dkr/sagemaker-xgboost:3.2-0"},
                {"framework": "AMAZON", "algorithm": "xgboost", "image": "1.dkr/sagemaker-xgboost:1.7-1"},
                {"framework": "AMAZON", "algorithm": "xgboost", "image": "1.dkr/xgboost:1"},
            ],
            1,
        ),
        (
            {"framework": "AMAZON", "algorithm": "xgboost", "frameworkversion": "0.90-2"},
            [
                {"framework": "AMAZON", "algorithm": "xgboost", "frameworkversion": "1"},
                {"framework": "AMAZON", "algorithm": "xgboost", "frameworkversion": "1.2-2"},
            ],
            1,
        ),
    ],
)
def test_only_a_model_of_the_same_framework_and_major_version_is_used(
    stack: Stack, wanted: dict[str, Any], builds: list[dict[str, Any]], found: int | None
) -> None:
    numbers = [end_build(stack, "SUCCEEDED", f"s3://model/{i}.tar.gz", **each) for i, each in enumerate(builds)]
    context = BuildContext(stack.service, 9, parse_parameters({"skiptrain": True} | wanted))
    if found is None:
        with pytest.raises(ParameterError, match=r"for AMAZON kmeans 1\.x; .* of build 1, is for AMAZON pca 1\.x"):
            plan_training(context, "")
    else:
        assert plan_training(context, "").artifacts == f"s3://model/{numbers.index(found)}.tar.gz"


def test_given_artifacts_come_first(stack: Stack) -> None:
    end_build(stack, "SUCCEEDED", "s3://model/1.tar.gz")
    parameters = parse_parameters({"framework": "SCIKIT", "ModelArtifacts": "s3://model/mine.tar.gz"})
    assert plan_training(BuildContext(stack.service, 2, parameters), "").artifacts == "s3://model/mine.tar.gz"


def test_artifacts_that_do_not_exist_are_refused(stack: Stack) -> None:
    artifacts = "s3://sagebuild-test-model/nowhere/model.tar.gz"
    serving = {
        "framework": "SCIKIT",
        "hostentrypoint": "serve.py",
        "hostsourcefile": "s3://sagebuild-test-code/a.tar.gz",
    }
    parameters = parse_parameters(serving | {"ModelArtifacts": artifacts})
    findings = Findings()
    examine_inputs(BuildContext(stack.service, 1, parameters), artifacts, findings)
    first, second = findings.problems
    assert first.startswith(f"There is no trained model at {artifacts};")
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
    record = read_build(stack.service, number)
    logs, at = stack.service.logs, round(time.time() * 1000)
    logs.create_log_group(logGroupName=TRAINING_LOGS)
    for job, line in (("tuning-1", "loss=0.5"), ("tuning-12", "loss=0.9")):
        place: Any = {"logGroupName": TRAINING_LOGS, "logStreamName": f"{job}/algo-1-{at}"}
        logs.create_log_stream(**place)
        logs.put_log_events(**place, logEvents=[{"timestamp": at, "message": line}])
    assert read_training_log(stack.service, record, "tuning-1") == ["loss=0.5"]
