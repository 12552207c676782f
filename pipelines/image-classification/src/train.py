"""Learns to read handwritten digits with a small convolutional network: one script for SageMaker's PyTorch containers.

Training reads CSV files from the channel ``training``: 64 pixel values (0-16) and the digit in each line. The endpoint
takes the same 64 values a line as text/csv or JSON and answers with the digits. This container looks for the script in
the model's own archive; the build puts it there.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

MODEL_FILE = "weights.pt"


def build_network() -> nn.Module:
    """Return two convolutions over the 8 x 8 pixels and an output layer for the ten digits."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )


def main() -> None:
    """Train as the hyperparameters say, and print the validation accuracy after each epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    torch.manual_seed(0)
    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(given.training.glob("*.csv"))])
    rows = np.random.default_rng(0).permutation(rows)
    pixels, digits = torch.tensor(rows[:, :64] / 16, dtype=torch.float32), torch.tensor(rows[:, 64], dtype=torch.long)
    held_out = len(rows) // 5
    network = build_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=given.learning_rate)
    for epoch in range(1, given.epochs + 1):
        for batch in (torch.randperm(len(rows) - held_out) + held_out).split(given.batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(pixels[batch]), digits[batch])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (network(pixels[:held_out]).argmax(1) == digits[:held_out]).float().mean().item()
        print(f"epoch {epoch}: loss={loss.item():.4f} accuracy={accuracy:.4f}", flush=True)
    torch.save(network.state_dict(), given.model_dir / MODEL_FILE)


def model_fn(model_dir: str) -> nn.Module:
    """Load the trained model; the container calls this once."""
    network = build_network()
    network.load_state_dict(torch.load(Path(model_dir) / MODEL_FILE, map_location="cpu", weights_only=True))
    return network


def predict_fn(pixels: Any, network: Any) -> Any:
    """Return the digits in rows of pixels."""
    network.eval()
    with torch.no_grad():
        return network(pixels.float() / 16).argmax(1).numpy()


if __name__ == "__main__":
    main()
