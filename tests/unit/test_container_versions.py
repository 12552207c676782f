"""The versions that the tag of a framework's image asks for are compared with the installed ones."""

from importlib import metadata
from platform import python_version_tuple

import pytest

from sagebuild.container.frameworks import explain_versions

HERE = metadata.version("scikit-learn")
PYTHON = "".join(python_version_tuple()[:2])


@pytest.mark.parametrize(
    ("tag", "others"),
    [
        (f"sagemaker-scikit-learn:{HERE}-cpu-py3", []),
        (f"sagemaker-scikit-learn:{HERE.partition('.')[0]}-1-cpu-py{PYTHON}", []),
        ("sagemaker-scikit-learn:0.23-1-cpu-py3", [f"scikit-learn {HERE} (image: 0.23)"]),
        ("sagemaker-scikit-learn:0.23-1-cpu-py27", [f"scikit-learn {HERE} (image: 0.23)", "(image: 2.7)"]),
        ("huggingface-pytorch-training:0.1.2-transformers0.4.5-gpu", ["(image: 0.1.2)", "(image: 0.4.5)"]),
        ("sagemaker-scikit-learn@sha256:12", []),
        ("kmeans:1", []),
        ("own:0.23-py27", []),
    ],
)
def test_only_other_versions_are_named(tag: str, others: list[str]) -> None:
    explained = explain_versions(f"683313688378.dkr.ecr.us-east-1.amazonaws.com/{tag}")
    assert explained.count("(image: ") == len(others)
    assert all(other in explained for other in others)
