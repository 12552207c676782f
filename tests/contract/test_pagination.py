"""SageMaker's lists are read a hundred entries at a time, instead of its ten."""

import ast
from collections.abc import Iterator

from tests.engine import ROOT

# Its pages have fifty entries at most: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTags.html
SMALLER = "list_tags"


def find_small_pages(source: str) -> Iterator[str]:
    """Yield each function that reads a list of SageMaker in pages of the default size."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            paginators = [one for one in calls if ast.unparse(one.func).endswith("sagemaker.get_paginator")]
            pages = [one for one in calls if ast.unparse(one.func).endswith("paginate")]
            large = [one for one in pages if "PaginationConfig" in {keyword.arg for keyword in one.keywords}]
            if any(SMALLER not in ast.unparse(one) for one in paginators) and len(large) < len(pages):
                yield function.name


def test_lists_of_sagemaker_have_large_pages() -> None:
    paths = (ROOT / "sagebuild").rglob("*.py")
    assert [f"{path}: {name}" for path in paths for name in find_small_pages(path.read_text(encoding="utf-8"))] == []


def test_small_pages_are_found() -> None:
    source = "def read(service):\n    return service.sagemaker.get_paginator('list_models').paginate(NameContains='a')"
    assert list(find_small_pages(source)) == ["read"]
    assert list(find_small_pages(source.replace("'a'", "'a', PaginationConfig=LARGE_PAGES"))) == []
