"""Measures a model on rows that the tuning has not seen, and writes evaluation.json; also for the live model."""

import json
import tarfile
from pathlib import Path

import pandas as pd
import xgboost
from columns import TARGET, encode

FOLDER = Path("/opt/ml/processing")


def main() -> None:
    """Write the report; the build makes metrics of its numbers, such as evaluation.rmse."""
    with tarfile.open(FOLDER / "model" / "model.tar.gz") as archive:
        content = archive.extractfile("model.ubj").read()
    model = xgboost.XGBRegressor()
    model.load_model(bytearray(content))
    rows = pd.read_csv(FOLDER / "input" / "test" / "test.csv")
    errors = model.predict(encode(rows)) - rows[TARGET]
    report = {"rmse": (errors**2).mean() ** 0.5, "mae": errors.abs().mean(), "rows": len(rows)}
    (FOLDER / "evaluation" / "evaluation.json").write_text(json.dumps(report), encoding="utf-8")
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
