"""Learns the progression of a disease, and serves the model: one script for SageMaker's scikit-learn container.

Training reads CSV files from the channel ``training``: ten measurements and the progression in each line. The endpoint
takes lines with the ten measurements, and answers with one number for each.
"""

import io
import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL_FILE = "model.joblib"


def main() -> None:
    """Print the mean absolute error in a cross-validation, and train on all rows."""
    folder = Path(os.environ["SM_CHANNEL_TRAINING"])
    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(folder.glob("*.csv"))])
    measurements, progression = rows[:, :-1], rows[:, -1]
    model = make_pipeline(StandardScaler(), RidgeCV())
    error = np.abs(cross_val_predict(model, measurements, progression) - progression).mean()
    print(f"mae={error:.4f}", flush=True)
    joblib.dump(model.fit(measurements, progression), Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))


def model_fn(model_dir: str) -> Pipeline:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


def input_fn(body: str | bytes, content_type: str) -> np.ndarray:  # noqa: ARG001
    """Read lines of measurements; also a single line is a table."""
    return np.loadtxt(io.StringIO(body.decode() if isinstance(body, bytes) else body), delimiter=",", ndmin=2)


if __name__ == "__main__":
    main()
