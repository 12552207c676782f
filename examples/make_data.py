"""Writes the examples' data, without a download: `python examples/make_data.py wine data/`."""

import argparse
import csv
import random
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split

# Measurements of wines by their grower, of tumours by their kind, and pictures of digits by the digit.
SETS = {"wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits}
# Sentences of praise (1) and complaint (0), made from parts.
THINGS = ["The lamp", "This kettle", "My new phone", "The blue chair", "That old radio", "Their soup", "This novel"]
VERDICTS = {
    1: [
        "works perfectly",
        "is a joy",
        "was worth every cent",
        "exceeds what I hoped for",
        "is better than the last one",
    ],
    0: [
        "broke at once",
        "is a disappointment",
        "was a waste of money",
        "arrived damaged",
        "is worse than the last one",
    ],
}
ENDINGS = ["and I say so gladly", "as my neighbour agrees", "to be honest", "after two weeks", "without any doubt"]


def split_data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows for training and rows that no training sees, each with its features and then the class."""
    data = SETS[name]()
    rows = np.column_stack([data.data, data.target])
    seen, unseen = train_test_split(rows, test_size=0.25, random_state=0, stratify=data.target)
    return seen, unseen


def write_numbers(name: str, folder: Path, label_first: bool) -> None:
    """Write train.csv and unseen.csv; Amazon's algorithms want the class in the first column, not in the last."""
    for file, rows in zip(("train.csv", "unseen.csv"), split_data(name), strict=True):
        np.savetxt(folder / file, np.roll(rows, 1, axis=1) if label_first else rows, fmt="%.6g", delimiter=",")
        print(f"{folder / file}: {len(rows)} rows of {rows.shape[1] - 1} features and the class")


def write_reviews(folder: Path) -> None:
    """Write train.csv and unseen.csv with a sentence and its class in each line."""
    rows = [
        (f"{thing} {verdict} {ending}.", label)
        for label, verdicts in VERDICTS.items()
        for thing, verdict, ending in product(THINGS, verdicts, ENDINGS)
    ]
    random.Random(0).shuffle(rows)
    for file, part in (("train.csv", rows[100:]), ("unseen.csv", rows[:100])):
        with (folder / file).open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows(part)
        print(f"{folder / file}: {len(part)} sentences and their class")


def main() -> None:
    """Write the files that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*SETS, "reviews"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--label-first", action="store_true", help="put the class in the first column")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.name == "reviews":
        write_reviews(given.folder)
    else:
        write_numbers(given.name, given.folder, given.label_first)


if __name__ == "__main__":
    main()
