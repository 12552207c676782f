"""A tuning job in SageMaker: its progress, its best training, and its trainings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sagebuild.service import LARGE_PAGES, Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import HyperParameterTrainingJobSummaryTypeDef


@dataclass(frozen=True)
class Tuning:
    """The progress of a tuning job.

    Parameters
    ----------
    trainings
        The number of trainings in all.
    completed
        The number of completed trainings.
    best
        The name of the best training; empty if none has completed.
    hyperparameters
        The values that the best training got out of the ranges.
    metric
        The name of the objective metric.
    goal
        "Maximize" or "Minimize".
    """

    trainings: int
    completed: int
    best: str = ""
    hyperparameters: dict[str, str] = field(default_factory=dict)
    metric: str = ""
    goal: str = "Maximize"


def read_tuning(answer: Mapping[str, Any]) -> Tuning:
    """Read the response of DescribeHyperParameterTuningJob."""
    counters: dict[str, int] = answer["TrainingJobStatusCounters"]
    config: dict[str, Any] = answer["HyperParameterTuningJobConfig"]
    objective: dict[str, str] = config.get("HyperParameterTuningJobObjective", {})
    best: dict[str, Any] = answer.get("BestTrainingJob", {})
    return Tuning(
        # A grid search has no limit: it runs one training for each combination.
        trainings=config["ResourceLimits"].get("MaxNumberOfTrainingJobs", sum(counters.values())),
        completed=counters.get("Completed", 0),
        best=best.get("TrainingJobName", ""),
        hyperparameters=read_values(best),
        metric=objective.get("MetricName", ""),
        goal=objective.get("Type", "Maximize"),
    )


def read_values(training: Mapping[str, Any]) -> dict[str, str]:
    """Return the values that a training of a tuning job got out of the ranges, by hyperparameter."""
    return {name: _read_text(text) for name, text in training.get("TunedHyperParameters", {}).items()}


def list_trainings(service: Service, tuning_job: str) -> list[HyperParameterTrainingJobSummaryTypeDef]:
    """List the trainings of a tuning job, oldest first."""
    paginator = service.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    with aws_call(f"list the trainings of {tuning_job}"):
        pages = paginator.paginate(
            HyperParameterTuningJobName=tuning_job,
            SortBy="CreationTime",
            SortOrder="Ascending",
            PaginationConfig=LARGE_PAGES,
        )
        return [training for page in pages for training in page["TrainingJobSummaries"]]


def explain_tuning(status: str, reason: str, trainings: Sequence[HyperParameterTrainingJobSummaryTypeDef]) -> str:
    """Return the FailureReason of a failed tuning job and of its first failed training, which names the cause."""
    failures = (training.get("FailureReason", "") for training in trainings)
    first = next((failure for failure in failures if failure), "") if status == "Failed" else ""
    return f"{reason} The first failed training: {first}" if first else reason


def _read_text(value: str) -> str:
    """Return a hyperparameter's value for people: a JSON string, as script-mode containers get it, as its text."""
    try:
        text = json.loads(value)
    except ValueError:
        return value
    return text if isinstance(text, str) else value
