"""Writes short reviews, made from parts: python make_data.py data/train.csv"""

import csv
import random
import sys
from itertools import product
from pathlib import Path

# Sentences of praise (1) and complaint (0).
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


def main(path: Path) -> None:
    """Write a sentence and its class in each line, for training; and unseen.csv beside it."""
    rows = [
        (f"{thing} {verdict} {ending}.", label)
        for label, verdicts in VERDICTS.items()
        for thing, verdict, ending in product(THINGS, verdicts, ENDINGS)
    ]
    random.Random(0).shuffle(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, part in ((path, rows[100:]), (path.with_name("unseen.csv"), rows[:100])):
        with file.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows(part)
        print(f"{file}: {len(part)} sentences and their class")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/train.csv"))
