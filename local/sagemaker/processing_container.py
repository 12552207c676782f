"""The container of one instance of a processing job: its folder, which represents /opt/ml, and its process."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local import clients
from local.sagemaker import images, paths
from local.sagemaker.container_process import ContainerProcess, LogTarget
from local.sagemaker.objects import Entry, ObjectError, Objects
from local.sagemaker.resources import CONTAINER_BASE, JobError, Json, now
from local.sagemaker.runners import Runner
from local.sagemaker.uploads import Upload
from sagebuild.container import opt_ml


class ProcessingContainer:
    """The container of one instance.

    Parameters
    ----------
    request
        The CreateProcessingJob request, completed with defaults.
    arn
        The job's ARN.
    region
        The job's region.
    folder
        The folder for this instance.
    host, hosts
        The name of this instance, and the names of all.
    """

    def __init__(self, request: Json, arn: str, region: str, folder: Path, host: str, hosts: Sequence[str]) -> None:
        self._request, self._arn, self._region, self._folder = request, arn, region, folder
        self._host, self._hosts = host, hosts
        self._role: str = request["RoleArn"]
        output: Json = request.get("ProcessingOutputConfig") or {}
        self._objects = Objects(region, self._role, output.get("KmsKeyId"))
        self._outputs: list[Json] = output.get("Outputs") or []
        self._uploads: list[tuple[bool, Upload]] = []
        self._runner: Runner | None = None
        self._process: ContainerProcess | None = None

    def find_image(self) -> None:
        """Find the job's image; raise JobError when it cannot run here."""
        app: Json = self._request["AppSpecification"]
        try:
            self._runner = images.processing_runner(
                app["ImageUri"],
                self._folder,
                self._role,
                entrypoint=app.get("ContainerEntrypoint"),
                arguments=app.get("ContainerArguments"),
            )
        except images.UnknownImageError as error:
            raise JobError(f"ClientError: {error}") from error

    def prepare(self) -> None:
        """Fill the folder: configuration, inputs and empty outputs."""
        for name in ("config", "output", "processing"):
            (self._folder / name).mkdir(parents=True)
        if self._runs_here:
            paths.write_python(self._folder)
        self._write_config("processingjobconfig", {"ProcessingJobArn": self._arn, **self._translate(self._request)})
        self._write_config("resourceconfig", {"current_host": self._host, "hosts": list(self._hosts)})
        for given in self._request.get("ProcessingInputs") or []:
            self._fetch(given["S3Input"])
        for given in self._outputs:
            target: Json = given["S3Output"]
            folder = self._locate(target["LocalPath"])
            folder.mkdir(parents=True, exist_ok=True)
            # https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-input-and-output.html: links are not followed.
            upload = Upload(folder, target["S3Uri"], self._objects, follows_links=False)
            self._uploads.append((target["S3UploadMode"] == "Continuous", upload))

    def start(self) -> None:
        """Start the process."""
        assert self._runner is not None
        network: Json = self._request.get("NetworkConfig") or {}
        isolated = network.get("EnableNetworkIsolation")
        given = {
            **({} if isolated else clients.process_environment(self._role, self._region)),
            **self._translate(self._request.get("Environment") or {}),
        }
        stream = f"{self._request['ProcessingJobName']}/{self._host}-{int(now().timestamp())}"
        log = LogTarget(self._region, self._role, "/aws/sagemaker/ProcessingJobs", stream)
        try:
            self._process = ContainerProcess(self._runner, given, log)
        except OSError as error:
            program = self._runner.command[0]
            raise JobError(f"AlgorithmError: the program {program} cannot be started: {error.strerror}") from error
        for continuous, upload in self._uploads:
            if continuous:
                upload.start_upload()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process if it runs."""
        if self._process:
            self._process.signal(number)

    def wait(self) -> int:
        """Wait until the process has ended; return its exit code."""
        assert self._process is not None
        return self._process.wait()

    def read_message(self) -> bytes:
        """The exit message, or b""."""
        path = self._folder / "output" / "message"
        return path.read_bytes() if path.is_file() else b""

    def upload(self, *, completed: bool) -> None:
        """Upload the outputs; those with EndOfJob only if the job has completed."""
        try:
            for continuous, upload in self._uploads:
                if continuous or completed:
                    upload.finish()
        except ObjectError as error:
            raise JobError(f"ClientError: Failed to upload output: {error}") from error

    def _fetch(self, source: Json) -> None:
        folder = self._locate(source["LocalPath"])
        folder.mkdir(parents=True, exist_ok=True)
        try:
            entries = self._list(source)
            if not entries:
                raise ObjectError(f'No S3 objects found under S3 URL "{source["S3Uri"]}"')
            if source["S3DataDistributionType"] == "ShardedByS3Key":
                entries = entries[self._hosts.index(self._host) :: len(self._hosts)]
            self._objects.fetch_into(folder, entries)
        except ObjectError as error:
            raise JobError(f"ClientError: Failed to download data. {error}") from error
        if self._lacks_opt_ml:
            paths.translate_scripts(folder, self._folder)

    def _list(self, source: Json) -> list[Entry]:
        if source["S3DataType"] == "ManifestFile":
            return self._objects.read_manifest(source["S3Uri"])
        return self._objects.list_prefix(source["S3Uri"])

    def _locate(self, path: str) -> Path:
        return self._folder / path.removeprefix(CONTAINER_BASE)

    @property
    def _runs_here(self) -> bool:
        """False if Docker runs the image."""
        return self._runner is not None and not self._runner.docker

    @property
    def _lacks_opt_ml(self) -> bool:
        """False if the program finds /opt/ml."""
        return self._runs_here and bool(opt_ml.explain_absence())

    def _translate(self, value: Any) -> Any:
        return paths.translate(value, self._folder) if self._lacks_opt_ml else value

    def _write_config(self, name: str, content: Json) -> None:
        (self._folder / "config" / f"{name}.json").write_text(json.dumps(content))
