"""The container of a training job: its folder, laid out as /opt/ml, its process, and what it leaves behind."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from local import clients, config, output, processes
from local.sagemaker import images
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json, now

_FOLDERS = ("input/config", "input/data", "model", "output/data", "output/intermediate", "code", "packages")


class JobError(Exception):
    """The job fails, for the reason that the message gives."""


class TrainingContainer:
    """What a job needs of a machine.

    Parameters
    ----------
    request
        The CreateTrainingJob request.
    region
        The job's region.
    """

    def __init__(self, request: Json, region: str) -> None:
        self._request, self._region = request, region
        self._role: str = request["RoleArn"]
        self._name: str = request["TrainingJobName"]
        self.folder = config.current().data / "sagemaker" / region / "training" / self._name

    def fill(self) -> None:
        """Lay out the folder: configuration, the channels' data, the script."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True)
        hyperparameters = self._request.get("HyperParameters") or {}
        channels = self._request.get("InputDataConfig") or []
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
        self._write_config("hyperparameters", hyperparameters)
        self._write_config("resourceconfig", hosts)
        self._write_config(
            "inputdataconfig", {channel["ChannelName"]: _describe_channel(channel) for channel in channels}
        )
        objects = Objects(self._region, self._role)
        for channel in channels:
            self._download(objects, channel)
        source = hyperparameters.get("sagemaker_submit_directory", "").strip('"')
        if source.startswith("s3://"):
            try:
                objects.fetch_archive(source, self.folder / "code")
            except ObjectError as error:
                raise JobError(f"ClientError: the script's archive cannot be used: {error}") from error

    def start(self, runner: images.Runner) -> "subprocess.Popen[bytes]":
        """Start the process."""
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **runner.environment,
        }
        given = {
            "TRAINING_JOB_NAME": self._name,
            **clients.process_environment(self._role, self._region),
            **(self._request.get("Environment") or {}),
        }
        command = runner.pass_environment(list(given))
        return processes.start(command, env=environment | given, cwd=runner.folder, output=subprocess.PIPE)

    def follow(self, process: "subprocess.Popen[bytes]", on_line: Callable[[str], None]) -> output.Output:
        """Send what the process prints to the job's log stream and to a reader of lines."""
        return output.follow(
            process,
            region=self._region,
            role_arn=self._role,
            group="/aws/sagemaker/TrainingJobs",
            stream=f"{self._name}/algo-1-{int(now().timestamp())}",
            on_line=on_line,
        )

    def read_failure(self) -> str:
        """What the program has written about its failure."""
        failure = self.folder / "output" / "failure"
        return failure.read_text(errors="replace") if failure.is_file() else ""

    def upload(self, *, only_if_saved: bool) -> str | None:
        """Upload the model, if there is one to upload, and other output; returns the model's address."""
        model, data = self.folder / "model", self.folder / "output" / "data"
        place = f"{self._request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._name}/output"
        objects = Objects(self._region, self._role)
        address = f"{place}/model.tar.gz" if any(model.iterdir()) or not only_if_saved else None
        try:
            if address:
                objects.store_archive(model, address)
            if any(data.iterdir()):
                objects.store_archive(data, f"{place}/output.tar.gz")
        except ObjectError as error:
            raise JobError(f"ClientError: Artifact upload failed: {error}") from error
        return address

    def remove(self) -> None:
        """Leave nothing on this machine, as AWS's instances leave nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_config(self, name: str, content: Json) -> None:
        (self.folder / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def _download(self, objects: Objects, channel: Json) -> None:
        source = channel["DataSource"]["S3DataSource"]
        uri, target = source["S3Uri"], self.folder / "input" / "data" / channel["ChannelName"]
        target.mkdir()
        try:
            if source["S3DataType"] == "ManifestFile":
                count = objects.fetch_manifest(uri, target)
            else:
                count = objects.fetch_prefix(uri, target)
        except ObjectError as error:
            raise JobError(f"ClientError: Data download failed: {error}") from error
        if not count:
            raise JobError(
                f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}" given in input data '
                f"source of channel {channel['ChannelName']}."
            )


def _describe_channel(channel: Json) -> Json:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType") or "FullyReplicated",
        "ContentType": channel.get("ContentType"),
        "RecordWrapperType": "None",
    }
