"""The state Create Model names the data of a model as `build_model_data` does."""

import json
from typing import Any

import pytest

from local.states.jsonata import evaluate
from sagebuild.requests.model_data import build_model_data
from tools.format_state_machine import FILE

CREATE_MODEL = json.loads(FILE.read_text(encoding="utf-8"))["States"]["Create Model"]["Arguments"]
OWN = {"Image": "own:1", "Environment": {"A": "b"}}


def create_model(artifacts: str, **containers: Any) -> Any:
    variables = {"plan": {"model": {"ModelName": "m"} | containers}, "artifacts": artifacts}
    return evaluate(CREATE_MODEL.removeprefix("{%").removesuffix("%}"), variables)


@pytest.mark.parametrize("artifacts", ["s3://models/llama/", "s3://models/1/model.tar.gz", ""])
def test_the_last_container_gets_the_data(artifacts: str) -> None:
    data = build_model_data(artifacts)
    assert create_model(artifacts, PrimaryContainer=OWN) == {"ModelName": "m", "PrimaryContainer": OWN | data}
    first = {"Image": "first:1", "ModelDataUrl": "s3://models/first.tar.gz"}
    assert create_model(artifacts, Containers=[first, OWN])["Containers"] == [first, OWN | data]


@pytest.mark.parametrize(
    ("artifacts", "member"), [("s3://a/b/", "ModelDataSource"), ("s3://a/b.tar.gz", "ModelDataUrl"), ("", "")]
)
def test_a_container_has_one_source_or_none(artifacts: str, member: str) -> None:
    assert "".join(build_model_data(artifacts)) == member
