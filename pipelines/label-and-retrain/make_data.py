"""Writes sentences to label, and the same sentences as a labelling job leaves them: python make_data.py data"""

import json
import random
import sys
from itertools import product
from pathlib import Path

THINGS = ["The lamp", "This kettle", "My new phone", "The blue chair", "That old radio", "Their soup", "This novel"]
VERDICTS = {
    1: ["works perfectly", "is a joy", "was worth every cent", "exceeds what I hoped for"],
    0: ["broke at once", "is a disappointment", "was a waste of money", "arrived damaged"],
}
ENDINGS = ["and I say so gladly", "as my neighbour agrees", "to be honest", "after two weeks"]
CLASSES = ["complaint", "praise"]


def main(folder: Path) -> None:
    """Write unlabelled.manifest, and labelled.manifest with the members that Ground Truth adds to each line.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html
    """
    rows = [
        (f"{thing} {verdict} {ending}.", label)
        for label, verdicts in VERDICTS.items()
        for thing, verdict, ending in product(THINGS, verdicts, ENDINGS)
    ]
    random.Random(0).shuffle(rows)
    folder.mkdir(parents=True, exist_ok=True)
    unlabelled = [{"source": sentence} for sentence, _ in rows]
    labelled = [
        {
            "source": sentence,
            "sentiment": label,
            "sentiment-metadata": {
                "class-name": CLASSES[label],
                "confidence": 0.95,
                "type": "groundtruth/text-classification",
                "human-annotated": "yes",
            },
        }
        for sentence, label in rows
    ]
    for name, lines in {"unlabelled": unlabelled, "labelled": labelled}.items():
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / f"{name}.manifest").write_text(text, encoding="utf-8")
        print(f"{folder / name}.manifest: {len(lines)} sentences")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
