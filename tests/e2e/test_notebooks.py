"""Every notebook runs from the first cell to the last on the deployed service."""

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient

from tests.e2e.stack import PARAMETERS, DeployedStack
from tests.engine import ROOT


class Shown(NamedTuple):
    """The outputs of a notebook: the least number of pictures, and texts."""

    pictures: int
    texts: tuple[str, ...]


class Needed(NamedTuple):
    """A package that not every machine has; the texts with the package, and without it."""

    package: str
    present: tuple[str, ...]
    absent: tuple[str, ...]


_DIGITS = "unseen digits classified correctly"
_STOPPED = "confirmed as ended: execution build-"
_REFUSED = "local/ cannot run the image 763104351884.dkr.ecr.us-east-1.amazonaws.com/"
SHOWN = {
    "01-first-build": Shown(
        3, ("did you mean 'trainvolumesize'?", _DIGITS, "confirmed=True", "/sagebuild-dev/fraud/parameters")
    ),
    "02-your-own-script": Shown(3, (_DIGITS, _STOPPED)),
    "03-tensorflow": Shown(2, ("tensorflow-training:2.19-cpu-py312", "it must be a version in quotation marks")),
    "04-mxnet": Shown(
        2, ("This needs AWS", f"{_REFUSED}mxnet-training:1.9.0-cpu-py38", "no training image of version")
    ),
    "05-amazon-algorithm": Shown(2, ("A stand-in runs here", "STAND-IN, not Amazon's", "unseen tumours", _STOPPED)),
    "06-bring-your-own-docker": Shown(2, ("@sha256:", "'virginica'", "give lines of four measures", _STOPPED)),
    "07-tuning": Shown(2, ("MinValue must be less than MaxValue", "-004-", _DIGITS, _STOPPED)),
    "08-gate-approval-rollback": Shown(
        6, ("withheld", "is below the minimum 0.9", "asks whether to deploy its model", "Approved", _DIGITS, _STOPPED)
    ),
    "09-talk-to-it": Shown(
        2, ("Shall I do it?", "has started", "erfolgreich", "AWS confirms that its training is stopped")
    ),
    "10-processing-evaluation": Shown(
        2,
        ("evaluation.accuracy", "of the penguins classified correctly", "does not run: its inputs are those", _STOPPED),
    ),
    "11-transform-language-model": Shown(
        2,
        ("of 300 scored digits are correct", "This is a stand-in of local/", "Is this stored?", _STOPPED),
    ),
    "12-promotion": Shown(
        2,
        (
            "would move the model (1 file), the serving script train.py",
            "promoted from build",
            _DIGITS,
            "'origin.stack': 'sagebuild-dev'",
            "only the model of a successful build is promoted",
            "cannot promote a build to itself",
            _STOPPED,
        ),
    ),
}
NEEDED = {
    "02-your-own-script": Needed("torch", ("PyTorch runs here", "PYTORCH: "), ("PyTorch is not installed here",)),
    "03-tensorflow": Needed(
        "tensorflow",
        ("TensorFlow runs here", "unseen tumours classified correctly", _STOPPED),
        ("TensorFlow is not installed here", f"{_REFUSED}tensorflow-training:2.19-cpu-py312"),
    ),
}


def test_every_notebook_is_run() -> None:
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == sorted(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs_from_the_first_cell_to_the_last(stack: DeployedStack, name: str, tmp_path: Path) -> None:
    html, text, charts = run_notebook(stack, name, tmp_path)
    texts = SHOWN[name].texts
    if needed := NEEDED.get(name):
        texts += needed.present if importlib.util.find_spec(needed.package) else needed.absent
    assert [expected for expected in texts if expected not in text] == []
    assert html.count("class='sb-flow'") + charts.count('"layout"') >= SHOWN[name].pictures
    assert "Traceback (most recent call last)" not in html + text
    assert read_parameters(stack)["framework"] == PARAMETERS["framework"], "the next notebook can begin"


@pytest.mark.examples
@pytest.mark.parametrize("name", NEEDED)
def test_a_notebook_trains_with_its_own_framework(stack: DeployedStack, name: str, tmp_path: Path) -> None:
    _, text, _ = run_notebook(stack, name, tmp_path)
    assert [sentence for sentence in NEEDED[name].present if sentence not in text] == []


def run_notebook(stack: DeployedStack, name: str, folder: Path) -> tuple[str, str, str]:
    """Run a notebook beside the ready pipelines; return the HTML, the text and the charts of its outputs."""
    shutil.copytree(ROOT / "pipelines", folder / "pipelines")
    (folder / "notebooks").mkdir()
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    where = {"metadata": {"path": str(folder / "notebooks")}}
    environment = stack.engine.environment | {"PYTHONPATH": str(ROOT)}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", coalesce_streams=True, resources=where)
    client.execute(env=environment)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = ("text/html", "text/plain", "application/vnd.plotly.v1+json")
    html, text, charts = (read_outputs(outputs, kind) for kind in kinds)
    return html, text, charts


def read_outputs(outputs: list[Any], kind: str) -> str:
    """Join the outputs of a MIME type; printed output counts as text/plain."""
    printed = [output["text"] for output in outputs if "text" in output and kind == "text/plain"]
    return "\n".join([*printed, *(_to_text(output["data"].get(kind, "")) for output in outputs if "data" in output)])


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def read_parameters(stack: DeployedStack) -> dict[str, Any]:
    """The parameter document."""
    text = stack.client("ssm").get_parameter(Name=stack.outputs["ParametersName"])["Parameter"]["Value"]
    return json.loads(text)  # type: ignore[no-any-return]
