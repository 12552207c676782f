"""Training jobs in local/ run scripts, and report their results as on AWS."""

import time
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, TRAINING_LOGS, Trainer, unpack

TRAIN = """
import argparse, json, os
import joblib
import numpy
from sklearn.linear_model import LogisticRegression

parser = argparse.ArgumentParser()
parser.add_argument("--max_iter", type=int)
parser.add_argument("--note")
given = parser.parse_args()
table = numpy.genfromtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "part/table.csv"), delimiter=",")
model = LogisticRegression(max_iter=given.max_iter).fit(table[:, 1:], table[:, 0])
print("accuracy: 0.25")
print(f"accuracy: {model.score(table[:, 1:], table[:, 0])}")
joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "seen.json"), "w") as file:
    json.dump({"note": given.note, "environment": dict(os.environ)}, file)
"""

TRAPS_SIGTERM = """
import os, signal, sys, time

def save(*_):
    open(os.path.join(os.environ["SM_MODEL_DIR"], "saved"), "w").write("half a model")
    sys.exit(0)

signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(600)
"""

IGNORES_SIGTERM = """
import signal, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def world(engine: Engine) -> Trainer:
    return Trainer(engine)


def channel(uri: str, **changes: Any) -> list[dict[str, Any]]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri} | changes
    return [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]


def test_a_training_produces_a_model_metrics_and_output(world: Trainer) -> None:
    world.put("data/part/table.csv", "0,1,2\n0,2,1\n1,8,9\n1,9,8\n")
    metrics = [{"Name": "accuracy", "Regex": r"accuracy: ([0-9.]+)"}]
    name = world.start(
        TRAIN,
        HyperParameters={"max_iter": '"50"', "note": '"a b"', "sagemaker_region": '"us-east-1"'},
        InputDataConfig=channel(f"s3://{world.bucket}/data"),
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics},
        Environment={"COLOUR": "blue"},
    )
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(step["StartTime"] <= step["EndTime"] for step in job["SecondaryStatusTransitions"])
    assert [(one["MetricName"], one["Value"]) for one in job["FinalMetricDataList"]] == [("accuracy", 1.0)]
    assert job["BillableTimeInSeconds"] >= 1
    assert job["TrainingEndTime"] > job["TrainingStartTime"] > job["CreationTime"]
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert model == f"s3://{world.bucket}/out/{name}/output/model.tar.gz"
    assert list(unpack(world.read(model))) == ["model.joblib"]
    seen = unpack(world.read(model.replace("model.tar.gz", "output.tar.gz")))["seen.json"].decode()
    assert '"note": "a b"' in seen
    assert '"COLOUR": "blue"' in seen
    assert '"SM_HP_MAX_ITER": "50"' in seen
    assert '"SM_CHANNELS": "[\\"train\\"]"' in seen
    assert "sagemaker_region" not in seen


def test_a_manifest_lists_the_objects_of_a_channel(world: Trainer) -> None:
    prefix = f"s3://{world.bucket}/listed/"
    for letter in "abc":
        world.put(f"listed/{letter}.txt", letter)
    manifest = world.put("listed.manifest", f'[{{"prefix": "{prefix}"}}, "a.txt", "c.txt"]')
    script = "import os; print('files:', sorted(os.listdir(os.environ['SM_CHANNEL_TRAIN'])))"
    name = world.start(script, InputDataConfig=channel(manifest, S3DataType="ManifestFile"))
    assert world.finish(name)["TrainingJobStatus"] == "Completed"
    assert "files: ['a.txt', 'c.txt']" in world.read_logs(TRAINING_LOGS, name)


def test_the_error_of_a_failed_script_is_the_failure_reason(world: Trainer) -> None:
    name = world.start(
        "def work():\n    raise ValueError('no rows left\\nin the table')\n\nwork()\n", HyperParameters={"depth": "3"}
    )
    job = world.finish(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    reason = job["FailureReason"]
    assert reason.startswith(
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no rows left\nin the table"'
    )
    assert "train.py --depth 3" in reason
    assert reason.endswith(", exit code: 1")
    assert "ModelArtifacts" not in job or not job["ModelArtifacts"]


def test_logs_can_be_read_while_the_script_runs(world: Trainer) -> None:
    name = world.start(TRAPS_SIGTERM)
    world.wait_for_line(name, "ready")
    job = world.describe(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Training")
    with pytest.raises(ClientError, match="ResourceInUse"):
        world.sagemaker.delete_training_job(TrainingJobName=name)
    world.sagemaker.stop_training_job(TrainingJobName=name)
    world.finish(name)


def test_a_stopped_script_can_save_its_model(world: Trainer) -> None:
    name = world.start(TRAPS_SIGTERM)
    world.wait_for_line(name, "ready")
    world.sagemaker.stop_training_job(TrainingJobName=name)
    job = world.finish(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert unpack(world.read(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"saved": b"half a model"}
    with pytest.raises(ClientError, match="is in status Stopped"):
        world.sagemaker.stop_training_job(TrainingJobName=name)


def test_a_script_that_ignores_sigterm_is_killed(world: Trainer) -> None:
    name = world.start(IGNORES_SIGTERM)
    world.wait_for_line(name, "ready")
    world.sagemaker.stop_training_job(TrainingJobName=name)
    assert world.describe(name)["TrainingJobStatus"] == "Stopping"
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert not job.get("ModelArtifacts")


def test_a_job_is_stopped_at_its_maximum_runtime(world: Trainer) -> None:
    job = world.finish(world.start(TRAPS_SIGTERM, StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_the_error_for_an_unknown_image_names_it(world: Trainer) -> None:
    image = "1.dkr.ecr.us-east-1.amazonaws.com/my-own:1"
    name = world.start("", AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})
    reason = world.finish(name)["FailureReason"]
    assert f"local/ cannot run the image {image}; it runs script-mode images: sagemaker-scikit-learn" in reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"InputDataConfig": channel("s3://no-such-bucket-anywhere/x")}, "Data download failed"),
        ({"HyperParameters": {"sagemaker_program": "other.py"}}, "does not hold other.py"),
        ({"HyperParameters": {"sagemaker_submit_directory": "s3://no-such-bucket-anywhere/x"}}, "cannot be used"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket-anywhere/x"}}, "Artifact upload failed"),
    ],
)
def test_the_failure_reason_names_a_missing_input(world: Trainer, changes: dict[str, Any], reason: str) -> None:
    script = "import os; open(os.path.join(os.environ['SM_MODEL_DIR'], 'saved'), 'w')"
    job = world.finish(world.start(script, **changes))
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_an_ended_job_leaves_no_files(world: Trainer, engine: Engine) -> None:
    name = world.start("print('done')")
    assert world.finish(name)["TrainingJobStatus"] == "Completed"
    assert not (engine.data / "sagemaker" / "us-east-1" / "training" / name).exists()


def test_a_script_cannot_import_the_engine(world: Trainer) -> None:
    job = world.finish(world.start("import local.sagemaker"))
    assert "No module named 'local'" in job["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"RoleArn": "arn:aws:iam::123456789012:role/missing"}, "ValidationException", "Could not assume role"),
    ],
)
def test_an_invalid_request_is_refused(world: Trainer, changes: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        world.start("", **changes)
    assert caught.value.response["Error"]["Code"] == code


def test_a_used_name_is_refused_and_an_unknown_one_is_not_found(world: Trainer) -> None:
    name = world.start("")
    with pytest.raises(ClientError, match="must be unique") as caught:
        world.start("", TrainingJobName=name)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    for call in (world.sagemaker.describe_training_job, world.sagemaker.stop_training_job):
        with pytest.raises(ClientError, match="Requested resource not found"):
            call(TrainingJobName="no-such-job")
    world.finish(name)
    world.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="Requested resource not found"):
        world.describe(name)


def test_jobs_can_be_listed_and_tagged(world: Trainer) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    names = [world.start("", Tags=tags), world.start("raise SystemExit(3)", Tags=tags)]
    failed = world.finish(names[1])
    world.finish(names[0])
    assert failed["FailureReason"].endswith(", exit code: 3")
    listed = world.sagemaker.list_training_jobs(NameContains=names[0])["TrainingJobSummaries"]
    assert [(one["TrainingJobName"], one["TrainingJobStatus"]) for one in listed] == [(names[0], "Completed")]
    everything = world.sagemaker.list_training_jobs(StatusEquals="Failed", MaxResults=100, SortOrder="Descending")
    found = [one["TrainingJobName"] for one in everything["TrainingJobSummaries"]]
    assert found[0] == names[1]
    assert names[0] not in found
    pages = world.sagemaker.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert set(names) <= {one["TrainingJobName"] for page in pages for one in page["TrainingJobSummaries"]}
    world.sagemaker.add_tags(ResourceArn=failed["TrainingJobArn"], Tags=[{"Key": "team", "Value": "b"}])
    kept = world.sagemaker.list_tags(ResourceArn=failed["TrainingJobArn"])["Tags"]
    assert kept == [{"Key": "team", "Value": "b"}]


def test_the_engine_answers_while_a_metric_is_searched_without_end(engine: Engine, world: Trainer) -> None:
    metrics = [{"Name": "endless", "Regex": r"((?:a+)+)\d"}, {"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    job = world.start(
        "print('a' * 5000)\nprint('a' * 5000, 'loss=1')",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics},
    )
    slowest = 0.0
    while world.describe(job)["TrainingJobStatus"] == "InProgress":
        asked = time.monotonic()
        urllib.request.urlopen(f"{engine.endpoint_url}/_local/health", timeout=10).close()
        slowest = max(slowest, time.monotonic() - asked)
    assert 0 < slowest < 1.0
    final = world.finish(job)
    assert final["TrainingJobStatus"] == "Completed"
    assert [(metric["MetricName"], metric["Value"]) for metric in final["FinalMetricDataList"]] == [("loss", 1.0)]
