"""The shell completes the command line, and without its libraries the command line says what to install."""

import sys

import pytest

from sagebuild.__main__ import main


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("sagebuild wa", "watch"),
        ("sagebuild logs --fo", "--follow"),
        ("sagebuild params get trainv", "trainvolumesize"),
        ("sagebuild params set trainv", "trainvolumesize="),
    ],
)
def test_words_are_completed(
    words: str, completed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_SAGEBUILD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    monkeypatch.setattr(sys, "argv", ["sagebuild"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == [completed]


def test_the_error_without_libraries_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("sagebuild.cli", "typer"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "the command line needs typer; run: pip install" in capsys.readouterr().err
