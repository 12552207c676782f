"""A build's source from git: the commands that CodeBuild runs, on real repositories, and what the plan says of them."""

import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from sagebuild.builds.context import BuildContext
from sagebuild.errors import ParameterError
from sagebuild.parameters import ScriptModeParameters, parse_parameters
from sagebuild.requests.bodies import build_hyperparameters
from sagebuild.requests.git_source import find_git_problems, plan_source
from tests.e2e.git import commit, git, write_files
from tests.functional.conftest import Stack

NUMBER = 7
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sagebuild-test/git-Ab"
# Instead of AWS's command line: the upload copies the file, and the secret is a variable.
AWS = """#!/bin/sh
case "$1" in
  s3) shift; [ "$2" = --quiet ] && cp "$3" "$ARCHIVE" ;;
  secretsmanager) [ -n "$SECRET" ] && printf '%s' "$SECRET" ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two branches, a library beside the source, and a tag."""
    folder = tmp_path / "repository"
    commit(folder, {"src/train.py": "one", "src/inference.py": "", "libs/common/a.py": "", "notes.md": ""})
    git(folder, "tag", "v1")
    git(folder, "checkout", "--quiet", "-b", "feature/two")
    commit(folder, {"src/train.py": "two"})
    git(folder, "checkout", "--quiet", "main")
    return folder


def context_of(stack: Stack, **document: Any) -> BuildContext[ScriptModeParameters]:
    given = {"framework": "SCIKIT", "trainentrypoint": "train.py", **document}
    context = BuildContext(stack.service, NUMBER, parse_parameters(given)).narrow(ScriptModeParameters)
    assert context
    return context


def fetch(stack: Stack, tmp_path: Path, secret: str = "", **document: Any) -> tuple[int, str, dict[str, str]]:
    """Run the commands; return the exit code, the log, and the contents of the archive by name."""
    request = plan_source(context_of(stack, **document))["request"]
    (command,) = yaml.safe_load(request["BuildspecOverride"])["phases"]["build"]["commands"]
    work, archive = tmp_path / "work", tmp_path / "archive.tar.gz"
    (work / "source").mkdir(parents=True)
    write_files(work, {"bin/aws": AWS})
    (work / "bin" / "aws").chmod(0o755)
    variables = {each["Name"]: each["Value"] for each in request["EnvironmentVariablesOverride"]}
    ended = subprocess.run(
        ["sh", "-c", f"{command}\necho resolved=$SOURCE_COMMIT token=$GIT_TOKEN"],
        cwd=work / "source",
        env=variables
        | {"HOME": str(work), "PATH": f"{work}/bin:{os.environ['PATH']}", "ARCHIVE": str(archive), "SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if not archive.exists():
        return ended.returncode, ended.stdout, {}
    with tarfile.open(archive) as content:
        files = {m.name.removeprefix("./"): content.extractfile(m) for m in content if m.isreg()}
        return ended.returncode, ended.stdout, {name: file.read().decode() for name, file in files.items() if file}


def test_a_commit_is_packed_with_its_dependencies(stack: Stack, tmp_path: Path, repository: Path) -> None:
    config = {"repo": f"file://{repository}", "folder": "src"}
    code, log, files = fetch(stack, tmp_path, git_config=config, dependencies=["libs/common", "notes.md"])
    assert code == 0, log
    assert files == {"train.py": "one", "inference.py": "", "common/a.py": "", "notes.md": ""}
    assert f"resolved={git(repository, 'rev-parse', 'main')} token=\n" in log


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"branch": "feature/two"}, "two"),
        ({"branch": "v1"}, "one"),
        ({"commit": "feature/two"}, "two"),
        ({"branch": "feature/two", "commit": "main"}, "one"),
    ],
)
def test_branch_tag_and_commit_select_the_source(
    stack: Stack, tmp_path: Path, repository: Path, chosen: dict[str, str], text: str
) -> None:
    """The commits are given by branch here, and by their hash in the document."""
    revision = {"commit": git(repository, "rev-parse", chosen["commit"])} if "commit" in chosen else {}
    config = {"repo": f"file://{repository}", "folder": "src", **chosen, **revision}
    assert fetch(stack, tmp_path, git_config=config)[2]["train.py"] == text


def test_a_whole_repository_is_packed_without_its_history(stack: Stack, tmp_path: Path, repository: Path) -> None:
    config = {"repo": f"file://{repository}"}
    _, log, files = fetch(stack, tmp_path, git_config=config, trainentrypoint="src/train.py")
    assert files.keys() == {"src/train.py", "src/inference.py", "libs/common/a.py", "notes.md"}, log


@pytest.mark.parametrize(
    ("config", "document", "reason"),
    [
        ({"branch": "absent"}, {}, "has no branch or tag absent"),
        ({"commit": "abcdef0"}, {}, "has no commit abcdef0"),
        ({"folder": "absent"}, {}, "has no folder absent"),
        ({}, {"trainentrypoint": "absent.py"}, r"has no file absent.py in the folder src"),
        ({}, {"hostentrypoint": "serve.py"}, "has no file serve.py"),
        ({}, {"dependencies": ["libs/absent"]}, "has no dependency libs/absent"),
        ({}, {"dependencies": ["libs/train.py"]}, "would replace train.py"),
        ({"repo": "file:///absent"}, {}, "git cannot clone file:///absent"),
        (
            {"secret": SECRET},
            {},
            "cannot be read",
        ),
    ],
)
def test_the_reason_is_named(
    stack: Stack, tmp_path: Path, repository: Path, config: dict[str, str], document: dict[str, Any], reason: str
) -> None:
    commit(repository, {"libs/train.py": ""})
    given = {"repo": f"file://{repository}", "folder": "src", **config}
    code, log, files = fetch(stack, tmp_path, git_config=given, **document)
    assert (code, files) == (1, {})
    assert [line for line in log.splitlines() if line.startswith("ERROR: ") and reason in line], log


def test_the_token_of_a_secret_reaches_git_only(stack: Stack, tmp_path: Path, repository: Path) -> None:
    config = {"repo": f"file://{repository}", "folder": "src", "secret": SECRET}
    code, log, _ = fetch(stack, tmp_path, secret="t0ken", git_config=config)
    assert (code, "t0ken" in log) == (0, False)
    helper = (tmp_path / "work" / ".gitconfig").read_text()
    assert "t0ken" not in helper
    asked = subprocess.run(
        ["git", "credential", "fill"],
        input="protocol=https\nhost=example.com\n\n",
        env={"HOME": str(tmp_path / "work"), "PATH": os.environ["PATH"], "GIT_TOKEN": "x-access-token:t0ken"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "username=x-access-token\npassword=t0ken" in asked.stdout


def test_the_training_and_the_endpoint_use_the_packed_archive(stack: Stack) -> None:
    context = context_of(stack, git_config={"repo": "https://example.com/a/b"})
    key = f"sources/{stack.service.stack_name}-{stack.service.stack_key}-{NUMBER}.tar.gz"
    submitted = build_hyperparameters(context)["sagemaker_submit_directory"]
    assert submitted == f'"s3://{stack.service.settings.code_bucket}/{key}"'
    assert plan_source(context_of(stack, trainsourcefile="a.tar.gz")) == {"wanted": False}


def test_a_secret_of_another_name_is_refused(stack: Stack) -> None:
    secret = SECRET.replace("sagebuild-test", "other")
    context = context_of(stack, git_config={"repo": "https://example.com/a/b", "secret": secret})
    (problem,) = find_git_problems(context)
    assert "secrets whose name begins with sagebuild-test/" in problem


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"git_config": {"repo": "https://example.com/a", "token": "t0ken"}}, "must not contain token, because many"),
        (
            {"git_config": {"repo": "https://example.com/a", "username": "me", "password": "t0ken"}},
            "must not contain username or password",
        ),
        ({"git_config": {"repo": "https://me:t0ken@example.com/a"}}, "has a user or token in repo"),
        ({"git_config": {"repo": "https://example.com/a", "2FA_enabled": False}}, "must not contain 2FA_enabled"),
        ({"git_config": {"repo": "ext::sh -c x"}}, "must be https://host/owner/repository"),
        ({"git_config": {"repo": "https://example.com/a", "branch": "--upload-pack=x"}}, "must be a branch or tag"),
        ({"git_config": {"repo": "https://example.com/a", "commit": "main"}}, "must be a commit of 7 to 64"),
        ({"git_config": {"repo": "https://example.com/a"}, "trainsourcefile": "a.tar.gz"}, "are both given"),
        ({"dependencies": ["libs"]}, "upload source FOLDER --dependency FOLDER"),
        ({"git_config": {"branch": "main"}}, "git_config.repo is missing"),
    ],
)
def test_what_the_document_must_not_contain_is_refused(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence) as refused:
        parse_parameters({"framework": "SCIKIT", "trainentrypoint": "train.py", **document})
    assert "t0ken" not in str(refused.value)
