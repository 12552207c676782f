"""Learns the species of penguins, logs the training to MLflow, and serves the model.

MLflow reads MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME: https://mlflow.org/docs/latest/ml/tracking/
"""

import argparse
import io
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

CLASS = "species"
CATEGORIES = ["island", "sex"]
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
MODEL_FILE = "model.joblib"


def main() -> None:
    """Train as the hyperparameters say, and log the run."""
    import mlflow  # the endpoint does not need it

    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--trees", type=int, default=50)
    given = parser.parse_args()
    rows = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAINING"], "penguins.csv")).dropna()
    seen, unseen = train_test_split(rows, test_size=0.25, random_state=0, stratify=rows[CLASS])
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), CATEGORIES), ("passthrough", NUMBERS))
    forest = RandomForestClassifier(n_estimators=given.trees, max_depth=given.depth, random_state=0)
    model = make_pipeline(columns, forest).fit(seen, seen[CLASS])
    accuracy = model.score(unseen, unseen[CLASS])

    if "MLFLOW_TRACKING_URI" not in os.environ:  # SageMaker stores this folder as output.tar.gz
        folder = Path(os.environ["SM_OUTPUT_DATA_DIR"])
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "penguins")
        mlflow.set_experiment(experiment_id=mlflow.create_experiment(name, (folder / "artifacts").as_uri()))
    with mlflow.start_run(run_name=os.environ.get("TRAINING_JOB_NAME")) as run:
        mlflow.log_params(vars(given) | {"rows": len(seen)})
        mlflow.log_metric("accuracy", accuracy)
        # The default format, skops, refuses trees. MLflow would otherwise search for the requirements for minutes.
        kept = {"serialization_format": "cloudpickle", "pip_requirements": ["scikit-learn", "pandas", "cloudpickle"]}
        mlflow.sklearn.log_model(model, name="model", **kept)
    print(f"accuracy={accuracy:.4f}, run {run.info.run_id} of {mlflow.get_tracking_uri()}", flush=True)
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))


def model_fn(model_dir: str) -> Pipeline:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


def input_fn(body: str, content_type: str) -> pd.DataFrame:
    """Read a request: lines without a header, or a JSON array of arrays, with the categories before the numbers."""
    if content_type == "application/json":
        return pd.DataFrame(json.loads(body), columns=CATEGORIES + NUMBERS)
    return pd.read_csv(io.StringIO(body), header=None, names=CATEGORIES + NUMBERS)


if __name__ == "__main__":
    main()
