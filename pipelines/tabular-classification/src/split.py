"""Prepares the data: reads raw CSV files, drops rows that are incomplete or repeated, and splits the rest.

The job's input is ``raw``; its outputs are ``train`` and ``test``.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

CLASS = "species"
FOLDER = Path("/opt/ml/processing")


def split(rows: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows for the training, and the rows that the training does not see."""
    rows = rows.dropna().drop_duplicates()
    train, test = train_test_split(rows, test_size=share, random_state=0, stratify=rows[CLASS])
    return train, test


def main() -> None:
    """Write train.csv and test.csv, each into the folder of its output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=0.25, help="share of the rows that the training does not see")
    given = parser.parse_args()
    raw = pd.concat([pd.read_csv(file) for file in sorted((FOLDER / "input" / "raw").glob("*.csv"))])
    for name, part in zip(("train", "test"), split(raw, given.share), strict=True):
        part.to_csv(FOLDER / "output" / name / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} of {len(raw)} rows", flush=True)


if __name__ == "__main__":
    main()
