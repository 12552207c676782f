"""A step of the set-up prints one line, and shows a command's output only when the command fails."""

import subprocess
import sys

from tests.engine import ROOT


def run_step(code: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "tools/set_up.sh", "install a package", sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_step_prints_its_title_and_its_seconds_and_no_noise() -> None:
    ended = run_step("import sys; print('added 232 packages'); print('npm warn install-scripts', file=sys.stderr)")
    assert ended.returncode == 0
    assert ended.stdout.startswith("set-up: install a package ... ")
    assert ended.stdout.endswith(" s\n")
    assert "232" not in ended.stdout
    assert ended.stderr == ""


def test_a_step_that_fails_shows_the_output_and_keeps_the_exit_code() -> None:
    ended = run_step("import sys; print('no such package'); sys.exit(7)")
    assert ended.returncode == 7
    assert "failed after " in ended.stdout
    assert ended.stderr == "no such package\n"
