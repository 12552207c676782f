"""The process of one instance of a job; its output goes to CloudWatch Logs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local import output, processes
from local.sagemaker.images import Runner


@dataclass(frozen=True)
class LogTarget:
    """The log stream of a process, and the role that writes it.

    Parameters
    ----------
    region
        The job's region.
    role_arn
        The job's role.
    group, stream
        The names of the log group and the log stream.
    """

    region: str
    role_arn: str
    group: str
    stream: str


class JobProcess:
    """A started process.

    Parameters
    ----------
    runner
        The program.
    folder
        The folder that represents /opt/ml; it is the process's home folder.
    given
        The variables of the job, which the program gets in a container, too.
    log
        The log stream.
    on_line
        Called with each line of the output.
    """

    def __init__(
        self,
        runner: Runner,
        folder: Path,
        given: dict[str, str],
        log: LogTarget,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **runner.environment,
        }
        self._runner = runner
        self._process = processes.start(
            runner.pass_environment(list(given)),
            env=environment | given,
            cwd=runner.folder,
            output=subprocess.PIPE,
        )
        self._output = output.follow(
            self._process,
            region=log.region,
            role_arn=log.role_arn,
            group=log.group,
            stream=log.stream,
            on_line=on_line,
        )

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
