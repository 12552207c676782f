"""docs/project.md and its JSON Schema say what the model of the project file says; docs/pipelines.md is fresh, too."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tools.generate_project_docs import DOCS, write_gallery, write_page, write_schema

PAGE, SCHEMA, GALLERY = DOCS / "project.md", DOCS / "project.schema.json", DOCS / "pipelines.md"
RIGHT: dict[str, Any] = {
    "parameters": {"framework": "SCIKIT", "trainentrypoint": "train.py"},
    "source": "src",
    "data": {"training": "data/", "validation": {"path": "more/", "script": "make_more.py"}},
    "deploy": {"vpcAccess": True},
}


def find_errors(document: Any) -> list[str]:
    parameters = json.loads((DOCS / "parameters.schema.json").read_text(encoding="utf-8"))
    registry = Registry().with_resource("parameters.schema.json", Resource.from_contents(parameters))
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")), registry=registry)
    return [error.message for error in validator.iter_errors(document)]


def test_the_committed_docs_are_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page(), "run: make docs"
    assert SCHEMA.read_text(encoding="utf-8") == write_schema(), "run: make docs"
    assert GALLERY.read_text(encoding="utf-8") == write_gallery(), "run: make docs"


def test_editors_accept_the_example_of_the_page() -> None:
    example = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    assert find_errors(yaml.safe_load(example)) == []
    assert find_errors(RIGHT) == []


@pytest.mark.parametrize(("wrong", "what"), [
    ({"parameters": {"framework": "SKLEARN"}}, "SKLEARN"),
    ({"sources": "src"}, "sources"),
    ({"source": "../src"}, "../src"),
    ({"data": {"training": {"script": "make.py"}}}, "path"),
])  # fmt: skip
def test_editors_find_mistakes(wrong: dict[str, Any], what: str) -> None:
    assert any(what in error or "is not valid under any" in error for error in find_errors(RIGHT | wrong))
