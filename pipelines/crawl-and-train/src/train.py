"""Learns the species of penguins from the rows of a query, and serves the model.

The columns of the query are the features; the column ``species`` is the class.
"""

import io
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

CLASS = "species"
FEATURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
MODEL_FILE = "model.joblib"


def main() -> None:
    """Print the accuracy in a cross-validation, and train on all rows."""
    folder = Path(os.environ["SM_CHANNEL_TRAINING"])
    rows = pd.concat([pd.read_csv(file) for file in sorted(folder.glob("*.csv"))]).dropna(subset=[CLASS, *FEATURES])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    accuracy = cross_val_score(model, rows[FEATURES], rows[CLASS]).mean()
    print(f"{len(rows)} rows, accuracy={accuracy:.4f}", flush=True)
    joblib.dump(model.fit(rows[FEATURES], rows[CLASS]), Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))


def model_fn(model_dir: str) -> Pipeline:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


def input_fn(body: str, content_type: str) -> pd.DataFrame:
    """Read a request: lines without a header, or a JSON array of arrays."""
    if content_type == "application/json":
        return pd.DataFrame(json.loads(body), columns=FEATURES)
    return pd.read_csv(io.StringIO(body), header=None, names=FEATURES)


if __name__ == "__main__":
    main()
