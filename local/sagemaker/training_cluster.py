"""The cluster of a training job: one container per instance, and the upload of their common output."""

import shutil
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import JobError, Json
from local.sagemaker.training_container import TrainingContainer, job_folder


class Cluster:
    """The containers of a job, algo-1 to algo-n.

    Parameters
    ----------
    request
        The CreateTrainingJob request.
    region
        The job's region.
    """

    def __init__(self, request: Json, region: str) -> None:
        self._request, self._region = request, region
        hosts = [f"algo-{number + 1}" for number in range(int(request["ResourceConfig"].get("InstanceCount") or 1))]
        self._containers = [TrainingContainer(request, region, host, hosts) for host in hosts]
        self._folder = job_folder(request, region)
        self._stop_requested = threading.Event()

    def find_image(self) -> None:
        """Find the job's image."""
        for container in self._containers:
            container.find_image()

    def prepare(self) -> None:
        """Fill the folder of every container."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for container in self._containers:
            container.prepare()

    def start(self, on_line: Callable[[str], None]) -> None:
        """Start every process."""
        for container in self._containers:
            container.start(on_line)

    def wait(self) -> str:
        """Wait until every process has ended; return the reason of the first failure, or "".

        The first failure, or error of this engine, kills the other processes. After `stop`, no exit code counts as a
        failure.
        """
        reason = ""
        with ThreadPoolExecutor(len(self._containers)) as pool:
            waiting = {pool.submit(container.wait): container for container in self._containers}
            for ended in as_completed(waiting):
                if ended.exception():  # which result() raises
                    self._signal(signal.SIGKILL)
                if not (exit_code := ended.result()) or reason or self._stop_requested.is_set():
                    continue
                reason = f"AlgorithmError: {waiting[ended].read_failure()}, exit code: {exit_code}"
                self._signal(signal.SIGKILL)
        for container in self._containers:
            container.finish()
        return reason

    def stop(self) -> None:
        """Send SIGTERM to every process."""
        self._stop_requested.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill every process that still runs."""
        self._signal(signal.SIGKILL)

    def upload(self, *, only_if_saved: bool) -> str | None:
        """Upload the model and other output; return the S3 URI of the model, or None without one.

        AWS packs the files of all containers into one archive, and requires different file names. Without a file it
        names the URI and uploads no archive: https://github.com/aws/sagemaker-python-sdk/issues/608
        """
        models = [container.folder / "model" for container in self._containers]
        data = [container.folder / "output" / "data" for container in self._containers]
        output = self._request["OutputDataConfig"]
        place = f"{output['S3OutputPath'].rstrip('/')}/{self._request['TrainingJobName']}"
        is_saved = any(any(model.iterdir()) for model in models)
        address = f"{place}/output/model.tar.gz" if is_saved or not only_if_saved else None
        objects = Objects(self._region, self._request["RoleArn"], output.get("KmsKeyId"))
        try:
            if address and is_saved:
                objects.store_archive(models, address)
            if any(any(folder.iterdir()) for folder in data):
                objects.store_archive(data, f"{place}/output/output.tar.gz")
        except ObjectError as error:
            raise JobError(f"ClientError: Artifact upload failed: {error}") from error
        return address

    def remove(self) -> None:
        """Kill all processes, forget them, and delete all files of the job."""
        self.kill()
        self._containers = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        for container in self._containers:
            container.signal(number)
