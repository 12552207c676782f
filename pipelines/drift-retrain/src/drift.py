"""Compares recent rows with the training data, and writes a report: one job of SageMaker Processing.

The population stability index (PSI) of a column compares the shares of its values in ten bins, each of which holds a
tenth of the training data. 0 means equal; above 0.25 is the usual sign of a shift: https://doi.org/10.3390/risks7020053

The job's inputs are ``baseline``, CSV files whose last column is the label, and ``recent``: CSV files, or files of
SageMaker's data capture. It writes report.html and drift.json, and the largest PSI as its exit message.
"""

import base64
import html
import json
from pathlib import Path

import numpy as np

COLUMNS = ["age", "sex", "bmi", "blood pressure", "s1", "s2", "s3", "s4", "s5", "s6"]
FOLDER = Path("/opt/ml/processing")
# https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
MESSAGE = Path("/opt/ml/output/message")
FEWEST_ROWS = 50  # fewer rows say nothing about a distribution
BINS = 10
STYLE = "body{font-family:sans-serif}td,th{padding:.3em 1em;text-align:right}.bar{background:#c33;height:1em}"


def main() -> None:
    """Write the report, and print the PSI of each column."""
    baseline = np.concatenate([read_lines(path.read_text()) for path in sorted(find(FOLDER / "input" / "baseline"))])
    recent = read_recent(FOLDER / "input" / "recent")
    columns = {}
    if len(recent) >= FEWEST_ROWS:
        columns = {name: measure(baseline[:, at], recent[:, at]) for at, name in enumerate(COLUMNS)}
    largest = max(columns.values(), default=0.0)
    facts = {"rows": len(recent), "largest": largest, "columns": columns}
    output = FOLDER / "output" / "report"
    (output / "drift.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    (output / "report.html").write_text(write_report(baseline, recent, columns), encoding="utf-8")
    print(json.dumps(facts), flush=True)
    MESSAGE.write_text(json.dumps({"rows": len(recent), "largest": largest}), encoding="utf-8")


def find(folder: Path) -> list[Path]:
    """List the files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def read_lines(text: str) -> np.ndarray:
    """Read lines of numbers."""
    return np.loadtxt(text.splitlines(), delimiter=",", ndmin=2)


def read_recent(folder: Path) -> np.ndarray:
    """Read the features of all recent rows; a captured request has one or more."""
    parts = [np.empty((0, len(COLUMNS)))]
    for path in sorted(find(folder)):
        text = path.read_text(encoding="utf-8")
        requests = map(read_capture, text.splitlines()) if path.suffix == ".jsonl" else [text]
        parts += [read_lines(request)[:, : len(COLUMNS)] for request in requests if request.strip()]
    return np.concatenate(parts)


def read_capture(line: str) -> str:
    """Return the request in a line of SageMaker's data capture."""
    captured = json.loads(line)["captureData"]["endpointInput"]
    data = captured["data"]
    return base64.b64decode(data).decode() if captured["encoding"] == "BASE64" else data


def measure(baseline: np.ndarray, recent: np.ndarray) -> float:
    """Return the PSI of a column."""
    edges = np.unique(np.quantile(baseline, np.linspace(0, 1, BINS + 1)[1:-1]))
    before, after = (
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        for values in (baseline, recent)
    )  # half a row more in each bin, because an empty one has no logarithm
    before, after = before / before.sum(), after / after.sum()
    return round(float(((after - before) * np.log(after / before)).sum()), 4)


def write_report(baseline: np.ndarray, recent: np.ndarray, columns: dict[str, float]) -> str:
    """Return a page with the PSI and the means of each column, the largest PSI first."""
    rows = []
    for name in sorted(columns, key=columns.get, reverse=True):
        at, psi = COLUMNS.index(name), columns[name]
        means = "".join(f"<td>{part[:, at].mean():.4g}</td>" for part in (baseline, recent))
        bar = f"<td><div class=bar style='width:{min(psi, 1) * 20:.1f}em'></div></td>"
        rows.append(f"<tr><th>{html.escape(name)}</th><td>{psi:.3f}</td>{means}{bar}</tr>")
    note = "" if columns else f"<p>At least {FEWEST_ROWS} rows are needed for a comparison.</p>"
    return (
        f"<!doctype html><meta charset=utf-8><title>Drift</title><style>{STYLE}</style><h1>Drift</h1>"
        f"<p>{len(recent)} recent rows, {len(baseline)} rows of the training data.</p>{note}"
        f"<table><tr><th>column<th>PSI<th>mean before<th>mean now<th></tr>{''.join(rows)}</table>"
    )


if __name__ == "__main__":
    main()
