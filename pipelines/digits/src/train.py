"""Learns to read handwritten digits, and serves the model: one script for SageMaker's scikit-learn container.

Training reads CSV files from the channel ``training``: 64 pixel values (0-16) and the digit in each line. The endpoint
takes the same 64 values a line as text/csv or JSON and answers with the digits.
"""

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

MODEL_FILE = "model.joblib"


def main() -> None:
    """Train as the hyperparameters say, and print the validation accuracy after each epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=64, help="neurons in the hidden layer")
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(given.training.glob("*.csv"))])
    pixels, digits = rows[:, :64], rows[:, 64].astype(int)
    seen, unseen, seen_digits, unseen_digits = train_test_split(pixels, digits, test_size=0.2, random_state=0)
    scaler = MinMaxScaler().fit(seen)
    network = MLPClassifier(hidden_layer_sizes=(given.hidden,), learning_rate_init=given.learning_rate, random_state=0)
    for epoch in range(1, given.epochs + 1):
        network.partial_fit(scaler.transform(seen), seen_digits, classes=range(10))
        accuracy = network.score(scaler.transform(unseen), unseen_digits)
        print(f"epoch {epoch}: loss={network.loss_:.4f} accuracy={accuracy:.4f}", flush=True)
    joblib.dump(make_pipeline(scaler, network), given.model_dir / MODEL_FILE)


def model_fn(model_dir: str) -> object:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


if __name__ == "__main__":
    main()
