"""Learns the class of each row, and serves the model: one script for SageMaker's scikit-learn container."""

import io
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CLASS = "species"
CATEGORIES = ["island", "sex"]
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
MODEL_FILE = "model.joblib"


def learn(rows: pd.DataFrame) -> Pipeline:
    """Return a model of the rows; a category that is new in a request is allowed."""
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), CATEGORIES), (StandardScaler(), NUMBERS))
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(rows, rows[CLASS])


def model_fn(model_dir: str) -> Pipeline:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


def input_fn(body: str, content_type: str) -> pd.DataFrame:
    """Read a request: lines without a header, or a JSON array of arrays, with the categories before the numbers."""
    if content_type == "application/json":
        return pd.DataFrame(json.loads(body), columns=CATEGORIES + NUMBERS)
    return pd.read_csv(io.StringIO(body), header=None, names=CATEGORIES + NUMBERS)


if __name__ == "__main__":
    data = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAINING"], "train.csv"))
    joblib.dump(learn(data), Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))
