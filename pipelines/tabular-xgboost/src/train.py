"""Learns the mass of penguins, and serves the model: one script for SageMaker's XGBoost container."""

import argparse
import io
import os
from pathlib import Path

import pandas as pd
import xgboost
from columns import FEATURES, TARGET, encode

MODEL_FILE = "model.ubj"


def main() -> None:
    """Train as the hyperparameters say, and print the error on the rows for validation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--max-depth", type=int, default=3)
    parser.add_argument("--eta", type=float, default=0.1)
    given = parser.parse_args()
    train, validation = (
        pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"], f"{name}.csv")) for name in ("train", "validation")
    )
    model = xgboost.XGBRegressor(n_estimators=given.rounds, max_depth=given.max_depth, learning_rate=given.eta)
    model.fit(encode(train), train[TARGET])
    error = ((model.predict(encode(validation)) - validation[TARGET]) ** 2).mean() ** 0.5
    print(f"validation rmse={error:.2f}", flush=True)
    model.save_model(Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))


def model_fn(model_dir: str) -> xgboost.XGBRegressor:
    """Load the trained model; the container calls this once."""
    model = xgboost.XGBRegressor()
    model.load_model(Path(model_dir) / MODEL_FILE)
    return model


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:  # noqa: ARG001
    """Read a request: a penguin in each line, without a header."""
    text = body.decode() if isinstance(body, bytes) else body
    return encode(pd.read_csv(io.StringIO(text), header=None, names=FEATURES))


def predict_fn(rows: pd.DataFrame, model: xgboost.XGBRegressor) -> list[float]:
    """Return the mass of each penguin in g."""
    return [round(float(mass), 1) for mass in model.predict(rows)]


def output_fn(masses: list[float], accept: str) -> str:  # noqa: ARG001
    """Write a line for each penguin."""
    return "\n".join(map(str, masses))


if __name__ == "__main__":
    main()
