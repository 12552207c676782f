"""The process of a container; its output goes to CloudWatch Logs."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from local import output, processes
from local.sagemaker.runners import Runner


@dataclass(frozen=True)
class LogTarget:
    """The log stream of a process, and the role that writes it.

    Parameters
    ----------
    region
        The container's region.
    role_arn
        The role of the job or model.
    group, stream
        The names of the log group and the log stream.
    """

    region: str
    role_arn: str
    group: str
    stream: str


class ContainerProcess:
    """A started process.

    Parameters
    ----------
    runner
        The program.
    given
        The variables of the job or model, which the program gets in a container, too.
    log
        The log stream.
    on_line
        Called with each line of the output.
    note
        The first line of the log; default: the runner's.
    """

    def __init__(
        self,
        runner: Runner,
        given: dict[str, str],
        log: LogTarget,
        on_line: Callable[[str], None] | None = None,
        note: str = "",
    ) -> None:
        self._runner = runner
        self._process = runner.start(given)
        self._output = output.follow(
            self._process,
            region=log.region,
            role_arn=log.role_arn,
            group=log.group,
            stream=log.stream,
            on_line=on_line,
            note=note or runner.note,
        )

    @property
    def is_running(self) -> bool:
        """False after the process has ended."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process if it runs."""
        processes.signal_group(self._process, number)

    def wait(self) -> int:
        """Wait until the process has ended and its output is read; return its exit code."""
        exit_code = self._process.wait()
        self._runner.end()
        # A container ends with its first process, so its children end too.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._output.join()
        return exit_code

    def end(self, grace_seconds: float) -> None:
        """End the process: SIGTERM, and SIGKILL after some seconds."""
        self.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        self.signal(signal.SIGKILL)
        self._runner.end()
