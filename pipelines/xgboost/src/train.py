"""Learns to classify wines by their chemistry: one script for SageMaker's XGBoost container.

Training reads CSV files from the channel ``training``: 13 measurements and the grower (0, 1 or 2) in each line. The
endpoint takes the 13 measurements a line as text/csv and answers with the growers; the container's own input_fn and
output_fn do all but the rounding.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import xgboost

MODEL_FILE = "model.ubj"


def main() -> None:
    """Train as the hyperparameters say, and print the validation error after each round."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--eta", type=float, default=0.3)
    parser.add_argument("--max-depth", type=int, default=4)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(given.training.glob("*.csv"))])
    rows = np.random.default_rng(0).permutation(rows)
    held_out = len(rows) // 3
    unseen, seen = (xgboost.DMatrix(part[:, :-1], label=part[:, -1]) for part in (rows[:held_out], rows[held_out:]))
    settings = {
        "objective": "multi:softmax",
        "num_class": 3,
        "eta": given.eta,
        "max_depth": given.max_depth,
        "subsample": 0.7,
    }
    booster = xgboost.train(settings, seen, given.rounds, evals=[(unseen, "validation")])
    accuracy = np.mean(booster.predict(unseen) == unseen.get_label())
    print(f"accuracy={accuracy:.4f}", flush=True)
    booster.save_model(given.model_dir / MODEL_FILE)


def model_fn(model_dir: str) -> xgboost.Booster:
    """Load the trained model; the container calls this once."""
    booster = xgboost.Booster()
    booster.load_model(Path(model_dir) / MODEL_FILE)
    return booster


if __name__ == "__main__":
    main()
