"""A build scores files with its model, trained or not, without an endpoint; compared with scikit-learn here."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.e2e.stack import DeployedStack, wait_until
from tests.e2e.test_command_line import run
from tests.local.sagemaker_world import pack
from tests.ready_pipelines import FOLDER

SCRIPT = """
import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def model_fn(model_dir):
    return joblib.load(Path(model_dir, "model.joblib"))

if __name__ == "__main__":
    rows = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAINING"], "train.csv"), delimiter=",")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[:, :-1], rows[:, -1])
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"], "model.joblib"))
"""
SLOW = """
import time

def input_fn(body, content_type):
    print("waiting", flush=True)
    time.sleep(600)
"""
CSV = {"contenttype": "text/csv", "accept": "text/csv", "split": "Line", "assemble": "Line"}
DOCUMENT: dict[str, Any] = {
    "framework": "SCIKIT",
    "frameworkversion": "1.9-0",
    "trainentrypoint": "train.py",
    "trainsourcefile": "scoring.tar.gz",
    "channels": {"training": {"path": "wine/"}},
    "deployEndpoint": False,
    # The first column is an identifier, which the model does not get.
    "batchtransform": CSV | {"path": "score/wine/", "inputfilter": "$[1:]", "join": "Input", "outputfilter": "$[0,-1]"},
}


@pytest.fixture(scope="module")
def rows(deployed: DeployedStack, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The rows to learn from, uploaded, and their features with an identifier in two files."""
    folder = tmp_path_factory.mktemp("wine")
    script = FOLDER / "xgboost" / "make_data.py"
    subprocess.run([sys.executable, str(script), str(folder / "train.csv")], check=True)
    rows = np.loadtxt(folder / "train.csv", delimiter=",")
    lines = [f"row-{number}," + ",".join(map(repr, row[:-1].tolist())) for number, row in enumerate(rows)]
    files = {
        "wine/train.csv": (folder / "train.csv").read_text(),
        "score/wine/first.csv": "\n".join(lines[:100]),
        "score/wine/more/second.csv": "\n".join(lines[100:]),
    }
    s3 = deployed.client("s3")
    for key, body in files.items():
        s3.put_object(Bucket=deployed.outputs["DataBucket"], Key=key, Body=body.encode())
    archives = {"scoring.tar.gz": {"train.py": SCRIPT}, "slow.tar.gz": {"train.py": SCRIPT + SLOW}}
    for key, content in archives.items():
        s3.put_object(Bucket=deployed.outputs["CodeBucket"], Key=key, Body=pack(dict(content)))
    return rows


def read_scores(stack: DeployedStack, record: dict[str, Any]) -> list[list[str]]:
    """The rows in the results of a build's batch transform, first file first."""
    bucket, _, folder = record["step_jobs"][-1]["output"].removeprefix("s3://").partition("/")
    s3 = stack.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]]
    assert [key.removeprefix(folder) for key in keys] == ["first.csv.out", "more/second.csv.out"]
    text = "".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys)
    return [line.split(",") for line in text.splitlines()]


def test_files_are_scored_with_a_new_and_with_the_newest_model(stack: DeployedStack, rows: Any) -> None:
    record = stack.build(**DOCUMENT)
    assert record["status"] == "succeeded", record["reason"]
    (job,) = record["step_jobs"]
    assert (job["name"], job["kind"], job["status"]) == ("transform", "transform", "Completed")
    assert job["seconds"] > 0
    assert record["cost"] > record["training_hourly_cost"] * record["job_seconds"] / 3600
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[:, :-1], rows[:, -1])
    expected = [[f"row-{number}", f"{label}"] for number, label in enumerate(model.predict(rows[:, :-1]))]
    assert read_scores(stack, record) == expected
    shown = run(stack, "logs", str(record["number"])).stdout
    assert "transform/data-log" in shown
    assert "MaxPayloadInMB=6" in shown
    (message,) = stack.read_notifications(record["number"])
    assert f"the results are in {job['output']}" in message

    again = stack.build(**DOCUMENT | {"skiptrain": True})
    assert again["status"] == "succeeded", again["reason"]
    assert not again.get("training_job")
    assert again["step_jobs"][0]["output"] != job["output"]
    assert read_scores(stack, again) == expected


def test_a_stopped_build_leaves_no_transform_job(stack: DeployedStack, rows: Any) -> None:  # noqa: ARG001
    stack.set_parameters(**DOCUMENT | {"trainsourcefile": "slow.tar.gz"})
    number = stack.start_by_voice()
    sagemaker = stack.client("sagemaker")

    def list_running() -> Any:
        return sagemaker.list_transform_jobs(StatusEquals="InProgress")["TransformJobSummaries"]

    (job,) = wait_until(list_running)
    ended = run(stack, "stop")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "is stopped" in ended.stdout
    described = sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
    assert described["TransformJobStatus"] == "Stopped"
    record = stack.finish(number)
    assert (record["status"], record["step"]) == ("stopped", "Transform Data")
    assert not list_running()
