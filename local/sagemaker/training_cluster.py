"""The machines of a training job: one container on each, and what they leave behind together."""

import shutil
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json
from local.sagemaker.training_container import JobError, TrainingContainer, job_folder


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
        self._is_asked_to_stop = threading.Event()

    def find_image(self) -> None:
        """Find out how the job's image is run."""
        for container in self._containers:
            container.find_image()

    def fill(self) -> None:
        """Lay out every machine."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for container in self._containers:
            container.fill()

    def start(self, on_line: Callable[[str], None]) -> None:
        """Start every process."""
        for container in self._containers:
            container.start(on_line)

    def wait(self) -> str:
        """Wait until every process has ended; the first that fails ends the others. Returns why it failed, or nothing.

        Of a job that was asked to stop, no process fails.
        """
        reason = ""
        with ThreadPoolExecutor(len(self._containers)) as pool:
            waiting = {pool.submit(container.wait): container for container in self._containers}
            for ended in as_completed(waiting):
                if not (exit_code := ended.result()) or reason or self._is_asked_to_stop.is_set():
                    continue
                reason = f"AlgorithmError: {waiting[ended].read_failure()}, exit code: {exit_code}"
                self._signal(signal.SIGKILL)
        for container in self._containers:
            container.finish()
        return reason

    def stop(self) -> None:
        """Ask every process to end."""
        self._is_asked_to_stop.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every process that still runs."""
        self._signal(signal.SIGKILL)

    def upload(self, *, only_if_saved: bool) -> str | None:
        """Upload the model, if there is one to upload, and other output; returns the model's address.

        AWS packs what all containers have written as one archive, and asks that their files' names differ.
        """
        models = [container.folder / "model" for container in self._containers]
        data = [container.folder / "output" / "data" for container in self._containers]
        place = f"{self._request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._request['TrainingJobName']}"
        is_saved = any(any(model.iterdir()) for model in models)
        address = f"{place}/output/model.tar.gz" if is_saved or not only_if_saved else None
        objects = Objects(self._region, self._request["RoleArn"])
        try:
            if address:
                objects.store_archive(models, address)
            if any(any(folder.iterdir()) for folder in data):
                objects.store_archive(data, f"{place}/output/output.tar.gz")
        except ObjectError as error:
            raise JobError(f"ClientError: Artifact upload failed: {error}") from error
        return address

    def remove(self) -> None:
        """Leave nothing on this machine, as AWS's instances leave nothing."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        for container in self._containers:
            container.signal(number)
