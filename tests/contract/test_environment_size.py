"""A deployment whose parameters do not fit into the environment of a function fails before anything is uploaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from sagebuild.deployment.environment_size import find_size_problem
from tests.contract.variants import ACCOUNT, compile_variants
from tests.packaging import package

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:"
LONG = {
    "kmsKeys": ",".join([KEY] * 6),
    "asyncTopics": ",".join(TOPIC + letter * 200 for letter in "ab"),
    "codecommitRepositories": ",".join(letter * 99 for letter in "abc"),
    "readBuckets": ",".join(f"s3://{letter * 60}/{letter * 120}/" for letter in "abcde"),
}


def test_packaging_names_the_long_parameters_in_one_sentence(tmp_path: Path) -> None:
    refused = package(tmp_path / "package", "--region", "us-east-1", **LONG)
    assert refused.returncode != 0
    (sentence,) = [line for line in (refused.stdout + refused.stderr).splitlines() if "environment" in line]
    assert sentence.startswith("The environment of the function sagebuild-dev-planBuild would have about ")
    assert "Lambda allows 4096; shorten readBuckets (" in sentence
    assert [name for name in LONG if f"{name} ({len(LONG[name])} characters)" in sentence] == list(LONG)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template with each parameter set."""
    text = (compile_variants(tmp_path_factory) / "everything.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def find_problem(template: dict[str, Any], **environment: str) -> str:
    """The problem of a template in which the first function has this environment in addition."""
    name = next(key for key, each in template["Resources"].items() if each["Type"] == "AWS::Lambda::Function")
    function = template["Resources"][name]["Properties"]
    changed = function | {"Environment": {"Variables": function["Environment"]["Variables"] | environment}}
    resources = template["Resources"] | {name: template["Resources"][name] | {"Properties": changed}}
    return find_size_problem(template | {"Resources": resources}, "us-east-1", "sagebuild-dev", {})


def test_the_json_of_all_variables_counts(template: dict[str, Any]) -> None:
    assert find_problem(template) == ""
    full = find_problem(template, FILLER="x" * 4096)
    bytes_with_filler = int(full.split("about ")[1].split()[0])
    room = 4096 - (bytes_with_filler - 4096)
    assert find_problem(template, FILLER="x" * room) == ""
    assert "would have about 4097 bytes" in find_problem(template, FILLER="x" * (room + 1))
    assert "would have about 4097 bytes" in find_problem(template, FILLER='"' + "x" * (room - 1))  # written as \"
