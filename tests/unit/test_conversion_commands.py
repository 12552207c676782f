"""The command that converts requests: its document, its report, its exit code, and the files that it reads."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sagebuild.__main__ import main
from tests.unit.conversions import FILES

TRAINING = FILES / "describe-training-job-pytorch.json"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Run the command line, without a stack or credentials; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["sagebuild", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_document_is_on_standard_output_and_the_report_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "params", "from-request", str(TRAINING)) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["trainentrypoint"] == "train.py"
    lines = printed.err.splitlines()
    assert lines[0] == "Without a counterpart: 4"
    assert lines[1:3] == [
        '- OutputDataConfig.CompressionType: "NONE"',
        "  sagebuild deploys the model.tar.gz of the training, so the output stays compressed",
    ]
    assert lines[-1] == "To store the document: sagebuild params replace FILE"


def test_an_invalid_document_is_printed_with_its_problems_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    request = json.loads(TRAINING.read_text(encoding="utf-8"))
    request["ResourceConfig"]["InstanceType"] = "large"
    request["DebugHookConfig"] = {"\x1b[31m": 1}
    changed = tmp_path / "training.json"
    changed.write_text(json.dumps(request), encoding="utf-16")  # as PowerShell writes it
    assert run(monkeypatch, "params", "from-request", str(changed)) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["traininstancetype"] == "large"
    assert '- traininstancetype is "large"' in printed.err
    assert printed.err.splitlines()[-1].endswith("It is from ResourceConfig.InstanceType.")
    assert "\x1b" not in printed.err


def test_standard_input_is_read_and_the_result_is_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TRAINING.read_bytes())))
    assert run(monkeypatch, "params", "from-request", "-", "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    result = json.loads(printed.out)
    assert result["document"]["framework"] == "PYTORCH"
    assert result["unconverted"][0] == {
        "field": "OutputDataConfig.CompressionType",
        "value": "NONE",
        "advice": "sagebuild deploys the model.tar.gz of the training, so the output stays compressed",
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not text"),
        (b'{"TrainingJobName": "\\ud800"}', "half a character"),
    ],
)
def test_a_file_without_a_request_is_refused(
    content: bytes | None,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "request.json"
    if content is not None:
        file.write_bytes(content)
    assert run(monkeypatch, "params", "from-request", str(file)) == 1
    assert reason in capsys.readouterr().err


def test_a_framework_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "params", "from-request", str(TRAINING), "--framework", "JAX") == 1
    assert "--framework is 'JAX'; it must be one of TENSORFLOW, " in capsys.readouterr().err


def test_an_old_document_is_migrated_and_each_change_is_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = str(FILES.with_name("predecessor") / "mxnet-tuning.json")
    assert run(monkeypatch, "migrate", old) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["mxnetversion"] == "1.1"
    assert '- frameworkversion "1.1": it is mxnetversion' in printed.err.splitlines()
    assert run(monkeypatch, "migrate", old, "--framework", "SCIKIT", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["document"]["framework"] == "SCIKIT"
    assert {"name": "framework", "action": "dropped", "value": "MXNET", "reason": "the framework is SCIKIT"} in (
        result["changes"]
    )
    assert result["problems"] == []
