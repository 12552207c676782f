"""The container of one instance of a training job: its folder, which represents /opt/ml, and its process."""

import json
import shutil
import signal
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from local import clients, config
from local.archives import unpack_tar
from local.sagemaker import images, training_channels
from local.sagemaker.checkpoints import Checkpoints
from local.sagemaker.container_process import ContainerProcess, LogTarget
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.pipes import Pipe
from local.sagemaker.resources import CONTAINER_BASE, JobError, Json, now
from local.sagemaker.runners import Runner
from sagebuild.container.environment import describe_resources

_FOLDERS = ("input/config", "input/data", "model", "output/data", "output/intermediate", "code", "packages")


class TrainingContainer:
    """The container of one instance.

    Parameters
    ----------
    request
        The CreateTrainingJob request.
    region
        The job's region.
    host, hosts
        The name of this instance, and the names of all.
    """

    def __init__(self, request: Json, region: str, host: str, hosts: Sequence[str]) -> None:
        self._request, self._region, self._host, self._hosts = request, region, host, hosts
        self._role: str = request["RoleArn"]
        self._name: str = request["TrainingJobName"]
        self._process: ContainerProcess | None = None
        self._runner: Runner | None = None
        self._pipes: list[Pipe] = []
        self.folder = job_folder(request, region) / host
        self._objects = Objects(region, self._role)
        checkpoints = request.get("CheckpointConfig")
        self._checkpoints = Checkpoints(checkpoints, self._objects, self.folder) if checkpoints else None

    def find_image(self) -> None:
        """Find the job's image.

        Raises
        ------
        JobError
            When it cannot run here.
        """
        image = self._request["AlgorithmSpecification"]["TrainingImage"]
        try:
            has_script = "sagemaker_program" in (self._request.get("HyperParameters") or {})
            self._runner = images.training_runner(image, self.folder, self._role, has_script)
        except images.UnknownImageError as error:
            raise JobError(f"ClientError: {error}") from error

    def prepare(self) -> None:
        """Fill the folder: configuration, channels, checkpoints and script."""
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True)
        hyperparameters = self._request.get("HyperParameters") or {}
        channels = training_channels.read(self._request)
        self._write_config("hyperparameters", hyperparameters)
        instance_type = self._request["ResourceConfig"].get("InstanceType")
        self._write_config("resourceconfig", describe_resources(self._host, self._hosts, instance_type))
        self._write_config("inputdataconfig", {channel.name: channel.describe() for channel in channels})
        part = (self._hosts.index(self._host), len(self._hosts))
        try:
            opened = [channel.open(self._objects, self.folder / "input" / "data", part) for channel in channels]
            self._pipes = [pipe for pipe in opened if pipe]
            if self._checkpoints:
                self._checkpoints.fetch()
        except ObjectError as error:
            raise JobError(f"ClientError: Data download failed: {error}") from error
        self._place_script(hyperparameters.get("sagemaker_submit_directory", "").strip('"'))

    def start(self, on_line: Callable[[str], None]) -> None:
        """Start the process; its output goes to the job's log, line by line also to `on_line`."""
        assert self._runner is not None
        isolated = self._request.get("EnableNetworkIsolation")
        given = {
            "TRAINING_JOB_NAME": self._name,
            **({} if isolated else clients.process_environment(self._role, self._region)),
            **(self._request.get("Environment") or {}),
        }
        stream = f"{self._name}/{self._host}-{int(now().timestamp())}"
        log = LogTarget(self._region, self._role, "/aws/sagemaker/TrainingJobs", stream)
        self._process = ContainerProcess(self._runner, given, log, on_line)
        for pipe in self._pipes:
            pipe.start()
        if self._checkpoints:
            self._checkpoints.start_upload()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process if it runs."""
        if self._process:
            self._process.signal(number)

    def wait(self) -> int:
        """Wait until the process has ended and its output is read; return its exit code."""
        assert self._process is not None
        return self._process.wait()

    def finish(self) -> None:
        """Upload the last checkpoints of the ended process; raise JobError if a pipe or the upload failed."""
        for pipe in self._pipes:
            pipe.end()
            if pipe.failure:
                raise JobError(f"ClientError: Data download failed: {pipe.failure}")
        try:
            if self._checkpoints:
                self._checkpoints.finish()
        except ObjectError as error:
            raise JobError(f"ClientError: Checkpoint upload failed: {error}") from error

    def read_failure(self) -> str:
        """The program's description of its failure, or ""."""
        failure = self.folder / "output" / "failure"
        return failure.read_text(errors="replace") if failure.is_file() else ""

    def _write_config(self, name: str, content: Json) -> None:
        (self.folder / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def _place_script(self, source: str) -> None:
        """Copy the script into code/ from S3 or from a path in the container."""
        code = self.folder / "code"
        try:
            if source.startswith("s3://"):
                if self._request.get("EnableNetworkIsolation"):
                    raise ObjectError(f"a container with network isolation cannot read {source}")
                self._objects.fetch_archive(source, code)
            elif source.startswith(CONTAINER_BASE):
                path = self.folder / source.removeprefix(CONTAINER_BASE)
                if path.is_dir():
                    shutil.copytree(path, code, dirs_exist_ok=True)
                else:
                    unpack_tar(path, code)
        except (ObjectError, OSError, tarfile.TarError) as error:
            raise JobError(f"ClientError: the script's archive cannot be used: {error}") from error


def job_folder(request: Json, region: str) -> Path:
    """The folder for all files of a training job."""
    name: str = request["TrainingJobName"]
    return config.current().data / "sagemaker" / region / "training" / name
