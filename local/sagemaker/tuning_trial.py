"""One training of a tuning job, as the tuning job sees it: what it was given, and what it has told of the objective."""

from collections.abc import Sequence
from datetime import datetime

from local.sagemaker.resources import Json
from local.sagemaker.training_job import TrainingJob
from local.sagemaker.tuning_search import Values


class Trial:
    """One training of a tuning job.

    Parameters
    ----------
    job
        The training itself.
    values
        What it was given out of the ranges.
    tuning_job
        The name of the tuning job.
    objective
        The tuning job's HyperParameterTuningJobObjective.
    """

    def __init__(self, job: TrainingJob, values: Values, tuning_job: str, objective: Json) -> None:
        self.job, self.values = job, values
        self.name, self.arn, self.tags, self.creation_time = job.name, job.arn, job.tags, job.creation_time
        self._tuning_job, self._objective = tuning_job, objective

    @property
    def status(self) -> str:
        """The training's status."""
        return self.job.status

    @property
    def last_modified_time(self) -> datetime:
        """When the training last changed."""
        return self.job.last_modified_time

    @property
    def scores(self) -> list[float]:
        """The objective epoch by epoch, turned so that more is better."""
        sign = 1 if self._objective["Type"] == "Maximize" else -1
        return [sign * value for value in self.job.values_of(self._objective["MetricName"])]

    @property
    def objective_value(self) -> float | None:
        """The last value of the objective."""
        values = self.job.values_of(self._objective["MetricName"])
        return values[-1] if values else None

    @property
    def objective_status(self) -> str:
        """Whether the search can learn from it."""
        if not self.job.has_ended:
            return "Pending"
        has_told = self.status in ("Completed", "Stopped") and self.objective_value is not None
        return "Succeeded" if has_told else "Failed"

    def summary(self) -> Json:
        """The training's entry in ListTrainingJobsForHyperParameterTuningJob."""
        described = self.job.describe()
        taken = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
        told = {name: described[name] for name in (*taken, "TrainingJobStatus", "FailureReason") if name in described}
        told |= {"TunedHyperParameters": self.values, "ObjectiveStatus": self.objective_status}
        if self.objective_status == "Succeeded":
            told["FinalHyperParameterTuningJobObjectiveMetric"] = {**self._objective, "Value": self.objective_value}
        return {"TuningJobName": self._tuning_job, **told}


def find_best(trials: Sequence[Trial]) -> Trial | None:
    """The completed training with the best value of its objective."""
    told = [trial for trial in trials if trial.status == "Completed" and trial.objective_status == "Succeeded"]
    return max(told, key=lambda trial: trial.scores[-1], default=None)
