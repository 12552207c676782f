"""Every notebook is listed, has the same parts, and contains no outputs."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.engine import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_a_notebook_contains_no_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert [cell["outputs"] for cell in cells if cell.get("outputs")] == []
    assert [cell["execution_count"] for cell in cells if cell.get("execution_count")] == []


@every_notebook
def test_a_notebook_says_at_its_top_what_runs_where(path: Path) -> None:
    first = nbformat.read(path, as_version=4).cells[0]["source"]
    assert first.startswith(f"# {path.stem[:2]} · ")
    assert "**What runs where.**" in first
    assert "your machine" in first or "your own machine" in first
    assert "AWS" in first


@every_notebook
def test_a_notebook_starts_follows_and_stops_builds_and_uses_the_sagemaker_sdk(path: Path) -> None:
    code = read_code(path)
    for needed in (r"from sagemaker\.core", r"\.start\(\)|start a build", r"\.watch\(\)", r"\.stop\(\)|stop the build"):
        assert re.search(needed, code), needed


@every_notebook
def test_one_cell_decides_what_can_run(path: Path) -> None:
    cells = [cell["source"] for cell in nbformat.read(path, as_version=4).cells if cell["cell_type"] == "code"]
    deciding = [source for source in cells if "on_aws = " in source]
    assert len(deciding) <= 1
    if any(re.search(r"\bif (on_aws|trains_here)", source) for source in cells):
        assert "print(" in deciding[0], "the cell prints its decision"


@every_notebook
def test_a_notebook_is_listed(path: Path) -> None:
    assert f"(../notebooks/{path.name})" in (ROOT / "docs" / "python.md").read_text()


@every_notebook
def test_the_links_of_a_notebook_lead_to_files(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    links = re.findall(r"\]\(([^)#]+)", "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def read_code(path: Path) -> str:
    """Return the code of all cells."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code")
