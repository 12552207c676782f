"""`sagebuild check` examines a project without a stack, a network or credentials."""

import json
from pathlib import Path
from typing import Any

import pytest

import sagebuild
from sagebuild.project.file import FILE
from tests.command_line import Ended, run_command
from tests.ready_pipelines import ReadyPipeline, list_pipelines

SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--training", default=os.environ["SM_CHANNEL_TRAINING"])
parser.parse_args()
def model_fn(model_dir): ...
"""
PROJECT = """parameters:
  framework: SCIKIT
  frameworkversion: "1.9-0"
  trainentrypoint: train.py
  hyperparameters: {epochs: 3}
source: src
data:
  training: data/train.csv
"""
# A change of the project: what is replaced by what, the subject, state and line of a finding, and its words.
SPLIT = """  processing: [{name: split, script: split.py, cache: true, inputs: {raw: {path: raw/}}, outputs: [train]}]
  channels: {training: {output: split.train}}
source: src
data:
  """
WRONG: dict[str, tuple[str, str, str, str, int, str]] = {
    "a misspelt parameter": ("hyperparameters:", "hyperparameter:", "project", "error", 5, "did you mean"),
    "no entry point": ("train.py\n", "trian.py\n", "files", "error", 6, "which does not contain trian.py"),
    "no such folder": ("source: src", "source: source", "project", "error", 6, "there is no such folder"),
    "no data": ("data/train.csv", "data/test.csv", "project", "error", 8, "No such file or folder"),
    "no such channel": ("  training:", "  testing:", "project", "error", 8, "it can have training"),
    "no such image": ('"1.9-0"', '"0.1-0"', "requests", "error", 0, "no inference image of version"),
    "an argument that the script refuses": ("epochs: 3", "rounds: 3", "files", "unknown", 0, "refuses the argument"),
    "a type that SageMaker lacks": (
        "  trainentry", "  traininstancetype: ml.m5.huge\n  trainentry", "project", "error", 4, "ml.m5.huge",
    ),
    "a script for an algorithm": ("SCIKIT\n", "AMAZON\n  algorithm: kmeans\n", "project", "error", 5, "belongs to"),
    "no data for a job": (
        "source: src\ndata:\n  ", SPLIT, "project", "error", 10, "The channel training reads s3://sagebuild-dev-model/"
    ),
    "no such input of a job": (
        "source: src\ndata:\n  training", f"{SPLIT}split.row", "project", "error", 10, "it can have training, split.raw"
    ),
    "no script of a job": (
        "source: src\ndata:\n  training", f"{SPLIT}split.raw", "files", "error", 6, "processing[0].script is split.py"
    ),
    "no script": ("data/train.csv", "{path: new, script: make.py}", "project", "error", 8, "there is no such file"),
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    (folder / "src").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / FILE).write_text(PROJECT, encoding="utf-8")
    (folder / "src" / "train.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "data" / "train.csv").write_text("1,2\n", encoding="utf-8")
    return folder


def check(project: Path, *options: str, **environment: str) -> Ended:
    return run_command("check", str(project), *options, environment={"HOME": str(project.parent), **environment})


def read_findings(ended: Ended) -> list[dict[str, Any]]:
    return json.loads(ended.stdout)  # type: ignore[no-any-return]


def test_a_right_project_is_checked_without_aws(project: Path) -> None:
    ended = check(project, "--json", "--region", "eu-west-1")
    assert (ended.returncode, ended.stderr) == (0, "")
    findings = {one["subject"]: one for one in read_findings(ended)}
    assert {one["state"] for one in findings.values()} == {"ok"}
    assert findings.keys() == {"project", "images", "requests", "files", "cost"}
    assert "eu-west-1" in findings["images"]["message"]
    assert "a build in eu-west-1: at most $" in findings["cost"]["message"]


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_found_before_anything_is_deployed(project: Path, name: str) -> None:
    before, after, subject, state, line, words = WRONG[name]
    assert before in PROJECT
    (project / FILE).write_text(PROJECT.replace(before, after), encoding="utf-8")
    ended = check(project, "--json")
    assert ended.returncode == (1 if state == "error" else 0), ended.stdout
    found = [one for one in read_findings(ended) if (one["subject"], one["state"]) == (subject, state)]
    assert [one for one in found if words in one["message"] and one["line"] == line], ended.stdout


def test_a_finding_begins_with_its_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    text = PROJECT.replace("train.py\n", "trian.py\n")
    (project / FILE).write_text(text, encoding="utf-8")
    ended = run_command("check", environment={"HOME": "/"})
    (error,) = [line for line in ended.stdout.splitlines() if line.startswith("✗")]
    assert error.startswith("✗ files     sagebuild.yaml:6: trainsourcefile names "), ended.stdout
    assert "sagebuild.yaml:" not in ended.stdout.replace(error, ""), "what is right names no line"
    assert f"files        {error.partition('files')[2].strip()}" in repr(sagebuild.Project().check())


@pytest.mark.parametrize("name", ["src/common.py", "src/common", "data/more.csv", "data"])
def test_a_link_that_leads_out_of_the_project_is_refused(project: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "train.csv").write_text("1,2\n", encoding="utf-8")
    (project / "shared.py").write_text("", encoding="utf-8")
    (project / "src" / "inside.py").symlink_to("../shared.py")
    (project / FILE).write_text(PROJECT.replace("data/train.csv", "data"), encoding="utf-8")
    assert check(project).returncode == 0, "a link to another place of the project is followed"
    if name == "data":
        (project / "data").rename(project / "old")
    (project / name).symlink_to(outside / "train.csv" if "." in name else outside)
    ended = check(project)
    assert ended.returncode == 1
    printed = ended.stdout.replace("common/ ", "common ")
    assert f"{name.rpartition('/')[2]} is a link to {outside}" in printed, ended.stdout
    assert "outside of the project, which a clone of the project lacks; copy the content into" in ended.stdout


def test_data_that_a_script_will_create_is_no_mistake(project: Path) -> None:
    (project / "make.py").write_text("", encoding="utf-8")
    text = PROJECT.replace("data/train.csv", "{path: new, script: make.py}")
    (project / FILE).write_text(text, encoding="utf-8")
    assert check(project).returncode == 0


def test_data_of_a_job_that_the_project_does_not_bring_is_left_to_a_check_with_a_stack(project: Path) -> None:
    jobs = SPLIT.replace("split.py", "train.py").partition("data:")[0]
    (project / FILE).write_text(PROJECT.partition("source:")[0] + jobs, encoding="utf-8")
    ended = check(project)
    assert ended.returncode == 0, ended.stdout
    assert "no data for the input raw of the job split; pass --stack" in ended.stdout
    assert "no data for the channel training" not in ended.stdout, "the job writes it"


def test_data_outside_the_project_is_left_to_a_check_with_a_stack(project: Path) -> None:
    (project / FILE).write_text(PROJECT.partition("data:")[0], encoding="utf-8")
    ended = check(project)
    assert ended.returncode == 0
    assert "no data for the channel training; pass --stack" in ended.stdout


def test_github_gets_an_annotation_with_file_and_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)
    (project / FILE).write_text(
        PROJECT.replace("epochs: 3", "epochs: 3}\n  spott: {a: '1%\n\n    x'"), encoding="utf-8"
    )
    ended = run_command("check", "digits", environment={"GITHUB_ACTIONS": "true", "HOME": "/"})
    assert ended.returncode == 1
    (annotation,) = [line for line in ended.stdout.splitlines() if line.startswith("::")]
    assert annotation.startswith("::error file=digits/sagebuild.yaml,title=sagebuild%3A project,line=6::'spott' is not")
    assert "::" not in check(project).stdout


def test_python_and_the_command_line_find_the_same(project: Path) -> None:
    diagnosis = sagebuild.Project(project).check(region="eu-west-1")
    assert diagnosis.has_no_errors
    assert diagnosis.to_list() == read_findings(check(project, "--json", "--region", "eu-west-1"))


def test_the_archive_is_named_by_its_content(project: Path) -> None:
    def read_name() -> str:
        return str(read_findings(check(project, "--json"))[0]["message"])

    first = read_name()
    (project / "src" / "train.py").touch()
    assert read_name() == first
    (project / "src" / "train.py").write_text(SCRIPT + "\n", encoding="utf-8")
    assert read_name() != first


@pytest.mark.parametrize("pipeline", list_pipelines(), ids=lambda pipeline: pipeline.name)
def test_a_ready_pipeline_lacks_at_most_the_data_that_only_aws_creates(pipeline: ReadyPipeline) -> None:
    findings = sagebuild.Project(pipeline.folder).check().findings
    missing = "The project has no data for the channel training; pass --stack to examine the data bucket."
    expected = [missing] if pipeline.expectation.before else []  # what only AWS creates
    assert [one.message for one in findings if one.state != "ok"] == expected
