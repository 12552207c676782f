"""A framework is a row of facts, a model of parameters and an example; the three agree."""

import json
from typing import Any, get_args

import pytest
import yaml

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters import MODELS, ScriptModeParameters, parse_parameters
from sagebuild.parameters.options import Strategy
from tests.engine import ROOT

EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/parameters.json"))
IMAGES: dict[str, Any] = json.loads((ROOT / "sagebuild" / "images" / "images.json").read_text(encoding="utf-8"))
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))


def read_example(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "examples" / name / "parameters.json").read_text(encoding="utf-8"))
    return document


def test_every_framework_has_a_row_a_model_and_an_example() -> None:
    assert list(MODELS) == list(FRAMEWORKS)
    assert {read_example(folder.name)["framework"] for folder in EXAMPLES} == set(FRAMEWORKS)


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


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_has_a_valid_document_its_script_and_a_readme(folder: Any) -> None:
    parameters = parse_parameters(read_example(folder.name))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert f"Framework {parameters.framework}" in readme or parameters.framework == "BYOD"
    assert "parameters.json" in readme
    if isinstance(parameters, ScriptModeParameters):
        assert (folder / str(parameters.trainentrypoint)).is_file()


def test_every_example_folder_has_a_document() -> None:
    folders = {path.parent for path in ROOT.glob("examples/*/README.md")}
    assert folders == set(EXAMPLES)
