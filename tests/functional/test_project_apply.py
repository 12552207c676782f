"""A pipeline is made to match a project, once, and without overwriting the changes of others."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import sagebuild
from sagebuild.builds.records import list_builds
from sagebuild.client.document import Parameters
from sagebuild.errors import ConflictError, InputError, MalformedMessageError, ProjectFileError
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import read_message
from sagebuild.parameters import default_document
from sagebuild.parameters.store import DESCRIPTION, write_document, write_text
from sagebuild.project.apply import ProjectChanges, apply_changes, find_changes
from sagebuild.project.check import check_in_stack
from sagebuild.project.file import FILE, read_project
from sagebuild.project.git import describe_commit
from sagebuild.service import Service
from tests.functional.conftest import REGION, STACK, FakeQuotas, Stack, client
from tests.functional.served_stack import environment, serving_stack

PROJECT = """parameters:
  framework: SCIKIT
  frameworkversion: "1.9-0"
  trainentrypoint: train.py
source: src
data:
  training: data
"""
COMMIT = "3f2a1c0b" * 5


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    for name, text in {FILE: PROJECT, "src/train.py": "1", "data/a.csv": "1,2\n", "data/more/b.csv": "3,4\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def service(stack: Stack) -> Service:
    write_document(stack.service, default_document("SCIKIT"), overwrite=False)
    return stack.service


def compare(project: Path, service: Service) -> ProjectChanges:
    return find_changes(read_project(project), service)


def apply(project: Path, service: Service) -> ProjectChanges:
    changes = compare(project, service)
    apply_changes(changes)
    return changes


def list_keys(bucket: str) -> list[str]:
    answer = client("s3").list_objects_v2(Bucket=f"{STACK}-{bucket}")
    return [one["Key"] for one in answer.get("Contents", [])]


def test_archive_document_and_data_are_written_once(project: Path, service: Service) -> None:
    changes = apply(project, service)
    (archive,) = list_keys("code")
    assert archive.startswith("digits-")
    assert f"+ source: {archive} (1 file, 1 byte)" in changes.lines
    assert f'+ trainsourcefile: "{archive}"' in changes.lines
    assert list_keys("data") == ["train/a.csv", "train/more/b.csv"]
    document = Parameters(service).document
    assert (document["trainsourcefile"], document["trainentrypoint"]) == (archive, "train.py")
    again = compare(project, service)
    assert (again.is_empty, again.lines, again.notes, str(again)) == (True, [], [], "No changes.")


def test_only_what_differs_is_written(project: Path, service: Service) -> None:
    apply(project, service)
    (project / "data" / "a.csv").write_text("9,2\n", encoding="utf-8")
    changes = apply(project, service)
    assert changes.lines == [f"+ data.training: s3://{STACK}-data/train/a.csv"]
    (project / "src" / "train.py").write_text("2", encoding="utf-8")
    first, second = apply(project, service).lines
    assert first.startswith("+ source: digits-")
    assert second.startswith("~ trainsourcefile: ")
    assert len(list_keys("code")) == 2, "an archive is never replaced"
    assert compare(project, service).is_empty


def test_a_pipeline_with_a_name_gets_its_own_folders(project: Path, service: Service) -> None:
    bound = service.for_pipeline("fraud")
    write_document(bound, default_document("SCIKIT"), overwrite=False)
    apply(project, bound)
    assert all(key.startswith("fraud/") for bucket in ("code", "data") for key in list_keys(bucket))


def test_other_objects_of_a_channel_are_reported_and_stay(project: Path, service: Service) -> None:
    client("s3").put_object(Bucket=f"{STACK}-data", Key="train/old.csv", Body=b"1")
    (note,) = apply(project, service).notes
    assert "1 objects that are not in the project, such as s3://sagebuild-test-data/train/old.csv" in note
    assert "train/old.csv" in list_keys("data")


def test_the_data_of_jobs_is_uploaded_too(project: Path, service: Service) -> None:
    jobs = """  processing:
    - {name: split, script: train.py, inputs: {raw: {path: raw/}}, outputs: [train]}
  channels: {training: {output: split.train}}
  evaluation: {script: train.py, inputs: {more: {path: raw/more/}}}
  batchtransform: {path: score/}
source: src
"""
    text = PROJECT.replace("source: src\n", jobs).replace(
        "training: data", "split.raw: data\n  batchtransform: data/a.csv"
    )
    (project / FILE).write_text(text, encoding="utf-8")
    changes = apply(project, service)
    uploads = ["split.raw: s3://{}raw/a.csv", "split.raw: s3://{}raw/more/b.csv", "batchtransform: s3://{}score/a.csv"]
    assert changes.lines[-3:] == [f"+ data.{line.format(f'{STACK}-data/')}" for line in uploads]
    assert list_keys("data") == ["raw/a.csv", "raw/more/b.csv", "score/a.csv"]
    assert compare(project, service).is_empty


def test_a_change_by_others_is_not_overwritten_unless_wanted(project: Path, service: Service) -> None:
    apply(project, service)
    Parameters(service).set(trainmaxrun=2)
    changes = compare(project, service)
    with pytest.raises(ConflictError, match=r"(?s)was changed after the last apply, by .*\n\+ trainmaxrun: 2\n"):
        apply_changes(changes)
    assert Parameters(service).document["trainmaxrun"] == 2
    apply_changes(changes, overwrite=True)
    assert "trainmaxrun" not in Parameters(service).document
    assert compare(project, service).is_empty


def test_of_two_projects_that_are_applied_at_once_the_second_is_refused(
    project: Path, service: Service, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(project, tmp_path / "other"))
    (other / FILE).write_text(PROJECT.replace("source:", "  trainmaxrun: 2\nsource:"), encoding="utf-8")
    first, same, second = compare(project, service), compare(project, service), compare(other, service)
    apply_changes(first)
    apply_changes(same)
    with pytest.raises(ConflictError, match=r"(?s)changed while the project was applied:\n.*apply the project again"):
        apply_changes(second)
    document = Parameters(service).document
    assert (document["trainsourcefile"].startswith("digits-"), "trainmaxrun" in document) == (True, False)
    apply(other, service)
    assert Parameters(service).document["trainmaxrun"] == 2, "the next comparison shows what it replaces"


def test_a_change_that_the_project_has_too_is_no_conflict(project: Path, service: Service) -> None:
    apply(project, service)
    Parameters(service).set(trainmaxrun=2)
    (project / FILE).write_text(PROJECT.replace("source:", "  trainmaxrun: 2\nsource:"), encoding="utf-8")
    assert compare(project, service).is_empty


def test_a_change_in_the_console_keeps_the_description_and_is_found(project: Path, service: Service) -> None:
    apply(project, service)
    history = service.ssm.get_parameter_history(Name=f"/{STACK}/parameters")["Parameters"]
    edited = json.dumps(json.loads(history[-1]["Value"]) | {"trainmaxrun": 3})
    write_text(service, edited, overwrite=True, description=history[-1]["Description"])
    assert "trainmaxrun: 3" in compare(project, service).conflict


def test_a_document_that_was_edited_before_the_first_apply_is_not_overwritten(project: Path, service: Service) -> None:
    write_document(service, {"framework": "SCIKIT", "trainmaxrun": 1}, overwrite=True)
    with pytest.raises(ConflictError, match="and not from a project"):
        apply(project, service)
    assert list_keys("code") == [], "nothing was written"


def test_the_defaults_of_a_deployment_are_free_to_overwrite(project: Path, service: Service) -> None:
    write_text(service, json.dumps(Parameters(service).defaults(), indent=1), overwrite=True, description=DESCRIPTION)
    assert not compare(project, service).conflict


def test_a_script_creates_the_data_that_is_missing(project: Path, service: Service) -> None:
    text = PROJECT.replace("training: data", "training: {path: new/a.csv, script: make.py}")
    (project / FILE).write_text(text, encoding="utf-8")
    script = "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
    (project / "make.py").write_text(f"{script}path.parent.mkdir()\npath.write_text('1')\n", encoding="utf-8")
    apply(project, service)
    assert list_keys("data") == ["train/a.csv"]
    (project / FILE).write_text(text.replace("new/", "newer/"), encoding="utf-8")
    (project / "make.py").write_text("raise ValueError('no network')", encoding="utf-8")
    with pytest.raises(InputError, match=r"data.training: make.py failed: ValueError: no network"):
        compare(project, service)
    (project / "make.py").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"did not create newer/a\.csv"):
        compare(project, service)


def test_an_invalid_project_writes_nothing(project: Path, service: Service) -> None:
    (project / FILE).write_text(PROJECT.replace("train.py", "train.py\n  spott: 1"), encoding="utf-8")
    with pytest.raises(ProjectFileError, match="did you mean 'spot'"):
        apply(project, service)
    assert list_keys("code") == []


def run_git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_the_commit_of_the_folder_says_whether_its_files_differ(project: Path) -> None:
    assert describe_commit(project) == ""
    run_git(project.parent, "init", "--quiet")
    assert describe_commit(project) == "", "there is no commit yet"
    run_git(project.parent, "add", ".")
    run_git(project.parent, "commit", "--quiet", "--message=a")
    commit = describe_commit(project)
    assert len(commit) == 40
    (project.parent / "other.txt").touch()
    assert describe_commit(project) == commit, "another folder is not the project"
    run_git(project.parent, "checkout", "--quiet", "--detach")
    assert describe_commit(project) == commit, "as a workflow of GitHub checks out a pull request"
    (project / "src" / "new.py").touch()
    assert describe_commit(project) == f"{commit}-dirty"


def test_a_project_is_applied_without_git(project: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    run_git(project.parent, "init", "--quiet")
    run_git(project.parent, "add", ".")
    run_git(project.parent, "commit", "--quiet", "--message=a")
    monkeypatch.setenv("PATH", str(project))
    changes = apply(project, service)
    assert (changes.commit, Parameters(service).document["trainentrypoint"]) == ("", "train.py")
    assert "git commit" not in client("ssm").describe_parameters()["Parameters"][0]["Description"]


def test_python_applies_to_the_pipeline_of_the_environment(
    project: Path, stack: Stack, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_stack(stack) as address:
        for name, value in (environment(address) | {"SAGEBUILD_STACK": STACK, "AWS_REGION": REGION}).items():
            monkeypatch.setenv(name, value)
        assert sagebuild.Project(project).apply(check=False) is None, "no build was asked for"
        assert Parameters(service).document["trainentrypoint"] == "train.py"
        assert list_keys("data") == ["train/a.csv", "train/more/b.csv"]
        assert sagebuild.Project(project).compare(sagebuild.connect()).is_empty


def build_notification(number: int, commit: str) -> Any:
    attributes = {"trigger": {"Value": "command"}, "commit": {"Value": commit}} if commit else {}
    envelope = {"Type": "Notification", "TopicArn": "launch", "MessageId": str(number), "Message": "{}"}
    return read_message(json.dumps(envelope | {"MessageAttributes": attributes}), str(number), "launch")


def build_event(number: int, commit: str) -> Any:
    detail = {"trigger": "command", "detail": "ada", "overrides": {}, "commit": commit}
    event = {"id": str(number), "source": "sagebuild", "detail-type": "stack/fraud", "detail": detail}
    return read_message(json.dumps(event), str(number), "launch")


@pytest.mark.parametrize("build", [build_notification, build_event])
def test_the_record_has_the_last_commit_that_a_request_named(service: Service, build: Any) -> None:
    requests = [build(1, COMMIT), build(2, f"{COMMIT}-dirty"), build(3, "")]
    launch_builds(service, requests)
    (record,) = list_builds(service)
    assert record.project_commit == f"{COMMIT}-dirty"
    with pytest.raises(MalformedMessageError, match="it must be a git hash"):
        build(4, "main; rm")


def test_a_check_in_a_stack_sees_the_files_of_the_folder_and_the_deployment(project: Path, service: Service) -> None:
    (project / FILE).write_text(PROJECT + "deploy: {vpcAccess: true}\n", encoding="utf-8")
    (project / "src" / "train.py").write_text("def model_fn(model_dir): ...", encoding="utf-8")
    service.__dict__["quotas"] = FakeQuotas({})
    findings = {one.subject: one for one in check_in_stack(project, service).findings}
    assert (findings["data"].state, findings["data"].message) == ("ok", "data and scripts exist")
    assert findings["deployment"].state == "error"
    assert '--param="vpcAccess=true"' in findings["deployment"].message
    assert findings.keys() >= {"project", "images", "access", "account", "quotas", "cost"}
    assert list_keys("code") == list_keys("data") == [], "nothing was uploaded"
    (project / FILE).write_text(PROJECT.partition("data:")[0], encoding="utf-8")
    (data,) = [one for one in check_in_stack(project, service).findings if one.subject == "data"]
    assert (data.state, "has no objects at" in data.message) == ("error", True)
