"""The shell completes the command line, and without its libraries the command line says what to install."""

import sys
from typing import Any, NoReturn

import pytest

from sagebuild.__main__ import main
from sagebuild.cli import completion
from sagebuild.cli.bash_words import ASSIGNED, join_assignments
from sagebuild.errors import CredentialsError


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("sagebuild wa", ["watch"]),
        ("sagebuild logs --fo", ["--follow"]),
        ("sagebuild params get trainv", ["trainvolumesize"]),
        # The only name is completed up to "=", because there are two candidates.
        ("sagebuild params set trainv", ["trainvolumesize="]),
        ("sagebuild params set framew", ["framework=", "frameworkversion="]),
        ("sagebuild params set autoscaling.mi", ["autoscaling.minimum="]),
        ("sagebuild params reset --framework AM", ["AMAZON"]),
        # The command line itself gives the framework. bash splits words at "=".
        ("sagebuild params set framework = AMA", ["AMAZON"]),
        ("sagebuild params set framework = AMAZON trainent", []),
        ("sagebuild params set framework = AMAZON algorithm = k", ["kmeans", "knn"]),
        ("sagebuild params set framework = AMAZON algorithm = xgboost frameworkversion = 1.7", ["1.7-1"]),
        ("sagebuild params reset --framework BYOD dockerfile_path_T", ["dockerfile_path_Training="]),
        ("sagebuild params set spot =", ["true", "false"]),
        ("sagebuild params set traininstancetype = ml.p4d.24", ["ml.p4d.24xlarge"]),
        ("sagebuild start --set inputmode = F", ["File", "FastFile"]),
        ("sagebuild start --watch --set inputmode =", ["File", "Pipe", "FastFile"]),
        ("sagebuild pipelines create fraud --framework AMAZON --set algorithm = km", ["kmeans"]),
    ],
)
def test_words_are_completed_without_a_stack(
    words: str, completed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(completion, "connect", refuse)
    read = complete(monkeypatch, capsys, "bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert [word for word in read if word.endswith("=") or "=" not in word] == completed


def test_a_shell_that_does_not_split_at_the_sign_gets_whole_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(completion, "connect", refuse)
    words = "sagebuild params set framework=AMAZON algorithm=kn"
    asked = {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert complete(monkeypatch, capsys, "fish", **asked) == ["algorithm=knn"]


def refuse(*_arguments: Any, **_options: Any) -> NoReturn:
    """Instead of connect: there are no credentials."""
    raise CredentialsError


def complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str, **variables: str
) -> list[str]:
    """The words that a shell gets."""
    for name, value in {"_SAGEBUILD_COMPLETE": f"complete_{shell}", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(ASSIGNED, raising=False)
    monkeypatch.setattr(sys, "argv", ["sagebuild"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "place", "joined", "assigned"),
    [
        ("sagebuild params set spot = t", 5, "sagebuild params set t", "spot"),
        ("sagebuild params set spot =", 4, "sagebuild params set ", "spot"),
        ("sagebuild params set a = b spot = t", 8, "sagebuild params set a=b t", "spot"),
        ("sagebuild params set a = b spo", 6, "sagebuild params set a=b spo", None),
        ("sagebuild status --region = eu", 4, "sagebuild status --region = eu", None),
        ("sagebuild status ", 2, "sagebuild status ", None),
    ],
)
def test_assignments_are_joined_for_bash(words: str, place: int, joined: str, assigned: str | None) -> None:
    variables = {"_SAGEBUILD_COMPLETE": "complete_bash", "COMP_CWORD": str(place)}
    for separator in (" ", "\n"):
        environment = {**variables, "COMP_WORDS": words.replace(" ", separator)}
        join_assignments(environment)
        assert environment["COMP_WORDS"].split("\n") == joined.split(" ")
        assert environment["COMP_CWORD"] == str(joined.count(" "))
        assert environment.get(ASSIGNED) == assigned
