"""The layer describes what the functions call of AWS, and bytecode is packed that Python uses."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import botocore
import pytest
import yaml
from botocore.exceptions import ParamValidationError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from tests.engine import ROOT
from tools.lambda_package import (
    NOT_PACKED,
    OWN_CODE,
    compile_code,
    compile_files,
    find_python,
    list_operations,
    trim_model,
    trim_services,
)

SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
SERVICES: list[str] = SERVICE["custom"]["pythonLayer"]["awsServices"]
# Where a service's name in botocore is not the prefix of its actions in policies:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
SERVICE_OF_PREFIX = {"states": "stepfunctions", "servicequotas": "service-quotas"}
# Permissions that a role needs although no function calls the operation of that name.
NOT_CALLED = {
    # Lambda's own calls: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html and
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    *("logs:CreateLogStream", "logs:PutLogEvents"),
    *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    # What other operations check: SendMessageBatch, the Create operations with tags, RegisterScalableTarget, and
    # CreateModelPackage with an image.
    *("sqs:SendMessage", "sagemaker:AddTags", "sagemaker:UpdateEndpointWeightsAndCapacities", "ecr:BatchGetImage"),
    "sagemaker:UpdateInferenceComponentRuntimeConfig",  # RegisterScalableTarget too
}
PYTHON_CODE = "def answer() -> int:\n    return 42\n"


@cache
def load_model(service: str) -> dict[str, Any]:
    return dict(Loader().load_service_model(service, "service-2"))


def list_actions(tree: Any) -> Iterator[str]:
    """Yield the actions of all statements in a part of a template."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == "Action":
                yield from [value] if isinstance(value, str) else value
            else:
                yield from list_actions(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from list_actions(value)


def test_the_layer_describes_every_operation_that_a_function_may_call() -> None:
    roles = {re.search(r"\w+Role", each["role"]["Fn::Sub"]).group() for each in SERVICE["functions"].values()}  # type: ignore[union-attr]
    resources = yaml.safe_load((ROOT / "resources" / "access.yml").read_text(encoding="utf-8"))["Resources"]
    operations = list_operations(SERVICES)
    checked, missing = set(), set()
    for action in set(list_actions([resources[role] for role in roles])) - NOT_CALLED:
        prefix, _, name = action.partition(":")
        service = SERVICE_OF_PREFIX.get(prefix, prefix)
        if service in SERVICES and name in load_model(service)["operations"]:
            checked.add(action)
            missing |= {action} - {f"{prefix}:{each}" for each in operations[service]}
    assert missing == set()
    assert len(checked) > 50


def test_operations_are_found_in_both_spellings(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text('client.create_model()\nshape = "CreateEndpointConfig"\n', encoding="utf-8")
    assert list_operations(["sagemaker"], [tmp_path]) == {"sagemaker": ["CreateEndpointConfig", "CreateModel"]}


def test_a_trimmed_description_still_checks_requests_in_depth() -> None:
    trimmed = trim_model(load_model("sagemaker"), ["CreateEndpointConfig"])
    assert list(trimmed["operations"]) == ["CreateEndpointConfig"]
    assert len(trimmed["shapes"]) < len(load_model("sagemaker")["shapes"]) / 10
    shape = ServiceModel(trimmed, "sagemaker").operation_model("CreateEndpointConfig").input_shape
    assert shape is not None
    variant = {"VariantName": "all", "ManagedInstanceScaling": {"Status": 1}}
    with pytest.raises(ParamValidationError, match=r"ManagedInstanceScaling\.Status"):
        validate_parameters({"EndpointConfigName": "e", "ProductionVariants": [variant]}, shape)


def test_a_layer_is_trimmed_without_touching_the_files_that_it_shares(tmp_path: Path) -> None:
    source = Path(botocore.__file__).parent / "data"
    service = tmp_path / "layer" / "botocore" / "data" / "sns"
    for version in ("2009-01-01", "2010-03-31"):
        (service / version).mkdir(parents=True)
        shutil.copy(source / "sns" / "2010-03-31" / "service-2.json.gz", service / version)
    (service.parent / "sqs").mkdir()
    described = service / "2010-03-31" / "service-2.json.gz"
    before = described.read_bytes()
    os.link(described, tmp_path / "cached")
    trim_services(tmp_path / "layer", {"sns": ["Publish"]})
    assert list(json.loads(gzip.decompress(described.read_bytes()))["operations"]) == ["Publish"]
    assert (tmp_path / "cached").read_bytes() == before
    assert [path.name for path in service.iterdir()] == ["2010-03-31"]
    assert [path.name for path in service.parent.iterdir()] == ["sns"]


def test_bytecode_is_the_same_each_time_and_names_files_as_the_functions_see_them(tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "one" / "python", tmp_path / "two" / "python"):
        folder.mkdir(parents=True)
        module = folder / "module.py"
        module.write_text(PYTHON_CODE, encoding="utf-8")
        compile_files(sys.executable, folder, check_source=False)
        written.append(Path(cache_from_source(str(module))).read_bytes())
    assert written[0] == written[1]
    assert b"python/module.py" in written[0]
    assert str(tmp_path).encode() not in written[0]


@pytest.mark.parametrize("check_source", [True, False])
def test_only_code_that_people_edit_is_compared_with_its_source(tmp_path: Path, check_source: bool) -> None:
    module = tmp_path / "module.py"
    module.write_text(PYTHON_CODE, encoding="utf-8")
    compile_files(sys.executable, tmp_path, check_source=check_source)
    # https://peps.python.org/pep-0552/: the second word of a .pyc; 1 for a hash, 2 for one to be compared.
    assert Path(cache_from_source(str(module))).read_bytes()[4:8] == bytes([3 if check_source else 1, 0, 0, 0])


def test_code_is_compiled_again_only_when_it_or_its_bytecode_differs(tmp_path: Path) -> None:
    code, stamp = tmp_path / "code", tmp_path / "stamps" / "compiled"
    code.mkdir()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    module, other = code / "module.py", code / "other.py"
    compiled = Path(cache_from_source(str(module)))

    def compile_all(python: str | None = sys.executable) -> tuple[bytes, int] | None:
        compile_code([code], version, python, stamp)
        return (compiled.read_bytes(), compiled.stat().st_mtime_ns) if compiled.exists() else None

    for path in (module, other):
        path.write_text(PYTHON_CODE, encoding="utf-8")
    first = compile_all()
    assert first is not None
    assert compile_all() == first
    compiled.write_bytes(b"")
    repaired = compile_all()
    assert repaired is not None
    assert repaired[0] == first[0]
    module.write_text(PYTHON_CODE.replace("42", "43"), encoding="utf-8")
    changed = compile_all()
    assert changed is not None
    assert changed[0] != first[0]
    other.unlink()
    compile_all()
    assert [path.name for path in compiled.parent.iterdir()] == [compiled.name]
    assert compile_all(None) is None


def test_an_interpreter_is_found_by_its_version_or_not_at_all() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert find_python(version)
    assert find_python("2.99") is None


def test_a_version_of_pyenv_is_found_that_is_not_selected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python2.99"
    program.write_text('#!/bin/sh\n[ "$PYENV_VERSION" = 2.99 ] && echo /versions/2.99/bin/python\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYENV_VERSION", "3.11")
    assert find_python("2.99") == "/versions/2.99/bin/python"


def test_the_bytecode_of_lambda_s_python_is_packed() -> None:
    tag = f"cpython-{SERVICE['provider']['runtime'].removeprefix('python').replace('.', '')}"
    assert [each for each in SERVICE["package"]["patterns"] if each.endswith(f".{tag}.pyc")]


def test_the_code_that_counts_is_the_code_that_is_packed() -> None:
    left_out = {
        each for each in SERVICE["package"]["patterns"] if each.startswith("!sagebuild/") and each.endswith("/**")
    }
    assert left_out == {f"!{folder.relative_to(ROOT)}/**" for folder in NOT_PACKED}


@pytest.mark.parametrize("package", ["handlers", "skill"])
def test_a_cold_start_does_not_look_for_garbage(package: str) -> None:
    code = f"import {package}, gc; print(gc.get_threshold()[0])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ended.stdout) == 300_000


def test_the_sources_of_the_functions_stay_small() -> None:
    """docs/performance.md has the sizes of the archives; the goal of 300 KB is missed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in (path for folder in OWN_CODE for path in folder.rglob("*") if path.suffix in (".py", ".json")):
            if not any(path.is_relative_to(left_out) for left_out in NOT_PACKED):
                archive.write(path)
    assert packed.tell() < 625_000
