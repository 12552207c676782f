"""Learns to read handwritten digits with a small network: one script for SageMaker's Chainer containers.

Training reads CSV files from the channel ``training``: 64 pixel values (0-16) and the digit in each line. The endpoint
takes the same 64 values a line as text/csv or JSON and answers with the digits. The container's Python 3 is 3.5, which
has no f-strings and no variable annotations.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import chainer
import numpy as np
from chainer import functions, links

MODEL_FILE = "network.npz"


def build_network() -> Any:
    """Return a hidden layer and an output layer for the ten digits."""
    return chainer.Sequential(links.Linear(64, 64), functions.relu, links.Linear(64, 10))


def main() -> None:
    """Train as the hyperparameters say, and print the validation accuracy after each epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    random = np.random.RandomState(0)
    np.random.seed(0)  # Chainer starts its weights from this one
    rows = np.concatenate([np.loadtxt(str(file), delimiter=",") for file in sorted(given.training.glob("*.csv"))])
    rows = random.permutation(rows)
    pixels, digits = (rows[:, :64] / 16).astype(np.float32), rows[:, 64].astype(np.int32)
    held_out = len(rows) // 5
    network = build_network()
    optimizer = chainer.optimizers.Adam(alpha=given.learning_rate).setup(network)
    for epoch in range(1, given.epochs + 1):
        order = random.permutation(np.arange(held_out, len(rows)))
        for start in range(0, len(order), given.batch_size):
            batch = order[start : start + given.batch_size]
            loss = functions.softmax_cross_entropy(network(pixels[batch]), digits[batch])
            network.cleargrads()
            loss.backward()
            optimizer.update()
        accuracy = np.mean(read_digits(pixels[:held_out], network) == digits[:held_out])
        print("epoch", epoch, "accuracy=" + format(accuracy, ".4f"), flush=True)
    chainer.serializers.save_npz(str(given.model_dir / MODEL_FILE), network)


def read_digits(pixels: Any, network: Any) -> Any:
    """Return the digits in rows of pixels from 0 to 1."""
    with chainer.using_config("train", False), chainer.no_backprop_mode():
        return network(pixels).array.argmax(axis=1)


def model_fn(model_dir: str) -> Any:
    """Load the trained model; the container calls this once."""
    network = build_network()
    chainer.serializers.load_npz(str(Path(model_dir) / MODEL_FILE), network)
    return network


def predict_fn(pixels: Any, network: Any) -> Any:
    """Return the digits in lines of 64 pixels from 0 to 16; the container passes a single line as a vector."""
    return read_digits(np.atleast_2d(pixels).astype(np.float32) / 16, network)


if __name__ == "__main__":
    main()
