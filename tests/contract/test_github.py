"""The workflows, the Makefile and the files that GitHub, git and pre-commit read agree with the project."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.test_package import PYTHONS
from tests.engine import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
GENERATED = (
    "docs/parameters.md",
    "docs/parameters.schema.json",
    "docs/pictures/terminal-watch.svg",
    "interactionModels/custom/en.json",
    "package-lock.json",
    "requirements.txt",
    "requirements-audit.txt",
    "requirements-dev.txt",
    "requirements-lint.txt",
    "requirements-mutants.txt",
    "requirements-sdk.txt",
    "sagebuild/cost/prices.json",
    "sagebuild/images/images.json",
)
WRITTEN = ("README.md", "statemachine.asl.json", "interactionModels/base/en.json", "tests/unit/golden/byod.json")


def read_yaml(path: Path) -> Any:
    # BaseLoader: "on" stays a word and 3.10 stays a text.
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def list_steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read_yaml(workflow)["jobs"].values() for step in job["steps"]]


def list_targets() -> set[str]:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    return set(phony[1].split())


def test_the_checks_run_on_every_supported_python() -> None:
    matrix = read_yaml(GITHUB / "workflows" / "checks.yml")["jobs"]["check"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_takes_lambda_s_python_the_oldest_node_and_pinned_actions(workflow: Path) -> None:
    lambda_python = read_yaml(ROOT / "serverless.yml")["provider"]["runtime"].removeprefix("python")
    oldest_node = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["engines"]["node"].removeprefix(">=")
    for step in list_steps(workflow):
        settings = step.get("with", {})
        assert settings.get("python-version", lambda_python) in (lambda_python, "${{ matrix.python }}")
        assert settings.get("node-version", oldest_node) == oldest_node
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", f"none@{'0' * 40}"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_permission_that_a_job_does_not_name(workflow: Path) -> None:
    content = read_yaml(workflow)
    assert content["permissions"] in ("{}", {})
    for job in content["jobs"].values():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("contents", "write"), ("id-token", "write")}
        assert "timeout-minutes" in job


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_exists(workflow: Path) -> None:
    commands = "\n".join(step.get("run", "") for step in list_steps(workflow))
    assert set(re.findall(r"^make (\S+)", commands, re.MULTILINE)) <= list_targets()
    for module in re.findall(r"python -m tools\.(\w+)", commands):
        assert (ROOT / "tools" / f"{module}.py").is_file()


def test_make_lists_every_target_and_the_pages_name_only_these() -> None:
    ended = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in ended.stdout.splitlines()]
    assert set(listed) == list_targets()
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *GITHUB.rglob("*.md"), *GITHUB.rglob("*.yml")]
    named = {name for page in pages for name in re.findall(r"[`\n]make (\w+)", page.read_text(encoding="utf-8"))}
    assert named <= set(listed)


def test_generated_files_are_marked_for_github() -> None:
    command = ["git", "check-attr", "linguist-generated", "--", *GENERATED, *WRITTEN]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    marked = {line.split(":")[0] for line in ended.stdout.splitlines() if line.endswith(": set")}
    assert marked == set(GENERATED)


def test_the_hooks_before_a_commit_need_no_network() -> None:
    repositories = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    programs = {hook["entry"].split()[0] for hook in hooks}
    assert programs <= {"git", ".venv/bin/python", ".venv/bin/ruff", ".venv/bin/mypy"}


@pytest.mark.parametrize("path", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.stem)
def test_an_issue_form_asks_for_what_it_needs(path: Path) -> None:
    form = read_yaml(path)
    assert form["name"]
    assert form["description"]
    identifiers = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(identifiers) == len(set(identifiers)) > 0
