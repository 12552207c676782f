"""The wheel holds what its users need, and every place that states a version of Python, Node or sagebuild agrees."""

import json
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine import ROOT

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
CLASSIFIER = "Programming Language :: Python :: 3."
PYTHONS = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if name.startswith(CLASSIFIER)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `make dist` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `sagebuild` of a new virtual environment with the wheel and scikit-learn, from uv's cache."""
    folder = tmp_path_factory.mktemp("environment")
    uv, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--offline"]
    install += ["--constraint", ROOT / "requirements-dev.txt"]
    subprocess.run([*install, "--python", python, wheel, "scikit-learn"], check=True)
    return folder / "bin" / "sagebuild"


def read_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return message_from_bytes(archive.read(f"sagebuild-{PROJECT['version']}.dist-info/METADATA"))


def test_the_wheel_holds_types_tables_models_and_docs_and_nothing_else_of_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {"py.typed", "images/images.json", "cost/prices.json", "client/interactionModels/custom/en.json"}
    expected |= {"project/build_workflow.yml", "project/pipelines/digits/sagebuild.yaml"}
    expected |= {"deployment/laptop/local/__main__.py", "deployment/laptop/local/server.py"}
    expected |= {f"assistants/docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    expected.add("assistants/docs/parameters.schema.json")
    assert {f"sagebuild/{name}" for name in expected} <= names
    assert {name.partition("/")[0] for name in names} == {"sagebuild", f"sagebuild-{PROJECT['version']}.dist-info"}


def test_the_wheel_alone_creates_checks_and_runs_a_project(installed: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        given = {"HOME": "/", "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [installed, *arguments], cwd=tmp_path, env=given, capture_output=True, text=True, check=True
        ).stdout

    assert "+ mine/sagebuild.yaml" in run("init", "digits", "mine")
    assert "scripts and data fit the parameters" in run("check", "mine")
    assert json.loads(run("run", "mine", "--json"))["metrics"]["accuracy"] > 0.9


def test_packages_that_are_listed_twice_have_the_same_versions() -> None:
    assert set(PYPROJECT["dependency-groups"]["lambda"]) <= set(PROJECT["dependencies"])
    assert set(PROJECT["optional-dependencies"]["local"]) <= set(PYPROJECT["dependency-groups"]["dev"])
    product = tomllib.loads((ROOT / "local" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(product["dependencies"]) <= {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["local"]}
    assert set(PROJECT["optional-dependencies"]["local"]) <= set(product["dependencies"])
    assert product["requires-python"] == PROJECT["requires-python"]


def test_the_wheel_describes_itself(wheel: Path) -> None:
    metadata = read_metadata(wheel)
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_command_line_prints_the_version_of_the_package() -> None:
    command = Path(sys.executable).with_name("sagebuild")
    ended = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"sagebuild {PROJECT['version']}\n"
    assert ended.stderr == ""


def test_the_npm_package_has_the_same_version() -> None:
    for name in ("package.json", "package-lock.json"):
        assert json.loads((ROOT / name).read_text(encoding="utf-8"))["version"] == PROJECT["version"], name


def test_the_oldest_python_is_stated_alike() -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
    assert f"Python {PYTHONS[0]} or later" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"--python-version {PYTHONS[0]} " in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_lambda_s_python_is_one_of_the_supported() -> None:
    runtime = yaml.load((ROOT / "serverless.yml").read_text(encoding="utf-8"), yaml.BaseLoader)["provider"]["runtime"]
    assert runtime.removeprefix("python") in PYTHONS
