"""Writes the examples' data, which scikit-learn brings along: `python examples/make_data.py wine data/`."""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split

# Measurements of wines by their grower, of tumours by their kind, and pictures of digits by the digit.
SETS = {"wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits}


def split_data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows for training and rows that no training sees, each with its features and then the class."""
    data = SETS[name]()
    rows = np.column_stack([data.data, data.target])
    seen, unseen = train_test_split(rows, test_size=0.25, random_state=0, stratify=data.target)
    return seen, unseen


def main(name: str, folder: Path) -> None:
    """Write train.csv and unseen.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, rows in zip(("train.csv", "unseen.csv"), split_data(name), strict=True):
        np.savetxt(folder / file, rows, fmt="%.6g", delimiter=",")
        print(f"{folder / file}: {len(rows)} rows of {rows.shape[1] - 1} features and the class")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
