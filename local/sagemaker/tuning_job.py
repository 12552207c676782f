"""One tuning job: it starts and stops trainings, and describes itself with the best one."""

import hashlib
import threading
import time
import traceback
from collections.abc import Sequence

from moto.sagemaker.exceptions import ValidationError

from local.console import print_line
from local.sagemaker.resources import Json, emit_status, now
from local.sagemaker.training import TrainingOperations
from local.sagemaker.tuning_checks import count_trainings
from local.sagemaker.tuning_search import Result, Search, Values, read_ranges
from local.sagemaker.tuning_stopping import falls_behind, falls_below_median
from local.sagemaker.tuning_trial import Trial, find_best

_POLL_SECONDS = 0.1
# After this many trainings without an objective, AWS starts no more.
_MAX_TRAININGS_WITHOUT_OBJECTIVE = 5
# https://github.com/aws/amazon-sagemaker-examples/issues/2437 has AWS's reason.
_SEE_TRAININGS = "Please take a look at the training job failures to get more details."
_TUNING_ONLY_MEMBERS = ("DefinitionName", "StaticHyperParameters")
_SUMMARY = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
)


class TuningJob:
    """A tuning job; its trainings are ordinary training jobs of the region.

    Parameters
    ----------
    store
        The backend of the region.
    request
        The CreateHyperParameterTuningJob request.
    parents
        The parent jobs of a warm start.
    """

    def __init__(self, store: TrainingOperations, request: Json, parents: Sequence["TuningJob"]) -> None:
        self.name: str = request["HyperParameterTuningJobName"]
        self.arn = store.arn("hyper-parameter-tuning-job", self.name)
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.creation_time = self.last_modified_time = now()
        self.request = {key: value for key, value in request.items() if key != "Tags"}
        self.trials: list[Trial] = []
        self.status = "InProgress"
        self._store, self._parents = store, parents
        self._config: Json = request["HyperParameterTuningJobConfig"]
        self._definition: Json = request["TrainingJobDefinition"]
        self._objective: Json = self._config["HyperParameterTuningJobObjective"]
        self._search = Search(
            self._config["Strategy"],
            read_ranges(self._config["ParameterRanges"]),
            self._config.get("RandomSeed") or self.name,
            [result for parent in parents for result in parent.results(with_static=True)],
        )
        self._facts: Json = {}
        self._lock = threading.RLock()

    @property
    def has_ended(self) -> bool:
        """False while the job can still change."""
        return self.status in ("Completed", "Failed", "Stopped")

    def results(self, *, with_static: bool = False) -> list[Result]:
        """The results of its trainings.

        Parameters
        ----------
        with_static
            Include the static values, which a child job may tune.
        """
        static = self._definition.get("StaticHyperParameters") or {} if with_static else {}
        succeeded = [trial for trial in self.trials if trial.objective_status == "Succeeded"]
        return [Result({**static, **trial.values}, trial.scores[-1]) for trial in succeeded]

    def describe(self) -> Json:
        """The answer of DescribeHyperParameterTuningJob."""
        with self._lock:
            best = find_best(self.trials)
            answer = {
                **self.request,
                **self._facts,
                "HyperParameterTuningJobArn": self.arn,
                "HyperParameterTuningJobStatus": self.status,
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
                "TrainingJobStatusCounters": self._count_trainings(),
                "ObjectiveStatusCounters": {
                    status: sum(trial.objective_status == status for trial in self.trials)
                    for status in ("Succeeded", "Pending", "Failed")
                },
            }
            if best:
                answer["BestTrainingJob"] = best.summary()
            warm_start = self.request.get("WarmStartConfig") or {}
            if warm_start.get("WarmStartType") == "IdenticalDataAndAlgorithm":
                family = [trial for job in (self, *self._parents) for trial in job.trials]
                if overall := find_best(family):
                    answer["OverallBestTrainingJob"] = overall.summary()
            return answer

    def summary(self) -> Json:
        """The job's entry in ListHyperParameterTuningJobs."""
        described = self.describe()
        summary = {name: described[name] for name in _SUMMARY if name in described}
        return {**summary, "Strategy": self._config["Strategy"], "ResourceLimits": self._config["ResourceLimits"]}

    def build_training(self, values: Values) -> Json:
        """The CreateTrainingJob request for these values."""
        index = len(self.trials) + 1
        digest = hashlib.sha256(f"{self.name} {index} {sorted(values.items())}".encode()).hexdigest()[:8]
        static = self._definition.get("StaticHyperParameters") or {}
        shared = {name: value for name, value in self._definition.items() if name not in _TUNING_ONLY_MEMBERS}
        return {
            **shared,
            "TrainingJobName": f"{self.name}-{index:03d}-{digest}",
            "HyperParameters": {**static, **values, "_tuning_objective_metric": self._objective["MetricName"]},
            "Tags": self.tags,
            "TuningJobArn": self.arn,
        }

    def start(self) -> None:
        """Run in the background."""
        threading.Thread(target=self._run, name=f"tuning {self.name}", daemon=True).start()

    def stop(self) -> bool:
        """Request the stop of the job and its trainings; False when it is not in progress."""
        with self._lock:
            if self.status != "InProgress":
                return False
            self._set_status("Stopping")
            for trial in self.trials:
                trial.job.stop()
        self._publish()
        return True

    def _run(self) -> None:
        reason = ""
        try:
            self._publish()
            while self._manage_trainings():
                time.sleep(_POLL_SECONDS)
            reason = self._explain_failure()
        except ValidationError as error:
            reason = f"ClientError: {error.message}"
        except Exception as error:  # after any error of this engine, the job must end with the reason
            print_line(traceback.format_exc())
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        with self._lock:
            if reason:
                self._facts["FailureReason"] = reason[:1024]
            ending = "Failed" if reason else "Stopped" if self.status == "Stopping" else "Completed"
            self._facts["HyperParameterTuningEndTime"] = now()
            seconds = (self._facts["HyperParameterTuningEndTime"] - self.creation_time).total_seconds()
            self._facts["ConsumedResources"] = {"RuntimeInSeconds": round(seconds)}
            self._set_status(ending)
        self._publish()

    def _manage_trainings(self) -> bool:
        """Stop bad trainings and start new ones within the limits; False when all have ended."""
        with self._lock:
            running = [trial for trial in self.trials if not trial.job.has_ended]
            for trial in running:
                if self._should_stop(trial):
                    trial.job.stop()
            total = 0 if self.status == "Stopping" or self._lacks_objectives() else count_trainings(self._config)
            free = self._config["ResourceLimits"]["MaxParallelTrainingJobs"] - len(running)
            for _ in range(min(free, total - len(self.trials))):
                values = self._search.choose(self.results())
                request = self.build_training(values)
                self._store.create_training_job(request)
                job = self._store.training_jobs[request["TrainingJobName"]]
                self.trials.append(Trial(job, values, self.name, self._objective))
            return any(not trial.job.has_ended for trial in self.trials)

    def _should_stop(self, trial: Trial) -> bool:
        others = [other for other in self.trials if other is not trial]
        if self._config["Strategy"] == "Hyperband":
            settings = (self._config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
            return falls_behind(trial.scores, [other.scores for other in others], settings.get("MinResource") or 1)
        if self._config.get("TrainingJobEarlyStoppingType") != "Auto":
            return False
        return falls_below_median(trial.scores, [other.scores for other in others if other.status == "Completed"])

    def _lacks_objectives(self) -> bool:
        ended = [trial for trial in self.trials if trial.job.has_ended]
        return len(ended) >= _MAX_TRAININGS_WITHOUT_OBJECTIVE and all(
            trial.objective_status == "Failed" for trial in ended
        )

    def _explain_failure(self) -> str:
        """The reason of a failure without a best training, or ""."""
        if self.status == "Stopping" or any(trial.objective_status == "Succeeded" for trial in self.trials):
            return ""
        if all(trial.status == "Failed" for trial in self.trials):
            if len(self.trials) < _MAX_TRAININGS_WITHOUT_OBJECTIVE:
                return f"All training jobs failed. {_SEE_TRAININGS}"
            return f"No training job succeeded after {len(self.trials)} attempts. {_SEE_TRAININGS}"
        return (
            f"No objective metrics found after running {len(self.trials)} training jobs. Please ensure that the "
            "algorithm prints the objective in the format of its metric definition's regex."
        )

    def _count_trainings(self) -> Json:
        statuses = [trial.status for trial in self.trials]
        return {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": statuses.count("Failed"),
            "Stopped": statuses.count("Stopped"),
        }

    def _set_status(self, status: str) -> None:
        self.status, self.last_modified_time = status, now()

    def _publish(self) -> None:
        emit_status("HyperParameter Tuning Job", self, self.describe(), self._store.region_name)
