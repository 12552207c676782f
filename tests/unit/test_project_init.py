"""`sagebuild init` copies a ready pipeline that passes its checks, with a workflow for GitHub."""

import json
import os
import pty
import re
import subprocess
import sys
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

# A stand-in for GitHub's command line, which keeps the comments of a pull request in a file.
GITHUB = """#!{python}
import json, sys
from pathlib import Path
store, given = Path("{store}"), sys.argv[1:]
comments = json.loads(store.read_text())
match given:
    case ["api", "--paginate", "--slurp", "repos/octo/digits/issues/7/comments"]:
        print(json.dumps([[comment] for comment in comments]))  # a page each
    case ["api", "--method", "PATCH", path, "--field", "body=@comment.md"]:
        number = int(path.removeprefix("repos/octo/digits/issues/comments/"))
        (comment,) = [one for one in comments if one["id"] == number]
        comment["body"] = Path("comment.md").read_text()
    case ["pr", "comment", "7", "--body-file", "comment.md"]:
        user = {{"login": "github-actions[bot]"}}
        comments.append({{"id": len(comments), "user": user, "body": Path("comment.md").read_text()}})
    case _:
        raise SystemExit(f"unknown: {{given}}")
store.write_text(json.dumps(comments))
"""


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
    assert not re.search(r"pipelines/|make (pipeline|local|examples)|\.\./", readme)
    assert not (folder / "expect.json").exists()
    assert not (folder / "data" / "train.csv").exists()


def test_the_folder_alone_is_enough(tmp_path: Path) -> None:
    ended = init(str(tmp_path / "a"), "--json")
    assert json.loads(ended.stdout)["pipeline"] == "digits"
    assert "/data/" in (tmp_path / "a" / ".gitignore").read_text(encoding="utf-8")


def test_a_terminal_is_asked_for_the_pipeline_alone(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sagebuild", "init", str(tmp_path / "a")]
    given = {"HOME": "/", "TERM": "xterm", "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=given) as process:
        os.close(theirs)
        shown = b""
        while b"Pipeline to copy [digits]:" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"xgboost\n")
        while b"Next: sagebuild check" not in shown:
            shown += os.read(ours, 4096)
        assert process.wait(30) == 0
    os.close(ours)
    assert b"batch-scoring: Score files every night without an endpoint" in shown
    assert "Classify wines with XGBoost" in (tmp_path / "a" / "README.md").read_text(encoding="utf-8")


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


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def test_the_workflow_edits_only_its_own_comment(tmp_path: Path) -> None:
    init(str(tmp_path / "a"))
    workflow = yaml.safe_load((tmp_path / "a" / WORKFLOW).read_text(encoding="utf-8"))
    (step,) = [one for one in read_steps(workflow) if one.get("name") == "Compare with the stack"]
    store = tmp_path / "github.json"
    robot, marker = {"login": "github-actions[bot]"}, "<!-- sagebuild sagebuild-dev/fraud -->"
    others = [
        {"id": 0, "user": robot, "body": "Coverage: 93 %"},
        {"id": 1, "user": {"login": "mallory"}, "body": f"{marker}\nmine"},
        {"id": 2, "user": robot, "body": "<!-- sagebuild sagebuild-dev/ -->\nof another pipeline"},
    ]
    store.write_text(json.dumps(others), encoding="utf-8")
    write_program(tmp_path / "bin" / "gh", GITHUB.format(python=sys.executable, store=store))
    write_program(tmp_path / "bin" / "sagebuild", '#!/bin/sh\necho "$@: $RESULT"\n[ "$RESULT" != bad ] || exit 1\n')

    def run(result: str) -> tuple[int, list[dict[str, Any]]]:
        variables = {"SAGEBUILD_STACK": "sagebuild-dev", "SAGEBUILD_PIPELINE": "fraud", "TRAIN": "true", "NUMBER": "7"}
        variables |= {"GITHUB_REPOSITORY": "octo/digits", "RESULT": result}
        variables["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", "-e", "-c", step["run"]]  # as GitHub runs it
        ended = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
        return ended.returncode, json.loads(store.read_text(encoding="utf-8"))

    code, comments = run("good")
    assert (code, comments[:3], len(comments)) == (0, others, 4)
    assert comments[3]["body"].startswith(f"{marker}\n### sagebuild\n")
    shown = re.findall(r"^(\S.*): good$", comments[3]["body"], re.MULTILINE)
    assert shown == ["apply --dry-run", "run --compare", "check", "status"]
    code, comments = run("bad")
    assert (code, comments[:3], len(comments)) == (1, others, 4), "an error fails the check, after the comment"
    assert "apply --dry-run: bad" in comments[3]["body"]
