"""Every notebook, run from the first cell to the last on the deployed service, as a reader would."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.e2e.stack import DeployedStack
from tests.engine import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_the_first_cell_to_the_last(stack: DeployedStack, path: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(tmp_path / "notebooks")}}
    environment = stack.engine.environment | {"PYTHONPATH": str(ROOT)}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute(env=environment)
    drawn = "".join(read_html(notebook))
    assert drawn.count("<svg") >= 3  # steps, curves, metrics of the builds
    assert "Traceback" not in drawn


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_kept_in_a_notebook(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert [cell["outputs"] for cell in notebook.cells if cell.get("outputs")] == []


def read_html(notebook: Any) -> list[str]:
    """What its cells have drawn."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [output["data"].get("text/html", "") for output in outputs if "data" in output]
