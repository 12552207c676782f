"""Writes scikit-learn's pictures of handwritten digits, without a download: python make_data.py data/train.csv"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def main(path: Path) -> None:
    """Write the rows for training to the path, and rows that no training sees to unseen.csv beside it."""
    data = load_digits()
    rows = np.column_stack([data.data, data.target])
    seen, unseen = train_test_split(rows, test_size=0.25, random_state=0, stratify=data.target)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, part in ((path, seen), (path.with_name("unseen.csv"), unseen)):
        np.savetxt(file, part, fmt="%.6g", delimiter=",")
        print(f"{file}: {len(part)} rows of {rows.shape[1] - 1} features and the class")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/train.csv"))
