"""Programs end with the process that started them, whatever ends that one."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sagebuild.child_process import running
from tests.engine import ROOT
from tests.processes import await_end, is_alive

# A program that ignores SIGTERM, with a child; it prints both process ids.
_STUBBORN = """
import os, signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "60"])
print(os.getpid(), child.pid, flush=True)
child.wait()
"""
# A program whose end takes a moment.
_SLOW = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit()))
print(os.getpid(), flush=True)
time.sleep(60)
"""
_PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, also if these tests run with nohup
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from sagebuild.child_process import end_on_signals, running
end_on_signals()
try:
    with running([sys.executable, "-c", sys.argv[1]]):
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
print("over")
"""


@contextmanager
def parent(program: str) -> "Iterator[tuple[subprocess.Popen[str], list[int]]]":
    """A process that runs a program; with the ids that the program prints."""
    command = [sys.executable, "-c", _PARENT, program]
    with running(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert pids
        assert all(map(is_alive, pids))
        yield process, pids
        assert await_end(pids) == []


def read_rest(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.read()


def test_a_program_and_its_children_end_with_a_killed_parent() -> None:
    with parent(_STUBBORN) as (process, _):
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_and_then_the_parent(number: signal.Signals) -> None:
    with parent(_SLOW) as (process, pids):
        process.send_signal(number)
        process.send_signal(number)  # impatience does not interrupt the end of the program
        assert process.wait(20) == 0
        assert read_rest(process) == "interrupted\nover\n"
        assert not any(map(is_alive, pids))


def test_an_ignored_signal_stays_ignored() -> None:
    """As with nohup, which ignores the end of the terminal."""
    program = (
        "import signal; from sagebuild.child_process import end_on_signals;"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "end_on_signals(); print([signal.getsignal(n) == signal.SIG_IGN for n in (signal.SIGHUP, signal.SIGTERM)])"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "[True, False]\n"


def test_a_program_that_does_not_exist_leaves_nothing_behind() -> None:
    with pytest.raises(FileNotFoundError), running(["/absent/program"]):
        pass
