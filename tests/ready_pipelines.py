"""The ready pipelines of pipelines/: their projects, and what expect.json says about their builds."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from sagebuild.project.file import FILE, Definition, read_project
from tests.engine import ROOT

FOLDER = ROOT / "pipelines"
HEADINGS = ["Purpose", "Flow", "Cost", "How to run it", "How to adapt it", "What differs on AWS"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Bounds(_Strict):
    """The least and the greatest value of a metric."""

    min: float | None = None
    max: float | None = None

    def contain(self, value: float) -> bool:
        """Return False when the value is below the least or above the greatest."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Request(_Strict):
    """A request to the endpoint."""

    body: str
    contenttype: str
    accept: str = "application/json"


class Results(_Strict):
    """A result of a batch transform: its file, the number of its rows, and its first row."""

    file: str
    rows: int
    first: list[str | float]


class Expectation(_Strict):
    """The content of expect.json.

    Parameters
    ----------
    runs
        Where the pipeline runs: everywhere, on a laptop only after `make examples`, or on AWS alone.
    answer
        The endpoint's answer to the request; numbers may differ by ``tolerance``, and objects may have more members.
    before
        Objects of the pipeline in the data bucket that exist before the first build, and the files with their content.
        They replace what only AWS can create.
    resources
        Where the project's own resources exist: everywhere, or on AWS alone.
    then
        The parameters of a second build, which must succeed, too.
    results
        What the batch transform of the last build writes.
    """

    runs: Literal["everywhere", "after make examples", "on AWS"]
    before: dict[str, str] = {}
    resources: Literal["everywhere", "on AWS"] = "everywhere"
    then: dict[str, Any] | None = None
    outcome: str = "succeeded"
    metrics: dict[str, Bounds] = {}
    request: Request | None = None
    answer: Any = None
    results: Results | None = None
    tolerance: float = 0.0

    def accepts(self, answer: Any) -> bool:
        """Return False when an answer differs from the expected one."""
        return _agree(self.answer, answer, self.tolerance)

    def accepts_results(self, rows: list[list[str | float]]) -> bool:
        """Return False when the rows of the batch transform differ from the expected ones."""
        assert self.results
        return len(rows) == self.results.rows and _agree(self.results.first, rows[0], self.tolerance)


@dataclass(frozen=True)
class ReadyPipeline:
    """One folder of pipelines/."""

    folder: Path

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @cached_property
    def definition(self) -> Definition:
        """The project."""
        return read_project(self.folder)

    @cached_property
    def expectation(self) -> Expectation:
        """The content of expect.json."""
        return Expectation.model_validate_json((self.folder / "expect.json").read_text(encoding="utf-8"))

    @property
    def document(self) -> dict[str, Any]:
        """The parameter document, with a fixed name for the archive."""
        content = self.definition.content
        if not content.source:
            return dict(content.parameters)
        is_docker = content.parameters["framework"] == "BYOD"
        return content.parameters | (
            {"sourcelocation": "source.zip"} if is_docker else {"trainsourcefile": "source.tar.gz"}
        )


def read_rows(content: bytes) -> list[list[str | float]]:
    """Read lines of values: numbers where they are some."""
    return [[_read_value(value) for value in line.split(",")] for line in content.decode().splitlines()]


def _read_value(value: str) -> str | float:
    try:
        return float(value)
    except ValueError:
        return value


def list_pipelines(folder: Path = FOLDER) -> list[ReadyPipeline]:
    """List all folders with a project file."""
    return [ReadyPipeline(path.parent) for path in sorted(folder.glob(f"*/{FILE}"))]


def check_completeness(pipeline: ReadyPipeline) -> None:
    """Require the headings of its README.md, an expectation, and deploy parameters that exist.

    tests/unit/test_project_check.py checks its parameters, scripts and data.
    """
    readme = (pipeline.folder / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", readme, re.MULTILINE) == HEADINGS
    assert "```mermaid\nflowchart" in readme, "a picture of the flow"
    expected = pipeline.expectation
    has_answer = expected.request is not None and expected.answer is not None
    assert has_answer or expected.results, "a request and its answer, or the results of a batch transform"
    if expected.runs == "on AWS":
        assert "only on AWS" in readme.partition("## What differs on AWS")[2]
    service = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    assert pipeline.definition.content.deploy.keys() <= service["params"]["default"].keys()


def read_answer(content: bytes) -> Any:
    """Read an answer: JSON, or lines of values."""
    text = content.decode()
    try:
        return json.loads(text)
    except ValueError:
        return [float(value) for value in text.replace("\n", ",").strip(",").split(",")]


def _agree(expected: Any, given: Any, tolerance: float) -> bool:
    if isinstance(expected, dict):
        return isinstance(given, dict) and all(_agree(one, given.get(k), tolerance) for k, one in expected.items())
    if isinstance(expected, list):
        pairs = zip(expected, given, strict=False) if isinstance(given, list) else []
        return isinstance(given, list) and len(given) == len(expected) and all(_agree(*p, tolerance) for p in pairs)
    if isinstance(expected, int | float) and isinstance(given, int | float):
        return abs(expected - given) <= tolerance
    return bool(expected == given)
