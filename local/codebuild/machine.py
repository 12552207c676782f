"""The build environment: the folder, variables, processes and log of a build's commands."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import local
from local import clients, config, hub, output, processes
from local.codebuild import buildspec
from local.codebuild.source import Json


class Machine:
    """The build environment of one build.

    Parameters
    ----------
    folder
        The build's folder; `remove` deletes it.
    role, region
        The role in which the commands run and the log is written, and its region.
    log
        The group and stream of the log; None for no log.
    """

    def __init__(self, folder: Path, role: str, region: str, log: Json | None) -> None:
        self.source = folder / "source"
        self._folder, self._role, self._region, self._log = folder, role, region, log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def prepare(self) -> None:
        """Create the folder, and the programs ``docker`` and ``aws`` that come first on the build's PATH."""
        for name in ("state", "bin"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "state" / "folder").write_text(f"{self.source}\n")
        self._write_program("docker", self._folder / "docker", config.current().data / "images")
        self._write_program("aws")

    def run_phase(self, name: str, spec: buildspec.Buildspec, variables: dict[str, str], *, succeeding: bool) -> str:
        """Run the commands of a phase; return the reason of a failure, or "".

        Parameters
        ----------
        succeeding
            False when an earlier phase failed.
        """
        commands = spec.phases.get(name, ())
        state = self._folder / "state"
        (state / "script").write_text(buildspec.write_script(name, commands, state, succeeding=succeeding))
        process = self._start([spec.shell, str(state / "script")], self._environment(spec, variables), self.source)
        if process is None:
            return ""
        if self._log:
            place = {"group": self._log["groupName"], "stream": self._log["streamName"]}
            output.follow(process, region=self._region, role_arn=self._role, **place).join()
        code = process.wait()
        failed = state / "failed"
        command = failed.read_text() if failed.is_file() else name
        failed.unlink(missing_ok=True)
        return f"Error while executing command: {command}. Reason: exit status {code}" if code else ""

    def read_variables(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values that environment variables had at the end of the last phase; unset ones are left out."""
        values = self._folder / "state" / "values"
        text = values.read_bytes().decode(errors="replace") if values.is_file() else ""
        pairs = (entry.partition("=") for entry in text.split("\0"))
        return {name: value for name, _, value in pairs if name in names}

    def run_quietly(self, command: list[str], folder: Path) -> tuple[int, str]:
        """Run a command without the log; return its exit code and output."""
        environment = {"PATH": _path(), "HOME": str(self._folder), "GIT_TERMINAL_PROMPT": "0"}
        process = self._start(command, environment, folder)
        if process is None or process.stdout is None:
            return 1, "the build was stopped"
        printed = process.stdout.read().decode(errors="replace")
        return process.wait(), printed

    def stop(self) -> None:
        """Kill the running command, and start no more."""
        with self._lock:
            self._stopped = True
            if self._process:
                processes.signal_group(self._process, signal.SIGKILL)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, command: list[str], environment: dict[str, str], folder: Path) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if self._stopped:
                return None
            target = subprocess.PIPE if self._log or command[0] == "git" else subprocess.DEVNULL
            self._process = processes.start(command, env=environment, cwd=folder, output=target)
            return self._process

    def _environment(self, spec: buildspec.Buildspec, variables: dict[str, str]) -> dict[str, str]:
        return {
            **processes.docker_environment(),
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "HF_ENDPOINT": os.environ.get("HF_ENDPOINT", hub.address()),
            **clients.process_environment(self._role, self._region),
            "CODEBUILD_SRC_DIR": str(self.source),
            **spec.variables,
            **variables,
            "PATH": f"{self._folder / 'bin'}:{_path()}",
        }

    def _write_program(self, name: str, *own: Path) -> None:
        arguments = " ".join(f"'{one}'" for one in (*own, _path()))
        root = Path(local.__file__).parents[1]
        program = self._folder / "bin" / name
        command = f"PYTHONPATH='{root}' exec '{sys.executable}' -P -m local.codebuild.{name} {arguments} \"$@\""
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)


def _path() -> str:
    return os.environ.get("PATH", os.defpath)
