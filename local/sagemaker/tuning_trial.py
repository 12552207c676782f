"""One training of a tuning job: its values, and its scores for the objective."""

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
        The training job.
    values
        Its values of the ranges.
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
        """The time of the training's last change."""
        return self.job.last_modified_time

    @property
    def scores(self) -> list[float]:
        """The objective of each epoch, negated for Minimize so that higher is better."""
        sign = 1 if self._objective["Type"] == "Maximize" else -1
        return [sign * value for value in self.job.values_of(self._objective["MetricName"])]

    @property
    def objective_value(self) -> float | None:
        """The last value of the objective."""
        values = self.job.values_of(self._objective["MetricName"])
        return values[-1] if values else None

    @property
    def objective_status(self) -> str:
        """Pending, Succeeded (with an objective) or Failed."""
        if not self.job.has_ended:
            return "Pending"
        has_objective = self.status in ("Completed", "Stopped") and self.objective_value is not None
        return "Succeeded" if has_objective else "Failed"

    def summary(self) -> Json:
        """The training's entry in ListTrainingJobsForHyperParameterTuningJob."""
        described = self.job.describe()
        names = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
        summary = {
            name: described[name] for name in (*names, "TrainingJobStatus", "FailureReason") if name in described
        }
        summary |= {"TunedHyperParameters": self.values, "ObjectiveStatus": self.objective_status}
        if self.objective_status == "Succeeded":
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {**self._objective, "Value": self.objective_value}
        return {"TuningJobName": self._tuning_job, **summary}


def find_best(trials: Sequence[Trial]) -> Trial | None:
    """The completed training with the best value of its objective."""
    completed = [trial for trial in trials if trial.status == "Completed" and trial.objective_status == "Succeeded"]
    return max(completed, key=lambda trial: trial.scores[-1], default=None)
