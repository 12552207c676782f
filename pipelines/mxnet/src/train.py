"""Learns to read handwritten digits with a small Gluon network: one script for SageMaker's MXNet containers.

Training reads CSV files from the channel ``training``: 64 pixel values (0-16) and the digit in each line. The endpoint
takes the same 64 values a row as JSON (this container's own input_fn reads no text/csv) and answers with the digits.
The container looks for the script in the model's own archive; the build puts it there.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon

MODEL_FILE = "network.params"


def build_network() -> Any:
    """Return a hidden layer and an output layer for the ten digits."""
    network = gluon.nn.Sequential()
    network.add(gluon.nn.Dense(64, activation="relu"), gluon.nn.Dense(10))
    return network


def main() -> None:
    """Train as the hyperparameters say, and print the validation accuracy after each epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    mx.random.seed(0)
    rows = np.concatenate([np.loadtxt(str(file), delimiter=",") for file in sorted(given.training.glob("*.csv"))])
    rows = np.random.RandomState(0).permutation(rows).astype("float32")
    pixels, digits = mx.nd.array(rows[:, :64] / 16), mx.nd.array(rows[:, 64])
    held_out = len(rows) // 5
    known = gluon.data.ArrayDataset(pixels[held_out:], digits[held_out:])
    network, loss_of = build_network(), gluon.loss.SoftmaxCrossEntropyLoss()
    network.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(network.collect_params(), "adam", {"learning_rate": given.learning_rate})
    for epoch in range(1, given.epochs + 1):
        for batch, wanted in gluon.data.DataLoader(known, given.batch_size, shuffle=True):
            with autograd.record():
                loss = loss_of(network(batch), wanted)
            loss.backward()
            trainer.step(len(batch))
        read = network(pixels[:held_out]).argmax(axis=1)
        accuracy = (read == digits[:held_out]).mean().asscalar()
        print(f"epoch {epoch}: loss={loss.mean().asscalar():.4f} accuracy={accuracy:.4f}", flush=True)
    network.save_parameters(str(given.model_dir / MODEL_FILE))


def model_fn(model_dir: str) -> Any:
    """Load the trained model; the container calls this once."""
    network = build_network()
    network.load_parameters(str(Path(model_dir) / MODEL_FILE), ctx=mx.cpu())
    return network


def predict_fn(pixels: Any, network: Any) -> Any:
    """Return the digits in rows of pixels."""
    return network(pixels / 16).argmax(axis=1)


if __name__ == "__main__":
    main()
