"""Measures the model on rows that the training has not seen, and writes evaluation.json."""

import json
import tarfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss

FOLDER = Path("/opt/ml/processing")


def main() -> None:
    """Write the report; the build makes metrics of its numbers, such as evaluation.accuracy."""
    with tarfile.open(FOLDER / "model" / "model.tar.gz") as archive:
        model = joblib.load(archive.extractfile("model.joblib"))
    rows = np.loadtxt(FOLDER / "input" / "test" / "test.csv", delimiter=",")
    classes, answers = rows[:, -1], model.predict(rows[:, :-1])
    report = {
        "accuracy": accuracy_score(classes, answers),
        "f1": f1_score(classes, answers, average="macro"),
        "log_loss": log_loss(classes, model.predict_proba(rows[:, :-1])),
        "rows": len(rows),
    }
    (FOLDER / "evaluation" / "evaluation.json").write_text(json.dumps(report), encoding="utf-8")
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
