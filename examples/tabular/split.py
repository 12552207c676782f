"""Prepares the data: reads raw CSV files, drops rows that are incomplete or repeated, and splits the rest.

The job's input is ``raw``; its outputs are ``train`` and ``test``. The last column is the class.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

FOLDER = Path("/opt/ml/processing")


def main() -> None:
    """Write train.csv and test.csv, each into the folder of its output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=0.25, help="share of the rows that the training does not see")
    given = parser.parse_args()
    files = sorted((FOLDER / "input" / "raw").glob("*.csv"))
    raw = np.concatenate([np.genfromtxt(file, delimiter=",") for file in files])
    rows = np.unique(raw[~np.isnan(raw).any(axis=1)], axis=0)
    train, test = train_test_split(rows, test_size=given.share, random_state=0, stratify=rows[:, -1])
    for name, part in (("train", train), ("test", test)):
        np.savetxt(FOLDER / "output" / name / f"{name}.csv", part, fmt="%.9g", delimiter=",")
        print(f"{name}: {len(part)} of {len(raw)} rows", flush=True)


if __name__ == "__main__":
    main()
