"""One training job: it runs from Starting to its end, and describes itself for DescribeTrainingJob."""

import threading
import traceback
from collections.abc import Callable

from local import config
from local.console import print_line
from local.sagemaker.metrics import MetricReader
from local.sagemaker.resources import JobError, Json, Store, emit_status, now
from local.sagemaker.training_cluster import Cluster
from local.sagemaker.warm_pool import WarmPool

_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
}
_STOP_SECONDS = 120  # between SIGTERM and SIGKILL, as on AWS
_REASON_LIMIT = 1024
_SPOT_SHARE = 0.3  # of the training time is billed; AWS documents savings of up to 90%
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
    "WarmPoolStatus",
)


class TrainingJob:
    """A job that trains in one process per instance.

    Parameters
    ----------
    store
        The backend of the job's region.
    request
        The CreateTrainingJob request, with a complete StoppingCondition.
    """

    def __init__(self, store: Store, request: Json) -> None:
        self.name: str = request["TrainingJobName"]
        self.arn = store.arn("training-job", self.name)
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.creation_time = self.last_modified_time = now()
        self._region = store.region_name
        self._request = {key: value for key, value in request.items() if key != "Tags"}
        self._facts: Json = {}
        self._transitions: list[Json] = []
        self._metrics: dict[str, Json] = {}
        self._values: dict[str, list[float]] = {}
        definitions = request["AlgorithmSpecification"].get("MetricDefinitions") or []
        self._readers = {entry["Name"]: MetricReader(entry["Regex"]) for entry in definitions}
        self._lock = threading.RLock()
        self._stop_status: str | None = None
        self._pool: WarmPool | None = None
        self._cluster = Cluster(self._request, self._region)
        self.status = "InProgress"

    @property
    def has_ended(self) -> bool:
        """False while the job can still change."""
        return self.status in ("Completed", "Failed", "Stopped")

    def describe(self) -> Json:
        """The answer of DescribeTrainingJob."""
        with self._lock:
            answer = {
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
                "EnableManagedSpotTraining": False,
                "ProfilingStatus": "Disabled",
                **self._request,
                **self._facts,
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self._transitions[-1]["Status"],
                "SecondaryStatusTransitions": [dict(step) for step in self._transitions],
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
            }
            if self._pool:
                answer["WarmPoolStatus"] = self._pool.describe()
            if self._metrics:
                answer["FinalMetricDataList"] = [dict(metric) for metric in self._metrics.values()]
            return answer

    def summary(self) -> Json:
        """The job's entry in ListTrainingJobs."""
        described = self.describe()
        return {name: described[name] for name in _SUMMARY if name in described}

    def values_of(self, metric: str) -> list[float]:
        """All values of a metric so far, oldest first."""
        with self._lock:
            return list(self._values.get(metric, ()))

    def start(self) -> None:
        """Run in the background."""
        detail = self._set_status("Starting", status="InProgress")
        threading.Thread(target=self._run, args=(detail,), name=f"training {self.name}", daemon=True).start()

    def stop(self, ending: str = "Stopped") -> bool:
        """Request the stop of the job; False when it is not in progress.

        Parameters
        ----------
        ending
            The final secondary status.
        """
        with self._lock:
            if self.status != "InProgress":
                return False
            self._stop_status = ending
            detail = self._set_status("Stopping", status="Stopping")
        self._cluster.stop()
        _start_timer(config.scale_seconds(_STOP_SECONDS), self._cluster.kill)
        self._publish(detail)
        return True

    def _run(self, starting: Json) -> None:
        try:
            self._publish(starting)
            reason = self._run_steps()
        except JobError as error:
            reason = str(error)
        except Exception as error:  # after any error of this engine, the job must end with the reason
            print_line(traceback.format_exc())
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        self._cluster.remove()
        with self._lock:
            ending = "Failed" if reason else self._stop_status or "Completed"
            if reason:
                self._facts["FailureReason"] = reason[:_REASON_LIMIT]
            self._count_seconds()
            detail = self._set_status(ending, status="Stopped" if ending == "MaxRuntimeExceeded" else ending)
        self._publish(detail)

    def _run_steps(self) -> str:
        """Download, train and upload; return the reason of a failure, or ""."""
        self._cluster.find_image()
        with self._lock:
            self._facts["TrainingStartTime"] = now()
        self._step("Downloading")
        self._cluster.prepare()
        self._step("Training")
        if reason := self._train():
            return reason
        self._step("Uploading")
        # A stopped job has a model only if its script saved one.
        if address := self._cluster.upload(only_if_saved=bool(self._stop_status)):
            with self._lock:
                self._facts["ModelArtifacts"] = {"S3ModelArtifacts": address}
        return ""

    def _train(self) -> str:
        """Run the containers until they end; return the reason of a failure, or ""."""
        with self._lock:
            if self._stop_status:
                return ""
            self._cluster.start(self._find_metrics)
        max_seconds = self._request["StoppingCondition"]["MaxRuntimeInSeconds"]
        deadline = _start_timer(max_seconds, lambda: self.stop("MaxRuntimeExceeded"))
        reason = self._cluster.wait()
        deadline.cancel()
        return reason

    def _find_metrics(self, line: str) -> None:
        for name, reader in self._readers.items():
            for value in reader.read(line):
                with self._lock:
                    self._metrics[name] = {"MetricName": name, "Value": value, "Timestamp": now()}
                    self._values.setdefault(name, []).append(value)

    def _count_seconds(self) -> None:
        self._facts["TrainingEndTime"] = now()
        if started := self._facts.get("TrainingStartTime"):
            seconds = max(1, round((self._facts["TrainingEndTime"] - started).total_seconds()))
            share = _SPOT_SHARE if self._request.get("EnableManagedSpotTraining") else 1
            self._facts |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": max(1, int(seconds * share))}
            if kept := self._request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
                self._pool = WarmPool(kept)  # it stays after any end

    def keep_alive(self, seconds: int) -> bool:
        """Change the keep-alive period of the warm pool; 0 ends it. False without a pool."""
        if not self._pool or not self._pool.is_available:
            return False
        self._pool.keep_alive(seconds)
        return True

    @property
    def has_warm_pool(self) -> bool:
        """False unless the job has ended and its instances wait for another one."""
        return bool(self._pool and self._pool.is_available)

    def _step(self, secondary: str) -> None:
        """Enter the next step unless the job is stopping."""
        with self._lock:
            if self._stop_status:
                return
            detail = self._set_status(secondary, status="InProgress")
        self._publish(detail)

    def _set_status(self, secondary: str, *, status: str) -> Json:
        """Record a status; return the event detail, to publish without the lock."""
        with self._lock:
            moment = self.last_modified_time = now()
            if self._transitions:
                self._transitions[-1]["EndTime"] = moment
            self._transitions.append({"Status": secondary, "StartTime": moment, "StatusMessage": _MESSAGES[secondary]})
            self.status = status
            if self.has_ended:
                self._transitions[-1]["EndTime"] = moment
            return self.describe()

    def _publish(self, detail: Json) -> None:
        emit_status("Training Job", self, detail, self._region)


def _start_timer(seconds: float, action: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), action)
    timer.daemon = True
    timer.start()
    return timer
