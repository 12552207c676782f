"""One processing job: a process per instance, from the download of its inputs to the upload of its outputs."""

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor, as_completed

from local import config
from local.sagemaker.job import Job
from local.sagemaker.processing_container import ProcessingContainer
from local.sagemaker.resources import JobError, Json, Store, now

_MESSAGE_BYTES = 1024


class ProcessingJob(Job):
    """A processing job.

    Parameters
    ----------
    store
        The backend of the job's region.
    request
        The CreateProcessingJob request, completed with defaults.
    """

    def __init__(self, store: Store, request: Json) -> None:
        super().__init__(store, "Processing", request)
        cluster: Json = request["ProcessingResources"]["ClusterConfig"]
        hosts = [f"algo-{number + 1}" for number in range(int(cluster["InstanceCount"]))]
        self._folder = config.current().data / "sagemaker" / self.region / "processing" / self.name
        self._containers = [
            ProcessingContainer(self.request, self.arn, self.region, self._folder / host, host, hosts) for host in hosts
        ]

    def describe(self) -> Json:
        """The answer of DescribeProcessingJob."""
        return super().describe() | {"LastModifiedTime": self.last_modified_time}

    def work(self) -> None:
        """Download, run and upload."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for container in self._containers:
            container.find_image()
        for container in self._containers:
            container.prepare()
        with self.lock:
            if self.is_stopping:
                return
            self.note(ProcessingStartTime=now())
            for container in self._containers:
                container.start()
        limit = self.request["StoppingCondition"]["MaxRuntimeInSeconds"]
        deadline = self.start_timer(limit, self.stop)
        failed = self._wait()
        deadline.cancel()
        self._finish(failed)

    def interrupt(self) -> None:
        """Send SIGINT to every process.

        https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-run-image.html: SIGINT and SIGKILL stop a processing job.
        """
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill every process that still runs."""
        self._signal(signal.SIGKILL)

    def clean(self) -> None:
        """Forget the ended processes, and delete the job's files."""
        self._containers = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> bool:
        """Wait until every process has ended; the first failure kills the others.

        Returns
        -------
        bool
            Whether a process failed; False after a stop, when no exit code counts.
        """
        failed = False
        with ThreadPoolExecutor(len(self._containers)) as pool:
            for ended in as_completed([pool.submit(container.wait) for container in self._containers]):
                if ended.result() and not failed and not self.is_stopping:
                    failed = True
                    self.kill()
        return failed

    def _finish(self, failed: bool) -> None:
        """Read the exit message and upload the outputs; raise JobError after a failure.

        https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html has the rules of the message.
        """
        messages = b"".join(container.read_message() for container in self._containers)
        try:
            message = messages.decode()
        except UnicodeDecodeError as error:
            raise JobError("ClientError: the file /opt/ml/output/message is not encoded in UTF-8") from error
        if message:
            self.note(ExitMessage=message.encode()[:_MESSAGE_BYTES].decode(errors="ignore"))
        for container in self._containers:
            container.upload(completed=not failed and not self.is_stopping)
        if failed:
            # test_spark_processing of https://github.com/aws/sagemaker-spark-container expects this reason.
            raise JobError("AlgorithmError: See job logs for more information")

    def _signal(self, number: signal.Signals) -> None:
        for container in self._containers:
            container.signal(number)
