"""Writes scikit-learn's measurements of diabetes patients, without a download: python make_data.py data/train.csv"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split


def main(path: Path) -> None:
    """Write train.csv, and patients.csv whose rows no training sees, into the folder of the path.

    A row of train.csv has ten measurements and the progression of the disease after a year. A row of patients.csv has
    an identifier and the measurements.
    """
    data = load_diabetes(scaled=False)
    rows = np.column_stack([data.data, data.target])
    seen, unseen = train_test_split(rows, test_size=0.25, random_state=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path.with_name("train.csv"), seen, fmt="%.6g", delimiter=",")
    lines = (f"patient-{number}," + ",".join(f"{value:.6g}" for value in row[:-1]) for number, row in enumerate(unseen))
    path.with_name("patients.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path.parent}: {len(seen)} rows for the training and {len(unseen)} to score")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/train.csv"))
