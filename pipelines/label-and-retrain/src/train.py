"""Learns to tell praise from complaint, and serves the model: one script for SageMaker's scikit-learn container.

The channel ``training`` streams the labelling job's manifest through a pipe: for each line, a record with the sentence
and a record with the class. https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest-stream.html
"""

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline

CLASSES = ["complaint", "praise"]
MODEL_FILE = "model.joblib"


def read_records(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the records of a RecordIO stream: a magic number, a length, and the content in multiples of four bytes."""
    while header := stream.read(8):
        _, length = struct.unpack("<II", header)
        yield stream.read(length + -length % 4)[:length]


def read_text(record: bytes) -> str:
    """Return a sentence, with or without the quotation marks of JSON."""
    text = record.decode()
    return json.loads(text) if text.startswith('"') else text


def main() -> None:
    """Read the pipe of the first epoch, print the accuracy in a cross-validation, and train on all sentences."""
    with Path(f"{os.environ['SM_CHANNEL_TRAINING']}_0").open("rb") as stream:
        records = list(read_records(stream))
    sentences, labels = [read_text(record) for record in records[::2]], [int(record) for record in records[1::2]]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
    accuracy = cross_val_score(model, sentences, labels).mean()
    print(f"{len(sentences)} sentences, accuracy={accuracy:.4f}", flush=True)
    joblib.dump(model.fit(sentences, labels), Path(os.environ["SM_MODEL_DIR"], MODEL_FILE))


def model_fn(model_dir: str) -> Pipeline:
    """Load the trained model; the container calls this once."""
    return joblib.load(Path(model_dir) / MODEL_FILE)


def input_fn(body: str | bytes, content_type: str) -> list[str]:  # noqa: ARG001
    """Read a JSON array of sentences."""
    return json.loads(body)


def predict_fn(sentences: list[str], model: Pipeline) -> list[str]:
    """Return the name of the class of each sentence."""
    return [CLASSES[label] for label in model.predict(sentences)]


def output_fn(names: list[str], accept: str) -> str:  # noqa: ARG001
    """Write a JSON array."""
    return json.dumps(names)


if __name__ == "__main__":
    main()
