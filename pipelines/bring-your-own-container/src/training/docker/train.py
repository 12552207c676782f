"""Learns to classify three kinds of iris, by the contract of SageMaker's training containers.

Data lies in a folder for each channel, hyperparameters in a JSON file, and what is left in the model folder becomes
model.tar.gz. A message in output/failure is the reason that SageMaker gives when the program ends with an error.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

# A container finds its data at /opt/ml; local/, which runs programs without one, says where it is instead.
BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def main() -> None:
    """Train on every CSV file of the channel ``training``: four measures and the kind, without a header."""
    hyperparameters = json.loads((BASE / "input/config/hyperparameters.json").read_text())
    files = sorted((BASE / "input/data/training").glob("*.csv"))
    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in files])
    seen, held_out, kinds, held_out_kinds = train_test_split(
        rows[:, :-1], rows[:, -1].astype(int), test_size=0.2, random_state=0
    )
    model = RandomForestClassifier(int(hyperparameters.get("trees", 50)), random_state=0).fit(seen, kinds)
    print(f"accuracy={model.score(held_out, held_out_kinds):.4f}")
    joblib.dump(model, BASE / "model/model.joblib")


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        (BASE / "output/failure").write_text(f"{type(error).__name__}: {error}")
        traceback.print_exc()
        sys.exit(1)
