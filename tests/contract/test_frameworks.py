"""A framework is a row of facts, a model of parameters and a ready pipeline; the three agree."""

import json
from typing import Any, get_args

import pytest
import yaml

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters import MODELS, ScriptModeParameters
from sagebuild.parameters.options import Strategy
from tests.engine import ROOT
from tests.ready_pipelines import FOLDER, Bounds, Expectation, ReadyPipeline, check_completeness, list_pipelines

PIPELINES = list_pipelines()
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
    check_completeness(pipeline)


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
