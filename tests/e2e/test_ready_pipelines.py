"""Each ready pipeline, as its README says: checked, applied to the deployed service, built, and asked."""

import json
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sagebuild.project.file import FILE
from tests.e2e.ready import build_and_compare
from tests.e2e.stack import DeployedStack
from tests.engine import ROOT
from tests.ready_pipelines import FOLDER, ReadyPipeline, check_completeness, list_pipelines
from tests.unit.golden_requests import build_requests
from tools.generate_project_docs import write_gallery

NEW = "flowers"


def list_cases() -> list[Any]:
    """The pipelines that run here; tests/contract checks the others by their requests."""
    cases = []
    for pipeline in list_pipelines():
        marks = [pytest.mark.examples] if pipeline.expectation.runs == "after make examples" else []
        if pipeline.expectation.runs != "on AWS":
            cases.append(pytest.param(pipeline, marks=marks, id=pipeline.name))
    return cases


@pytest.mark.parametrize("pipeline", list_cases())
def test_a_ready_pipeline_is_built_and_answers(stack: DeployedStack, pipeline: ReadyPipeline, tmp_path: Path) -> None:
    build_and_compare(stack, pipeline, tmp_path)


def read_steps() -> list[str]:
    """The steps of CONTRIBUTING's chapter "Add a pipeline", for a pipeline with the new name."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    chapter = page.partition("\n## Add a pipeline\n")[2].partition("\n## ")[0].replace("\n   ", " ")
    return [re.sub(r"NAME(?!=)", NEW, step) for step in re.findall(r"^\d\. (.+)$", chapter, re.MULTILINE)]


def test_a_pipeline_that_follows_the_chapter_is_built(stack: DeployedStack, tmp_path: Path) -> None:
    copy, edit, check, write_readme, write_expectation, build, finish = read_steps()
    run = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True, text=True)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    folder = tmp_path / "pipelines" / NEW

    command, source = re.findall(r"`(cp -r pipelines/([a-z-]+) [^`]+)`", copy)[0]
    shutil.copytree(FOLDER / source, tmp_path / "pipelines" / source)
    run(command.split())

    (own_path,) = re.findall(r"`(channels: [^`]+)`", edit)
    text = (folder / FILE).read_text(encoding="utf-8")
    (folder / FILE).write_text(text.replace("source:", f"  {own_path}\nsource:"), encoding="utf-8")

    (command,) = re.findall(r"Run `([^`]+)`", check)
    run(command.split())

    listed = re.sub(r" \([^)]*\)|and ", "", write_readme.partition("the headings ")[2].rstrip("."))
    flow = "```mermaid\nflowchart LR\n    A[Train Model] --> B[Deploy Endpoint]\n```"
    sections = [f"## {heading}\n\n{flow}\n" for heading in listed.split(", ")]
    (folder / "README.md").write_text("\n".join(["# Read flowers\n", *sections]), encoding="utf-8")

    named = re.findall(r"`(\w+)`", write_expectation)
    expectation = json.loads((folder / "expect.json").read_text(encoding="utf-8"))
    assert expectation.keys() <= set(named)
    (folder / "expect.json").write_text(json.dumps(expectation | {"tolerance": 0.5}), encoding="utf-8")

    new = next(pipeline for pipeline in list_pipelines(tmp_path / "pipelines") if pipeline.name == NEW)
    check_completeness(new)
    (command,) = re.findall(r"Run `([^`]+)`", build)
    planned = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert f"test_a_ready_pipeline_is_built_and_answers[{NEW}]" in planned.stdout
    build_and_compare(stack, new, tmp_path / "copy")

    assert "make docs" in finish
    assert f"| [{NEW}](#{NEW}) | Read flowers | SCIKIT | everywhere |" in write_gallery(tmp_path / "pipelines")
    assert "tests.unit.golden_requests" in finish
    assert f"/{NEW}/" in json.dumps(build_requests(new.document))
