"""The command lines that run images: as a process of this machine, or in Docker."""

import errno
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from local import processes
from local.images import StoredImage
from local.sagemaker import paths
from sagebuild.container import opt_ml
from sagebuild.container.frameworks import CODE_IN_MODEL, explain_versions, list_stand_ins, name_repository

_CONTAINER_PORT = 8080  # of a serving container


@dataclass(frozen=True)
class Runner:
    """The process that runs an image.

    Parameters
    ----------
    command
        The command line, with the paths by which the program finds its files.
    base
        The folder that represents /opt/ml.
    folder
        The working directory.
    environment
        The variables that it needs in addition to those of the job or model.
    port
        The port that it serves on; None if the process writes it to the file ``port``.
    docker
        The Docker program and the container's name, if Docker runs it.
    code_in_model
        Whether the image ignores SAGEMAKER_SUBMIT_DIRECTORY.
    note
        The first line of its log, or "".
    """

    command: list[str]
    base: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    docker: tuple[str, str] | None = None
    code_in_model: bool = False
    note: str = ""

    def start(self, given: dict[str, str]) -> "subprocess.Popen[bytes]":
        """Start the process with these variables of the job or model.

        Raises
        ------
        OSError
            When the program cannot be started.
        """
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "HOME": str(self.base),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **self.environment,
            **given,
        }
        if self.docker:
            at = self.command.index("run") + 1
            command = [*self.command[:at], *(f"--env={name}" for name in given), *self.command[at:]]
            return processes.start(command, env=environment, cwd=self.folder, output=subprocess.PIPE)
        if not self.find_program(environment["PATH"]):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.command[0])
        command = opt_ml.enter(self.base, self.folder, self.command)
        return processes.start(command, env=environment, cwd=self._host_folder, output=subprocess.PIPE)

    def find_program(self, search_path: str) -> str | None:
        """The path of the program on this machine; None if there is no such program.

        Parameters
        ----------
        search_path
            The PATH of the process.
        """
        program, found = paths.translate([self.command[0], search_path], self.base)
        return shutil.which(str(self._host_folder / program) if "/" in program else program, path=found)

    @property
    def _host_folder(self) -> Path:
        return Path(paths.translate(str(self.folder), self.base))

    def end(self) -> None:
        """Remove Docker's container, which outlives its client process."""
        if self.docker:
            program, name = self.docker
            subprocess.run([program, "rm", "--force", name], capture_output=True, check=False)


def run_program(base: Path, program: Path, *arguments: str, image: str = "") -> Runner:
    """The runner of a program for a folder, which is its first argument, in place of a framework's image."""
    place = opt_ml.locate(base)
    command = [processes.PYTHON, "-P", str(program), str(place), *arguments]
    libraries = os.pathsep.join([processes.LIBRARIES, *list_stand_ins(image)])
    in_model, note = name_repository(image) in CODE_IN_MODEL, explain_versions(image)
    return Runner(command, base, place, {"PYTHONPATH": libraries}, code_in_model=in_model, note=note)


def run_stored(stored: StoredImage, argument: str, base: Path, port: int | None = None) -> Runner:
    """The runner of ``docker run <image> <argument>``, with a port of this machine for that of the container."""
    if stored.image.docker_id:
        network = f"--publish=127.0.0.1:{port}:{_CONTAINER_PORT}" if port else "--network=host"
        return run_in_docker(stored, base, [network], [argument], port)
    variables = replace_opt_ml(base)
    if port:
        variables |= {"SAGEMAKER_BIND_TO_PORT": str(port), "PORT": str(port)}
    environment = stored.run_environment() | variables
    return Runner(stored.run_command(argument), base, stored.run_folder, environment, port)


def replace_opt_ml(base: Path) -> dict[str, str]:
    """The variable that names the folder to a program that does not get /opt/ml; empty if it does."""
    return {"SAGEMAKER_BASE_DIR": str(base)} if opt_ml.explain_absence() else {}


def run_in_docker(
    stored: StoredImage, base: Path, options: list[str], arguments: list[str], port: int | None = None
) -> Runner:
    """The runner of an image that Docker has built."""
    program, name = shutil.which("docker") or "docker", f"local-{uuid.uuid4().hex}"
    options = ["--rm", f"--name={name}", *options, f"--volume={base}:{opt_ml.PATH}"]
    command = [program, "run", *options, stored.image.docker_id, *arguments]
    return Runner(command, base, base, processes.docker_environment(), port, (program, name))


def run_command(stored: StoredImage | None, command: list[str], base: Path, image: str) -> Runner:
    """The runner of a processing job's command, in an image that CodeBuild built here or in a framework's."""
    place = opt_ml.locate(base)
    if stored:
        command = [stored.locate(part) for part in command]
    # The image's own Python does not run here, whatever its path.
    if command and Path(command[0]).name in ("python", "python3"):
        command[0] = Path(command[0]).name
    environment = paths.translate(stored.run_environment() if stored else {}, place)
    path = environment.get("PATH") or f"{Path(sys.executable).parent}:{os.defpath}"
    environment |= {"PATH": f"{place / paths.BIN}:{path}", **replace_opt_ml(base)}
    # Packages that a script installs belong to the job.
    environment["PIP_TARGET"] = str(place / "packages")
    if stand_ins := list_stand_ins(image):
        environment["PYTHONPATH"] = os.pathsep.join(stand_ins)
    folder = stored.run_folder if stored else place
    return Runner(paths.translate(command, place), base, folder, environment, note=explain_versions(image))
