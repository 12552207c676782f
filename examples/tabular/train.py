"""Learns the class of each row, and serves the model: one script for SageMaker's scikit-learn container."""

import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL_FILE = "model.joblib"


def learn(rows: np.ndarray) -> Pipeline:
    """Return a model of rows whose last column is the class."""
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[:, :-1], rows[:, -1])


def model_fn(model_dir: str) -> Pipeline:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


if __name__ == "__main__":
    data = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAINING"], "train.csv"), delimiter=",")
    joblib.dump(learn(data), Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))
