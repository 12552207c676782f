"""The state machines in pipelines/*/resources.yml send requests that AWS's own models of its services accept."""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from local.states.integrations import INTEGRATIONS
from tests.engine import ROOT

# Of the optimized integrations that local/ does not serve.
SERVICES = {name: each.service for name, each in INTEGRATIONS.items()} | {"athena": "athena"}

TYPES = {"string": str, "blob": str, "integer": int, "long": int, "structure": dict, "list": list}


def list_machines() -> Iterator[Any]:
    for path in sorted(ROOT.glob("pipelines/*/resources.yml")):
        resources = yaml.safe_load(path.read_text(encoding="utf-8"))["Resources"]
        for name, resource in resources.items():
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                yield pytest.param(resource["Properties"]["Definition"], id=f"{path.parent.name}-{name}")


@cache
def load_model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def find_input(resource: str) -> Shape:
    """The shape of the request of a task."""
    parts = resource.split(":::")[1].removesuffix(".sync").split(":")
    service = parts[1] if parts[0] == "aws-sdk" else SERVICES[parts[0]]
    service = {"eventbridge": "events", "sfn": "stepfunctions"}.get(service, service)
    model = load_model(service)
    (operation,) = [name for name in model.operation_names if name.lower() == parts[-1].lower()]
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    return shape


def find_problems(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield a sentence for each part of a request that its model does not have; expressions have any type."""
    if isinstance(value, str) and (value.startswith("{%") or "${" in value):
        return
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from (f"{path}.{name} is unknown" for name in value.keys() - shape.members.keys())
        yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
        for name in value.keys() & shape.members.keys():
            yield from find_problems(shape.members[name], value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for at, one in enumerate(value):
            yield from find_problems(shape.member, one, f"{path}[{at}]")
    elif enum := getattr(shape, "enum", None):
        if value not in enum:
            yield f"{path} is {value}"
    # Step Functions accepts an object for the detail of an event.
    elif not path.endswith(".Detail") and not isinstance(value, TYPES.get(shape.type_name, object)):
        yield f"{path} is {value!r}, no {shape.type_name}"


@pytest.mark.parametrize("definition", list_machines())
def test_each_request_fits_the_model_of_its_service(definition: dict[str, Any]) -> None:
    tasks = {name: state for name, state in definition["States"].items() if state["Type"] == "Task"}
    problems = [
        f"{name}{problem}"
        for name, state in tasks.items()
        for problem in find_problems(find_input(state["Resource"]), state["Arguments"])
    ]
    assert problems == []
    assert tasks


@pytest.mark.parametrize("definition", list_machines())
def test_each_state_explains_itself_and_ends_in_time(definition: dict[str, Any]) -> None:
    for name, state in definition["States"].items():
        assert state["Comment"].endswith("."), name
        assert state["Type"] != "Task" or state["TimeoutSeconds"] > 0, name


@pytest.mark.parametrize("definition", list_machines())
def test_each_definition_is_valid(definition: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "definition.json"
    text = json.dumps(definition).replace("arn:${Partition}:states:::", "arn:aws:states:::")  # it knows no placeholders
    path.write_text(text, encoding="utf-8")
    command = ["node", str(ROOT / "node_modules/asl-validator/dist/bin/asl-validator.js"), "--json-path", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_wrong_request_is_found() -> None:
    shape = find_input("arn:${Partition}:states:::sagemaker:createLabelingJob.sync")
    found = list(find_problems(shape, {"LabelingJobName": "a", "Role": "b", "InputConfig": {"DataSource": {"S3": 1}}}))
    assert ".Role is unknown" in found
    assert ".RoleArn is missing" in found
    assert ".InputConfig.DataSource.S3 is unknown" in found
