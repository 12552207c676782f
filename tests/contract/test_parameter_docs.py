"""docs/parameters.md and its JSON Schema say what the parameter models say."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sagebuild.parameters import MODELS, default_document
from tests.unit.wrong_documents import REQUIRED
from tools.generate_parameter_docs import DOCS, write_page, write_schema

PAGE = DOCS / "parameters.md"
SCHEMA = DOCS / "parameters.schema.json"


def find_errors(document: dict[str, Any]) -> list[str]:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(document)]


def test_the_committed_docs_are_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page(), "run: make docs"
    assert SCHEMA.read_text(encoding="utf-8") == write_schema(), "run: make docs"


@pytest.mark.parametrize("framework", MODELS)
def test_every_parameter_of_every_framework_is_on_the_page(framework: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(MODELS[framework].model_fields) - {"framework"} <= set(rows)


def test_every_link_of_the_page_leads_somewhere() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headings = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\(#(\w+)\)", page)) <= headings


@pytest.mark.parametrize("framework", MODELS)
def test_editors_accept_the_first_document(framework: str) -> None:
    extra = REQUIRED.get(framework, {})
    assert find_errors(default_document(framework) | extra) == []


@pytest.mark.parametrize(("wrong", "what"), [
    ({"framework": "SKLEARN"}, "SKLEARN"),
    ({"framework": "SCIKIT", "trainvolumesiz": 5}, "trainvolumesiz"),
    ({"framework": "SCIKIT", "traininstancecount": 101}, "101"),
    ({"framework": "SCIKIT", "mxnetversion": "1.1"}, "mxnetversion"),
    ({"framework": "PYTORCH", "distribution": {"strategy": "horovod"}}, "horovod"),
    ({"framework": "AMAZON"}, "algorithm"),
])  # fmt: skip
def test_editors_find_mistakes(wrong: dict[str, Any], what: str) -> None:
    (error,) = find_errors(wrong)
    assert what in error
