"""`sagebuild init` copies a ready pipeline that passes its checks, with a workflow for GitHub."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import sagebuild
from sagebuild.cli.app import app
from sagebuild.project.init import WORKFLOW, list_ready_pipelines
from tests.command_line import Ended, run_command
from tests.engine import ROOT
from tests.ready_pipelines import list_pipelines


def init(*arguments: str) -> Ended:
    return run_command("init", *arguments, environment={"HOME": "/"})


@pytest.mark.parametrize("name", [pipeline.name for pipeline in list_pipelines()])
def test_a_copy_of_each_ready_pipeline_passes_its_checks(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "mine"
    ended = init(name, str(folder))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(f"Next: sagebuild check {folder}\n")
    assert sagebuild.Project(folder).check().has_no_errors
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"pipelines/|make pipeline|\.\./", readme)
    assert not (folder / "expect.json").exists()
    assert not (folder / "data" / "train.csv").exists()


def test_the_folder_alone_is_enough(tmp_path: Path) -> None:
    ended = init(str(tmp_path / "a"), "--json")
    assert json.loads(ended.stdout)["pipeline"] == "digits"
    assert "/data/" in (tmp_path / "a" / ".gitignore").read_text(encoding="utf-8")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    ended = init("digits", str(tmp_path))
    assert (ended.returncode, (tmp_path / "README.md").read_text(encoding="utf-8")) == (1, "mine")
    assert "already has README.md" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_an_unknown_pipeline_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    ended = init("digit", str(tmp_path / "a"))
    assert ended.returncode == 1
    assert "There is no ready pipeline 'digit'; the pipelines are amazon-algorithm, " in ended.stderr


def test_each_ready_pipeline_has_a_title() -> None:
    assert list(list_ready_pipelines()) == [pipeline.name for pipeline in list_pipelines()]
    assert all(list_ready_pipelines().values())


def read_steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_workflow_uses_commands_that_exist_and_the_actions_of_this_repository(tmp_path: Path) -> None:
    init(str(tmp_path / "a"))
    text = (tmp_path / "a" / WORKFLOW).read_text(encoding="utf-8")
    steps = read_steps(yaml.load(text, yaml.BaseLoader))
    commands = re.findall(r"\bsagebuild (\w+)", "\n".join(step.get("run", "") for step in steps))
    assert {"check", "apply", "run", "status"} == set(commands) <= get_command(app).commands.keys()  # type: ignore[attr-defined]
    assert 'PACKAGES: "numpy scikit-learn"' in text  # what make_data.py imports
    ours = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    actions = {step["uses"] for step in steps if step.get("uses", "").startswith("actions/")}
    assert actions
    assert all(action in ours for action in actions)
    triggers = (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8")
    named = re.findall(r"uses: (\S+)", text + triggers)
    assert [one for one in named if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)] == [], "each action is pinned"
