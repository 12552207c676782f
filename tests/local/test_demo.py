"""The demonstration's port, its turn in the folder that serverless writes to, and its end."""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from demo.local_aws import DemoError, folder_lock, refuse_busy_port
from sagebuild.child_process import running
from tests.engine import ROOT
from tests.local.functions import eventually
from tests.processes import await_end, is_alive


def test_a_busy_port_is_answered_with_a_command_that_works() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=rf"port {port} is in use.*; run: make local PORT=\d+$") as refused:
            refuse_busy_port(port, "local")
        refuse_busy_port(int(str(refused.value).rpartition("=")[2]), "local")
    refuse_busy_port(port, "local")
    refuse_busy_port(0, "demo")


def test_deployments_from_one_folder_take_turns() -> None:
    events, output = [], io.StringIO()

    def deploy() -> None:
        with folder_lock(Console(file=output)):
            events.append("second")

    with folder_lock(Console(file=io.StringIO())):
        second = threading.Thread(target=deploy)
        second.start()
        while "waiting" not in output.getvalue():
            second.join(0.01)
        events.append("first")
    second.join(10)
    assert events == ["first", "second"]


def demonstration(folder: Path, path: str) -> dict[str, Any]:
    """The options of a demonstration whose engine has its data in this folder."""
    environment = os.environ | {"PATH": path, "TMPDIR": str(folder), "COLUMNS": "200"}
    return {"cwd": ROOT, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


STOPPED = "\ndemo: stopped, with everything that it started\n"


@pytest.mark.parametrize(
    ("number", "output", "status"),
    [(signal.SIGTERM, STOPPED, 130), (signal.SIGINT, STOPPED, 130), (signal.SIGKILL, "", -signal.SIGKILL)],
)
def test_a_signal_during_the_deployment_ends_everything_and_deletes_the_data(
    tmp_path: Path, number: signal.Signals, output: str, status: int
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    npx = tmp_path / "npx"
    npx.write_text('#!/bin/sh\nsleep 60 & echo "deploys: $$ $! $AWS_ENDPOINT_URL"; wait\n')
    npx.chmod(0o755)
    options = demonstration(folder, f"{tmp_path}:{os.environ['PATH']}")
    with running([sys.executable, "-m", "demo"], **options) as process:
        assert process.stdout
        _, shell, child, _ = next(line for line in process.stdout if "deploys:" in line).split()
        (lock,) = folder.glob("*/lock")
        pids = [int(shell), int(child), int(lock.read_text().split()[1].strip(","))]
        assert all(map(is_alive, pids))
        process.send_signal(number)
        assert process.wait(20) == status
        assert await_end(pids) == []
        assert process.stdout.read() == output
        eventually(lambda: not list(folder.iterdir()))


def test_a_demonstration_that_cannot_run_says_why_in_one_sentence(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    with running([sys.executable, "-m", "demo"], **demonstration(tmp_path, str(programs))) as process:
        assert process.stdout
        *_, last = process.stdout.read().splitlines()
        assert last.startswith('demo: failed at "Deploy the service": npx is not on the PATH; install Node.js')
        assert process.wait(20) == 1
