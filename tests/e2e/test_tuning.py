"""Builds that tune, and builds that deploy what was trained before."""

import json
import re
from typing import Any

import pytest

from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.e2e.test_command_line import run
from tests.local.sagemaker_world import pack

SCRIPT = """
import argparse, os, time
from pathlib import Path
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # or they take longer to wait for each other than to compute
import numpy as np

class Model:
    def __init__(self, weights):
        self.weights = weights

    def predict(self, pixels):
        return (pixels @ self.weights).argmax(axis=1)

def model_fn(model_dir):
    return Model(np.load(Path(model_dir, "weights.npy")))

def descend(pixels, digits, rate, penalty):
    weights, targets = np.zeros((64, 10)), np.eye(10)[digits]
    for _ in range(50):
        scores = np.exp(pixels @ weights)
        slope = pixels.T @ (scores / scores.sum(axis=1, keepdims=True) - targets) / len(pixels)
        weights -= 10 * rate * (slope + 0.0001 * (np.sign(weights) if penalty == "l1" else weights))
    return weights

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--penalty", default="l2")
    parser.add_argument("--trouble", default="")
    given = parser.parse_args()
    print("penalty:", given.penalty, flush=True)
    if given.trouble == "training":
        raise ValueError("the learning rate makes no sense")
    if given.trouble == "endless":
        time.sleep(600)
    rows = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAINING"], "digits.csv"), delimiter=",")
    pixels, digits = rows[:, :64] / 16, rows[:, 64].astype(int)
    model = Model(descend(pixels[:1000], digits[:1000], given.learning_rate, given.penalty))
    print(f"accuracy={np.mean(model.predict(pixels[1000:]) == digits[1000:]):.4f}", flush=True)
    np.save(Path(os.environ["SM_MODEL_DIR"], "weights.npy"), model.weights)
"""
TUNING = {
    "trainsourcefile": "tuning.tar.gz",
    "configtrain": "SAGEMAKERHPO",
    "hyperparameters": {
        "learning-rate": {"MinValue": 0.001, "MaxValue": 0.1, "ScalingType": "Logarithmic"},
        "penalty": {"Values": ["l2", "l1"]},
    },
    "maxtrainingjobs": 4,
    "maxparalleltrainingjobs": 2,
    "tuningobjective": {"Name": "accuracy", "Type": "Maximize"},
}


@pytest.fixture
def tuner(stack: DeployedStack) -> DeployedStack:
    """The service, with a script that has something to tune."""
    archive = pack({"train.py": SCRIPT})
    stack.client("s3").put_object(Bucket=stack.outputs["CodeBucket"], Key="tuning.tar.gz", Body=archive)
    return stack


def trainings(stack: DeployedStack, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The trainings of a build's tuning job."""
    found: list[dict[str, Any]] = stack.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=record["tuning_job"]
    )["TrainingJobSummaries"]
    return found


def with_trouble(trouble: str) -> dict[str, Any]:
    """Hyperparameters whose trainings all have it."""
    return TUNING["hyperparameters"] | {"trouble": trouble}  # type: ignore[operator, no-any-return]


def check_permissions(stack: DeployedStack) -> None:
    """Every call that the service has made was one that its roles allow."""
    calls = [call for call in stack.engine.read_audit()["calls"] if call["role"].startswith(f"{NAME}-")]
    assert "sagemaker:ListTrainingJobsForHyperParameterTuningJob" in {call["action"] for call in calls}
    assert [call for call in calls if not call["allowed"]] == []


def test_the_best_of_a_tuning_is_deployed(tuner: DeployedStack) -> None:
    record = tuner.build(**TUNING)
    assert record["status"] == "succeeded", record["reason"]
    objectives = {
        one["TrainingJobName"]: one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for one in trainings(tuner, record)
    }
    assert len(objectives) == record["trainings"] == record["trainings_completed"] == 4
    assert objectives[record["training_job"]] == max(objectives.values()) == record["metrics"]["accuracy"] > 0.8
    assert set(record["best_hyperparameters"]) == {"learning-rate", "penalty"}
    assert record["best_hyperparameters"]["penalty"] in ("l1", "l2")  # without the quotation marks of JSON
    assert tuner.live_config() == record["live_after"] == record["endpoint_config"]
    assert tuner.ask_endpoint() > 0.8
    model = tuner.client("sagemaker").describe_model(ModelName=record["model"])
    best = tuner.describe_job(record["training_job"])["ModelArtifacts"]["S3ModelArtifacts"]
    assert best == record["artifacts"]
    assert [model["PrimaryContainer"]["ModelDataUrl"]] == [file["uri"] for file in record["model_files"]]
    check_permissions(tuner)
    shown = run(tuner, "show").stdout
    label = record["training_job"].removeprefix(f"{record['tuning_job']}-")
    assert re.search(rf"^{label} +done, best +0\.", shown, re.MULTILINE)
    assert "4 of 4 trials completed.\nBest: " in shown
    result = json.loads(run(tuner, "show", "--json").stdout)
    assert {trial["name"]: trial["objective"] for trial in result["trials"]} == objectives
    assert [trial["name"] for trial in result["trials"] if trial["is_best"]] == [record["training_job"]]
    assert result["curves"]["accuracy"][-1] == pytest.approx(record["metrics"]["accuracy"], abs=1e-6)
    labels = [trial["label"] for trial in result["trials"]]
    lines = [json.loads(line) for line in run(tuner, "logs", "--json").stdout.splitlines()]
    assert {line["part"] for line in lines if line["source"] == "training"} == {f"{label}/algo-1" for label in labels}
    watched = run(tuner, "watch").stdout
    assert re.search(r"^\d\d:\d\d:\d\d Trial \S+: done.*\(4 of 4 completed\)$", watched, re.MULTILINE)
    (message,) = tuner.read_notifications(record["number"])
    assert "Tuning: Completed, 4 of 4 trainings completed" in message
    assert record["cost_max"] == pytest.approx(4 * 4 * record["training_hourly_cost"])  # trainings, hours
    assert record["cost"] == pytest.approx(record["job_seconds"] * record["training_hourly_cost"] / 3600, abs=1e-6)
    assert f"the best has accuracy {record['metrics']['accuracy']:g} with learning-rate " in message


def test_stop_by_voice_stops_the_tuning_and_its_trainings(tuner: DeployedStack) -> None:
    tuner.set_parameters(**TUNING | {"hyperparameters": with_trouble("endless")})
    number = tuner.start_by_voice()
    name = wait_until(lambda: tuner.record(number).get("tuning_job"))
    wait_until(lambda: name in str(tuner.client("sagemaker").list_hyper_parameter_tuning_jobs()))
    running = wait_until(
        lambda: len(trainings(tuner, {"tuning_job": name})) == 2 and trainings(tuner, {"tuning_job": name})
    )
    wait_until(lambda: tuner.describe_job(running[0]["TrainingJobName"])["SecondaryStatus"] == "Training")
    conversation = tuner.converse()
    conversation.say("stop_build")
    assert "stopped too" in conversation.say("yes")
    statuses = {one["TrainingJobName"]: one["TrainingJobStatus"] for one in trainings(tuner, {"tuning_job": name})}
    assert statuses == {one["TrainingJobName"]: "Stopped" for one in running}
    record = tuner.finish(number)
    assert (record["status"], record["reason"], record["step"]) == ("stopped", "Stopped by voice.", "Tune Model")
    assert (record["job_status"], record["trainings_completed"], record["training_job"]) == ("Stopped", 0, "")


def test_a_tuning_whose_trainings_all_fail_says_why(tuner: DeployedStack) -> None:
    record = tuner.build(**TUNING | {"hyperparameters": with_trouble("training"), "maxtrainingjobs": 2})
    assert (record["status"], record["step"], record["job_status"]) == ("failed", "Tune Model", "Failed")
    assert record["reason"].startswith("The training failed: ValueError: the learning rate makes no sense\n")
    assert "SageMaker: All training jobs failed." in record["reason"]
    (message,) = tuner.read_notifications(record["number"])
    assert "Tuning: Failed, 0 of 2 trainings completed" in message


def find_newest_model(stack: DeployedStack) -> dict[str, Any]:
    """Return the record of the newest build that trained a model and succeeded."""
    records = (stack.record(number) for number in range(stack.last_number(), 0, -1))
    return next(record for record in records if record["status"] == "succeeded" and record["artifacts"])


@pytest.mark.usefixtures("serving")
def test_without_a_training_the_newest_good_model_is_deployed_again(stack: DeployedStack) -> None:
    good = find_newest_model(stack)
    assert stack.build(hyperparameters={"trouble": "training"})["status"] == "failed"
    again = stack.build(skiptrain=True)
    assert again["status"] == "succeeded", again["reason"]
    assert again["artifacts"] == good["artifacts"]
    assert again["notes"] == [f"Nothing was trained: the model is from build {good['number']}, {good['artifacts']}."]
    assert (again["training_job"], again["job_status"]) == ("", "")
    assert stack.live_config() == again["endpoint_config"] != good["endpoint_config"]
    (message,) = stack.read_notifications(again["number"])
    assert "Training: none." in message


@pytest.mark.usefixtures("serving")
def test_given_artifacts_are_deployed_without_training(stack: DeployedStack) -> None:
    source, bucket = find_newest_model(stack)["artifacts"].removeprefix("s3://"), stack.outputs["ModelBucket"]
    stack.client("s3").copy_object(Bucket=bucket, Key="mine/model.tar.gz", CopySource=source)
    record = stack.build(ModelArtifacts=f"s3://{bucket}/mine/model.tar.gz")
    assert record["status"] == "succeeded", record["reason"]
    model = stack.client("sagemaker").describe_model(ModelName=record["model"])
    assert record["artifacts"] == f"s3://{bucket}/mine/model.tar.gz"
    assert [model["PrimaryContainer"]["ModelDataUrl"]] == [file["uri"] for file in record["model_files"]]
    assert stack.live_config() == record["endpoint_config"]


@pytest.mark.usefixtures("serving")
def test_a_build_for_the_model_alone_leaves_the_endpoint_alone(stack: DeployedStack) -> None:
    before = stack.live_config()
    record = stack.build(deployEndpoint=False)
    assert (record["status"], record["job_status"], record["endpoint_config"]) == ("succeeded", "Completed", "")
    assert stack.live_config() == before == record["live_after"]
    assert stack.client("sagemaker").describe_model(ModelName=record["model"])
    configs = stack.client("sagemaker").list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
    assert record["model"] not in [config["EndpointConfigName"] for config in configs]
    assert find_newest_model(stack)["number"] == record["number"]
