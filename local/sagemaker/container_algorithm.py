"""Container side of a stand-in for one of Amazon's built-in algorithms, with scikit-learn or XGBoost.

It takes the algorithm's channels (``train`` and ``validation``, text/csv, label first) and hyperparameters, and answers
in the algorithm's response format, so that a pipeline can be tested at no cost. Its results differ from those of
Amazon's implementation, and the log says so.

As a program it trains; sagebuild/container/serve.py calls ``build_responder`` to serve.
"""

import json
import os
import pickle  # of its own models  # nosec B403
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_JSON, _JSON_LINES, _CSV = "application/json", "application/jsonlines", "text/csv"
_MODEL = "model.pickle"
_REQUIRED = {"kmeans": ("k", "feature_dim"), "linear-learner": ("predictor_type",), "xgboost": ("num_round",)}
# label_size=0 in the content type means that there is no label in the first column.
_LABEL_SIZE = re.compile(r"label_size\s*=\s*([01])")
_IMPLEMENTATIONS = {"kmeans": "scikit-learn", "linear-learner": "scikit-learn", "xgboost": "the xgboost package"}

Respond = Callable[[bytes | str, str, str], tuple[bytes, str]]
Prediction = dict[str, Any]


class JobError(Exception):
    """The algorithm refuses the job, or the stand-in does not support it."""


class RequestError(Exception):
    """A request that cannot be served, with the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main(base: Path, algorithm: str) -> int:
    """Train for the job with this folder; return the exit code."""
    _warn(algorithm)
    try:
        given = json.loads((base / "input/config/hyperparameters.json").read_text())
        missing = [name for name in _REQUIRED[algorithm] if name not in given]
        if missing:
            raise JobError(f"algorithm {algorithm} needs the hyperparameters {', '.join(missing)}")
        model = _TRAIN[algorithm](given, *_read_channel(base, "train"), *_read_channel(base, "validation"))
    except (JobError, ValueError) as error:
        reason = f"{type(error).__name__}: {error} (stand-in for {algorithm})"
        (base / "output" / "failure").write_text(reason)
        print(reason, file=sys.stderr, flush=True)
        return 1
    (base / "model" / _MODEL).write_bytes(pickle.dumps(model))
    return 0


def _warn(algorithm: str) -> None:
    print(f"STAND-IN, not Amazon's {algorithm}: this is {_IMPLEMENTATIONS[algorithm]}.", flush=True)


def _read_channel(base: Path, name: str) -> tuple[Any, Any]:
    """The features and labels of a channel; (None, None) without this channel."""
    import numpy

    channels = json.loads((base / "input/config/inputdataconfig.json").read_text())
    if name not in channels:
        if name == "train":
            raise JobError("the channel train is missing")
        return None, None
    content_type = channels[name].get("ContentType") or "(none given)"
    if content_type.partition(";")[0].strip() != _CSV:
        raise JobError(f"the channel {name} has the content type {content_type}; local/ reads only {_CSV}")
    files = sorted(file for file in (base / "input/data" / name).rglob("*") if file.is_file())
    rows = numpy.concatenate([numpy.loadtxt(file, delimiter=",", ndmin=2) for file in files])
    size = _LABEL_SIZE.search(content_type)
    return (rows, None) if size and size.group(1) == "0" else (rows[:, 1:], rows[:, 0])


def _train_kmeans(given: dict[str, str], rows: Any, _labels: Any, *_validation: Any) -> Any:
    from sklearn.cluster import KMeans

    if int(given["feature_dim"]) != rows.shape[1]:
        raise JobError(f"feature_dim is {given['feature_dim']} and the data has {rows.shape[1]} features")
    model = KMeans(n_clusters=int(given["k"]), random_state=0).fit(rows)
    print(f"#quality_metric: host=algo-1, train msd <loss>={model.inertia_ / len(rows):.6f}", flush=True)
    return model


def _train_linear_learner(given: dict[str, str], rows: Any, labels: Any, *_validation: Any) -> Any:
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = given["predictor_type"]
    if kind not in ("binary_classifier", "multiclass_classifier", "regressor"):
        raise JobError(f"predictor_type is {kind}")
    if labels is None:
        raise JobError("the data has no labels")
    learner = LinearRegression() if kind == "regressor" else LogisticRegression(max_iter=1000)
    model = make_pipeline(StandardScaler(), learner).fit(rows, labels)
    print(f"#quality_metric: host=algo-1, train {_score_name(kind)}={model.score(rows, labels):.6f}", flush=True)
    return model


def _score_name(kind: str) -> str:
    return "r2" if kind == "regressor" else "accuracy"


def _train_xgboost(given: dict[str, str], rows: Any, labels: Any, more: Any, more_labels: Any) -> Any:
    import xgboost

    parameters = {name: value for name, value in given.items() if name != "num_round"}
    # The present name of this objective in XGBoost.
    if parameters.get("objective") == "reg:linear":
        parameters["objective"] = "reg:squarederror"
    train = xgboost.DMatrix(rows, label=labels)
    evals = [(train, "train")] + (
        [(xgboost.DMatrix(more, label=more_labels), "validation")] if more is not None else []
    )
    return xgboost.train(parameters, train, int(given["num_round"]), evals=evals)


_TRAIN = {"kmeans": _train_kmeans, "linear-learner": _train_linear_learner, "xgboost": _train_xgboost}


def build_responder(base: Path, algorithm: str) -> Respond:
    """Load the model; return the function that answers one request."""
    _warn(algorithm)
    model = pickle.loads((base / "model" / _MODEL).read_bytes())  # a training of this engine wrote it  # nosec B301

    def respond(body: bytes | str, content_type: str, accept: str) -> tuple[bytes, str]:
        predictions = _PREDICT[algorithm](model, _read_rows(body, content_type))
        accept = accept or (_CSV if algorithm == "xgboost" else _JSON)
        if accept == _JSON:
            return json.dumps({"predictions": predictions}).encode(), accept
        if accept == _JSON_LINES:
            return "".join(json.dumps(entry) + "\n" for entry in predictions).encode(), accept
        if accept == _CSV:
            lines = [",".join(str(value) for value in entry.values()) for entry in predictions]
            # serve_utils.py of sagemaker-xgboost-container: commas, but lines in a transform job
            is_one_line = algorithm == "xgboost" and not os.environ.get("SAGEMAKER_BATCH")
            return ("," if is_one_line else "\n").join(lines).encode(), accept
        raise RequestError(406, f"Unsupported accept type: {accept}")

    return respond


def _read_rows(body: bytes | str, content_type: str) -> Any:
    import numpy

    text = body if isinstance(body, str) else body.decode(errors="replace")
    if content_type == _CSV:
        return numpy.array([[float(value) for value in line.split(",")] for line in text.strip().splitlines()])
    if content_type == _JSON:
        instances = json.loads(text)["instances"]
        return numpy.array([_features(instance) for instance in instances])
    raise RequestError(415, f"local/ reads only {_CSV} and {_JSON}, not {content_type}")


def _features(instance: dict[str, Any]) -> list[float]:
    """``{"features": [...]}`` or ``{"data": {"features": {"values": [...]}}}``."""
    features: Any = instance["features"] if "features" in instance else instance["data"]["features"]["values"]
    return list(features)


def _predict_kmeans(model: Any, rows: Any) -> list[Prediction]:
    distances = model.transform(rows)
    return [{"closest_cluster": float(row.argmin()), "distance_to_cluster": float(row.min())} for row in distances]


def _predict_linear_learner(model: Any, rows: Any) -> list[Prediction]:
    if not hasattr(model, "predict_proba"):
        return [{"score": float(value)} for value in model.predict(rows)]
    scores, labels = model.predict_proba(rows).tolist(), model.predict(rows)
    binary = len(model.classes_) == 2
    return [
        {"score": score[1] if binary else score, "predicted_label": float(label)}
        for score, label in zip(scores, labels, strict=True)
    ]


def _predict_xgboost(model: Any, rows: Any) -> list[Prediction]:
    import xgboost

    return [{"score": value} for value in model.predict(xgboost.DMatrix(rows)).tolist()]


_PREDICT = {"kmeans": _predict_kmeans, "linear-learner": _predict_linear_learner, "xgboost": _predict_xgboost}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
