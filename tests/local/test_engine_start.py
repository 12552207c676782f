"""``python -m local`` makes its data folder private, and reports in one sentence why it cannot start."""

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sagebuild.child_process import running
from tests.engine import ROOT, running_engine
from tests.local.test_engine import local


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("file", "cannot write to {}/file (File exists)"),
        ("file/below", "cannot write to {}/file/below (Not a directory)"),
        ("locked", "cannot write to {}/locked/lock (Is a directory)"),
        ("shared", "{}/shared has other files, and other users can open it"),
    ],
)
def test_a_data_folder_that_cannot_be_used_is_reported(tmp_path: Path, folder: str, reason: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "locked" / "lock").mkdir(parents=True)
    (tmp_path / "shared" / "mine").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o755)
    said = local("--port", "0", "--data", str(tmp_path / folder))
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"local: {reason.format(tmp_path)}; use another folder: --data FOLDER\n"


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_reported(tmp_path: Path, host: str) -> None:
    said = local("--port", "0", "--data", str(tmp_path), "--allow-remote", "--host", host)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("local: cannot listen on ")
    assert said.stderr.endswith("); give an address of this machine\n")


def test_only_the_user_can_open_the_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    with running_engine(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "lock").stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_engine_that_is_still_starting(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "local", "--port", "0", "--data", str(tmp_path)]
    with running(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while not (tmp_path / "lock").exists():
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stdout
        assert process.stdout.read() == ""


def test_calls_are_answered_after_the_reader_of_the_log_has_ended(tmp_path: Path) -> None:
    """Such as head in ``python -m local --log-calls | head``."""
    with running_engine(tmp_path, "--log-calls") as engine:
        assert engine.process.stdout
        engine.process.stdout.close()
        assert engine.client("sns").create_topic(Name="topic")["TopicArn"].endswith(":topic")
