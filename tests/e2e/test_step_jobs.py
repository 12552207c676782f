"""A build from raw rows to the endpoint: split, train, evaluate, gate, score and deploy, compared with scikit-learn."""

import importlib.util
import json
from copy import deepcopy
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split

from sagebuild.client.archives import pack_files
from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.e2e.test_command_line import run
from tests.local.sagemaker_world import pack
from tests.ready_pipelines import FOLDER as PIPELINES
from tests.ready_pipelines import ReadyPipeline

PIPELINE = ReadyPipeline(PIPELINES / "tabular-classification")
SCRIPTS = PIPELINE.folder / "src"
SLOW = "import time; print('waiting', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def rows(deployed: DeployedStack) -> Any:
    """The raw rows, of which some are incomplete, uploaded with a repeated row, and the scripts of the pipeline."""
    file = PIPELINE.folder / "data" / "penguins.csv"
    text = file.read_text(encoding="utf-8")
    source = pack_files((file, file.name) for file in sorted(SCRIPTS.glob("*.py")))
    s3 = deployed.client("s3")
    raw = text + text.splitlines()[1] + "\n"
    s3.put_object(Bucket=deployed.outputs["DataBucket"], Key="penguins/rows.csv", Body=raw.encode())
    s3.put_object(Bucket=deployed.outputs["CodeBucket"], Key="tabular.tar.gz", Body=source)
    s3.put_object(Bucket=deployed.outputs["CodeBucket"], Key="slow.tar.gz", Body=pack({"slow.py": SLOW}))
    return pd.read_csv(file).dropna()


@pytest.fixture
def document() -> dict[str, Any]:
    """The pipeline's document."""
    return deepcopy(PIPELINE.document) | {"trainsourcefile": "tabular.tar.gz", "metrics": []}


def compute_here(rows: Any) -> tuple[Any, dict[str, float]]:
    """The model and the numbers of the report, from the pipeline's own training in this process."""
    spec = importlib.util.spec_from_file_location("tabular_train", SCRIPTS / "train.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    train, test = train_test_split(rows, test_size=0.25, random_state=0, stratify=rows["species"])
    model = module.learn(train)
    classes, answers = test["species"], model.predict(test)
    return model, {
        "evaluation.accuracy": accuracy_score(classes, answers),
        "evaluation.f1": f1_score(classes, answers, average="macro"),
        "evaluation.log_loss": log_loss(classes, model.predict_proba(test)),
        "evaluation.rows": len(test),
    }


def test_raw_rows_become_an_endpoint_and_the_numbers_are_scikit_learn_s(
    stack: DeployedStack, rows: Any, document: dict[str, Any]
) -> None:
    body = rows[["island", "sex", *rows.columns[2:6]]].to_csv(header=False, index=False)
    stack.client("s3").put_object(Bucket=stack.outputs["DataBucket"], Key="score/penguins/a.csv", Body=body.encode())
    scoring = {"batchtransform": {"path": "score/penguins/", "contenttype": "text/csv"}}
    record = stack.build(**document | scoring)
    assert record["status"] == "succeeded", record["reason"]
    model, expected = compute_here(rows)
    assert record["metrics"] == pytest.approx(expected, rel=1e-6)
    assert [(job["name"], job["status"]) for job in record["step_jobs"]] == [
        ("split", "Completed"),
        ("evaluation", "Completed"),
        ("transform", "Completed"),
    ]
    assert read_scores(stack, record) == model.predict(rows).tolist()
    answer = stack.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=body)
    assert json.load(answer["Body"]) == model.predict(rows).tolist()
    (message,) = stack.read_notifications(record["number"])
    assert "for training and the other jobs (at most $" in message
    assert "evaluation.accuracy" in message
    check_package(stack, record)
    check_logs(stack, record)
    check_reuse(stack, document, record)


def read_scores(stack: DeployedStack, record: dict[str, Any]) -> Any:
    """Return the answers in the result of the batch transform."""
    bucket, _, folder = record["step_jobs"][-1]["output"].removeprefix("s3://").partition("/")
    return json.load(stack.client("s3").get_object(Bucket=bucket, Key=f"{folder}a.csv.out")["Body"])


def check_package(stack: DeployedStack, record: dict[str, Any]) -> None:
    """Check that the registry has the numbers of the report in the console's format."""
    package = stack.client("sagemaker").describe_model_package(ModelPackageName=record["model_package"])
    bucket, key = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].removeprefix("s3://").split("/", 1)
    metrics = json.load(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    accuracy = record["metrics"]["evaluation.accuracy"]
    assert metrics["multiclass_classification_metrics"]["evaluation.accuracy"]["value"] == accuracy


def check_logs(stack: DeployedStack, record: dict[str, Any]) -> None:
    """Check that the command shows the lines of all jobs, each with its source."""
    ended = run(stack, "logs", str(record["number"]))
    assert "processing/split/algo-1" in ended.stdout
    assert "processing/evaluation/algo-1" in ended.stdout
    assert "of 345 rows" in ended.stdout


def check_reuse(stack: DeployedStack, document: dict[str, Any], before: dict[str, Any]) -> None:
    """Check that the next build uses the outputs of the first, and evaluates the live model, too."""
    record = stack.build(**document | {"evaluatelive": True, "mustimprove": {"metric": "evaluation.accuracy"}})
    assert (record["status"], record["reason"]) == (
        "withheld",
        f"evaluation.accuracy {before['metrics']['evaluation.accuracy']:g} is no better than the live "
        f"{before['metrics']['evaluation.accuracy']:g}",
    )
    assert [(job["name"], job["status"], job["outputs_of"]) for job in record["step_jobs"]] == [
        ("split", "", before["number"]),
        ("evaluation", "Completed", record["number"]),
        ("evaluation-live", "Completed", record["number"]),
    ]
    assert any(f"its inputs are those of build {before['number']}" in note for note in record["notes"])


def test_a_stopped_build_leaves_no_processing_job(stack: DeployedStack, rows: Any, document: dict[str, Any]) -> None:  # noqa: ARG001
    slow = [{"name": "slow", "script": "slow.py", "source": "slow.tar.gz"}]
    stack.set_parameters(**document | {"processing": slow, "channels": {}, "evaluation": None, "qualitygate": None})
    number = stack.start_by_voice()
    sagemaker = stack.client("sagemaker")

    def list_running() -> Any:
        return sagemaker.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"]

    (job,) = wait_until(list_running)
    ended = run(stack, "stop")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"processing job {job['ProcessingJobName']}" in " ".join(ended.stdout.split())
    record = stack.finish(number)
    assert (record["status"], record["step"]) == ("stopped", "Process Data")
    assert not list_running()


def test_a_failed_job_is_explained(stack: DeployedStack, rows: Any, document: dict[str, Any]) -> None:  # noqa: ARG001
    document["processing"][0]["arguments"] = ["--share", 2]
    record = stack.build(**document)
    assert (record["status"], record["step"]) == ("failed", "Process Data")
    assert record["reason"].startswith("The processing job split failed: ")
    assert "test_size" in record["reason"]
