"""A framework is a row of facts, a model of parameters and a ready pipeline; the three agree."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters import MODELS, ScriptModeParameters
from sagebuild.parameters.options import Strategy
from sagebuild.project import Project
from sagebuild.project.file import FILE
from tests.engine import ROOT
from tests.ready_pipelines import FOLDER, Bounds, Expectation, ReadyPipeline, list_pipelines

PIPELINES = list_pipelines()
HEADINGS = ["Purpose", "Flow", "Cost", "How to run it", "How to adapt it", "What differs on AWS"]
IMAGES: dict[str, Any] = json.loads((ROOT / "sagebuild" / "images" / "images.json").read_text(encoding="utf-8"))
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))


def test_every_framework_has_a_row_a_model_and_a_ready_pipeline() -> None:
    assert list(MODELS) == list(FRAMEWORKS)
    assert {pipeline.document["framework"] for pipeline in PIPELINES} == set(FRAMEWORKS)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_facts_of_a_framework_fit_its_model(framework: str) -> None:
    facts, model = FRAMEWORKS[framework], MODELS[framework]
    assert get_args(model.model_fields["framework"].annotation) == (framework,)
    assert issubclass(model, ScriptModeParameters) is facts.has_script
    assert ("distribution" in model.model_fields) is bool(facts.strategies)
    assert set(facts.strategies) <= set(get_args(Strategy))
    named = {facts.version_parameter} if facts.version_parameter else set()
    assert named | {name for name, _ in facts.script_arguments} <= model.model_fields.keys()


def test_the_frameworks_with_images_are_those_of_the_image_table() -> None:
    assert IMAGES["frameworks"].keys() == {name for name, facts in FRAMEWORKS.items() if facts.images}


def test_the_deployment_s_default_framework_is_in_the_table() -> None:
    assert SERVICE["params"]["default"]["framework"] in FRAMEWORKS


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda pipeline: pipeline.name)
def test_a_ready_pipeline_is_complete(pipeline: ReadyPipeline) -> None:
    """tests/unit/test_project_check.py checks its parameters, scripts and data."""
    readme = (pipeline.folder / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", readme, re.MULTILINE) == HEADINGS
    assert "```mermaid\nflowchart" in readme, "a picture of the flow"
    expected = pipeline.expectation
    has_answer = expected.request is not None and expected.answer is not None
    assert has_answer or expected.results, "a request and its answer, or the results of a batch transform"
    if pipeline.expectation.runs == "on AWS":
        assert "only on AWS" in readme.partition("## What differs on AWS")[2]
    deploy = pipeline.definition.content.deploy
    assert deploy.keys() <= SERVICE["params"]["default"].keys()


def test_a_pipeline_that_follows_the_chapter_is_complete(tmp_path: Path) -> None:
    """The first steps of "Add a pipeline": copy, edit, check."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    chapter = page.partition("\n## Add a pipeline\n")[2].partition("\n## ")[0]
    (source,) = re.findall(r"`cp -r pipelines/([a-z-]+) pipelines/NAME`", chapter)
    assert [heading for heading in HEADINGS if heading not in chapter.replace("\n   ", " ")] == []
    folder = Path(shutil.copytree(FOLDER / source, tmp_path / "new"))
    text = (folder / FILE).read_text(encoding="utf-8")
    own_path = "channels: {training: {path: NAME/}}"
    assert own_path in chapter.replace("\n   ", " ")
    (folder / FILE).write_text(text.replace("source:", f"  {own_path}\nsource:"), encoding="utf-8")
    new = ReadyPipeline(folder)
    test_a_ready_pipeline_is_complete(new)
    assert Project(folder).check().has_no_errors
    assert new.document["channels"]["training"]["path"] == "NAME/"


def test_every_folder_is_a_ready_pipeline() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert folders == {pipeline.name for pipeline in PIPELINES}


def test_an_answer_is_compared_with_its_tolerance() -> None:
    expected = Expectation(runs="everywhere", answer=[{"a": [1, "b"]}], tolerance=0.5)
    assert expected.accepts([{"a": [1.4, "b"], "more": 1}])
    for wrong in ([{"a": [1.6, "b"]}], [{"a": [1]}], [], {"a": 1}, [{"a": [1, "c"]}]):
        assert not expected.accepts(wrong)
    assert not Bounds(min=0.9).contain(0.8)
    assert not Bounds(max=0.9).contain(float("nan"))
