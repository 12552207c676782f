"""Prepares the data: drops rows that are incomplete or repeated, and splits the rest into three parts.

The job's input is ``raw``; its outputs are ``train``, ``validation`` and ``test``.
"""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

FOLDER = Path("/opt/ml/processing")


def main() -> None:
    """Write a CSV file into the folder of each output."""
    raw = pd.concat([pd.read_csv(file) for file in sorted((FOLDER / "input" / "raw").glob("*.csv"))])
    rows = raw.dropna().drop_duplicates()
    rest, test = train_test_split(rows, test_size=0.25, random_state=0, stratify=rows["species"])
    train, validation = train_test_split(rest, test_size=0.25, random_state=0, stratify=rest["species"])
    for name, part in {"train": train, "validation": validation, "test": test}.items():
        part.to_csv(FOLDER / "output" / name / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} of {len(raw)} rows", flush=True)


if __name__ == "__main__":
    main()
