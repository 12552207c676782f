"""Measures the model on rows that the training has not seen, and writes evaluation.json."""

import json
import tarfile
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.pipeline import Pipeline

CLASS = "species"
FOLDER = Path("/opt/ml/processing")


def measure(model: Pipeline, rows: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of the report."""
    classes, answers = rows[CLASS], model.predict(rows)
    return {
        "accuracy": accuracy_score(classes, answers),
        "f1": f1_score(classes, answers, average="macro"),
        "log_loss": log_loss(classes, model.predict_proba(rows), labels=model.classes_),
        "rows": len(rows),
    }


def main() -> None:
    """Write the report; the build makes metrics of its numbers, such as evaluation.accuracy."""
    with tarfile.open(FOLDER / "model" / "model.tar.gz") as archive:
        model = joblib.load(archive.extractfile("model.joblib"))
    report = measure(model, pd.read_csv(FOLDER / "input" / "test" / "test.csv"))
    (FOLDER / "evaluation" / "evaluation.json").write_text(json.dumps(report), encoding="utf-8")
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
