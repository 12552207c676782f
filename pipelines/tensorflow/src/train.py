"""Learns to classify tumours by their measurements: one script for SageMaker's TensorFlow 2 containers.

Training reads CSV files from the channel ``training``: 30 measurements and the kind (0 malignant, 1 benign) in each
line. TensorFlow Serving needs no script: the SavedModel, whose folder's name is its version, takes the measurements a
line as text/csv, or as JSON, and answers with the probability of benign.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

VERSION = "1"


def main() -> None:
    """Train as the hyperparameters say, and print the validation accuracy after each epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    # A build passes an S3 address as --model_dir, like the SageMaker SDK. The container uploads the other folder.
    parser.add_argument("--model_dir")
    parser.add_argument("--local-model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    tf.keras.utils.set_random_seed(0)
    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(given.training.glob("*.csv"))])
    rows = np.random.default_rng(0).permutation(rows).astype("float32")
    normalize = tf.keras.layers.Normalization()
    normalize.adapt(rows[:, :-1])
    network = tf.keras.Sequential(
        [
            tf.keras.Input((rows.shape[1] - 1,)),
            normalize,
            tf.keras.layers.Dense(16, activation="relu"),
            tf.keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(tf.keras.optimizers.Adam(given.learning_rate), "binary_crossentropy", metrics=["accuracy"])
    printer = tf.keras.callbacks.LambdaCallback(on_epoch_end=print_metrics)
    network.fit(rows[:, :-1], rows[:, -1], epochs=given.epochs, validation_split=0.2, verbose=0, callbacks=[printer])
    network.export(given.local_model_dir / VERSION)


def print_metrics(epoch: int, logs: dict[str, float]) -> None:
    """Print the line from which the build reads its metrics."""
    print(f"epoch {epoch + 1}: loss={logs['loss']:.4f} accuracy={logs['val_accuracy']:.4f}", flush=True)


if __name__ == "__main__":
    main()
