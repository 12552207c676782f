"""Amazon's built-in algorithms in local/: stand-ins for three, and a clear error for the others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from sklearn.datasets import load_diabetes, load_iris

from local.sagemaker.images import ALGORITHMS
from tests.engine import ROOT, Engine
from tests.local.sagemaker_world import TRAINING_LOGS, Host, Trainer, wait_until

REGISTRY = "382416733822.dkr.ecr.us-east-1.amazonaws.com"
IRIS = load_iris()
LABEL_FIRST = numpy.column_stack([IRIS.target, IRIS.data])


@pytest.fixture(scope="module")
def trainer(engine: Engine) -> Trainer:
    return Trainer(engine)


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Host]:
    host = Host(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


def to_csv(rows: Any) -> str:
    return "\n".join(",".join(str(value) for value in row) for row in rows)


def train(
    trainer: Trainer, algorithm: str, rows: Any, hyperparameters: dict[str, str], content_type: str, image: str = ""
) -> dict[str, Any]:
    """Train with an algorithm; describe the ended job."""
    uri = trainer.put(f"{algorithm}/train/data.csv", to_csv(rows))
    channel = {"ChannelName": "train", "ContentType": content_type}
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    name = trainer.start(
        {"unused": "by an algorithm"},
        AlgorithmSpecification={
            "TrainingImage": f"{REGISTRY}/{image or f'{algorithm}:1'}",
            "TrainingInputMode": "File",
        },
        HyperParameters=hyperparameters | {"sagemaker_program": None},
        InputDataConfig=[channel | {"DataSource": source}],
    )
    return trainer.finish(name)


def serve(trainer: Trainer, host: Host, algorithm: str, job: dict[str, Any], image: str = "") -> str:
    """Create an endpoint with the model of a training job."""
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = trainer.read_logs(TRAINING_LOGS, job["TrainingJobName"])
    assert any(f"STAND-IN, not Amazon's {algorithm}" in line for line in lines), lines
    artifacts = job["ModelArtifacts"]["S3ModelArtifacts"]
    model = {"Image": f"{REGISTRY}/{image or f'{algorithm}:1'}", "ModelDataUrl": artifacts}
    name = host.begin(host.configure(main=host.model("", **model, Environment={})))
    described = host.settle(name)
    assert described["EndpointStatus"] == "InService", described["FailureReason"]
    return name


def predictions(host: Host, name: str, rows: Any) -> Any:
    answer = host.invoke(name, to_csv(rows), "text/csv", Accept="application/json")
    return json.loads(answer)["predictions"]


@pytest.mark.parametrize("algorithm", [name for name, package in ALGORITHMS.items() if not package])
def test_the_error_for_an_algorithm_without_stand_in_names_it(trainer: Trainer, algorithm: str) -> None:
    job = train(trainer, algorithm, LABEL_FIRST[:1], {}, "text/csv")
    assert job["TrainingJobStatus"] == "Failed"
    assert f"local/ cannot run Amazon's built-in algorithm {algorithm}; it runs on AWS" in job["FailureReason"]


def test_every_algorithm_of_the_sdk_is_known_by_its_repository() -> None:
    tables = json.loads(Path(ROOT, "sagebuild", "images", "images.json").read_text(encoding="utf-8"))["algorithms"]
    assert {row["repository"] for rows in tables.values() for row in rows} == {*ALGORITHMS, "sagemaker-xgboost"}


def test_kmeans_answers_in_the_format_of_the_algorithm(trainer: Trainer, host: Host) -> None:
    job = train(trainer, "kmeans", IRIS.data, {"k": "3", "feature_dim": "4"}, "text/csv;label_size=0")
    name = serve(trainer, host, "kmeans", job)
    found = predictions(host, name, IRIS.data)
    setosa = {entry["closest_cluster"] for entry in found[:50]}
    assert len(setosa) == 1
    assert not setosa & {entry["closest_cluster"] for entry in found[50:]}
    assert all(entry["distance_to_cluster"] > 0 for entry in found)
    request = {"instances": [{"features": list(IRIS.data[0])}, {"data": {"features": {"values": list(IRIS.data[99])}}}]}
    assert host.invoke_json(name, request)["predictions"] == [pytest.approx(found[row]) for row in (0, 99)]
    lines = host.invoke(name, to_csv(IRIS.data[:2]), "text/csv", Accept="application/jsonlines").decode().splitlines()
    assert [json.loads(line) for line in lines] == found[:2]
    line = host.invoke(name, to_csv(IRIS.data[:1]), "text/csv", Accept="text/csv").decode()
    assert [float(value) for value in line.split(",")] == pytest.approx(list(found[0].values()))


@pytest.mark.parametrize("kind", ["binary_classifier", "multiclass_classifier"])
def test_linear_learner_answers_with_scores_and_labels(trainer: Trainer, host: Host, kind: str) -> None:
    rows = LABEL_FIRST[:100] if kind == "binary_classifier" else LABEL_FIRST
    job = train(trainer, "linear-learner", rows, {"predictor_type": kind, "num_classes": "3"}, "text/csv")
    found = predictions(host, serve(trainer, host, "linear-learner", job), rows[:, 1:])
    assert numpy.mean([entry["predicted_label"] for entry in found] == rows[:, 0]) > 0.9
    score = found[0]["score"]
    assert 0 < score < 0.5 if kind == "binary_classifier" else len(score) == 3 and score[0] > 0.5


def test_linear_learner_and_xgboost_answer_regressions_with_scores(trainer: Trainer, host: Host) -> None:
    data = load_diabetes()
    rows = numpy.column_stack([data.target, data.data])
    trees = {"num_round": "20", "objective": "reg:linear", "max_depth": "3"}
    for algorithm, hyperparameters, image in (
        ("linear-learner", {"predictor_type": "regressor"}, "linear-learner:1"),
        ("xgboost", trees, "xgboost:1"),
        ("xgboost", trees, "sagemaker-xgboost:3.2-0"),
    ):
        job = train(trainer, algorithm, rows, hyperparameters, "text/csv", image)
        name = serve(trainer, host, algorithm, job, image)
        scores = [entry["score"] for entry in predictions(host, name, data.data)]
        assert numpy.corrcoef(scores, data.target)[0, 1] > 0.7
        if algorithm == "xgboost":
            bare = host.invoke(name, to_csv(data.data[:2]), "text/csv").decode()
            assert [float(value) for value in bare.split(",")] == pytest.approx(scores[:2])


@pytest.mark.parametrize(
    ("algorithm", "hyperparameters", "content_type", "reason"),
    [
        ("kmeans", {"k": "3"}, "text/csv", "algorithm kmeans needs the hyperparameters feature_dim"),
        ("kmeans", {"k": "3", "feature_dim": "9"}, "text/csv", "feature_dim is 9 and the data has 4 features"),
        ("linear-learner", {"predictor_type": "regressor"}, "application/x-recordio-protobuf", "reads only text/csv"),
        ("linear-learner", {"predictor_type": "other"}, "text/csv", "predictor_type is other"),
        ("xgboost", {"num_round": "2", "objective": "other"}, "text/csv", "Unknown objective function"),
    ],
)
def test_a_stand_in_refuses_an_unsupported_job_with_the_reason(
    trainer: Trainer, algorithm: str, hyperparameters: dict[str, str], content_type: str, reason: str
) -> None:
    job = train(trainer, algorithm, LABEL_FIRST, hyperparameters, content_type)
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]
    wait_until(
        lambda: trainer.read_logs(TRAINING_LOGS, job["TrainingJobName"]),
        lambda lines: any("STAND-IN" in line for line in lines),
    )
