"""Writes scikit-learn's measurements of diabetes patients, without a download: python make_data.py data/train.csv"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes


def main(path: Path) -> None:
    """Write ten measurements, and the progression of the disease after a year, in each row."""
    data = load_diabetes(scaled=False)
    rows = np.column_stack([data.data, data.target])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt="%.6g", delimiter=",")
    print(f"{path}: {len(rows)} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/train.csv"))
