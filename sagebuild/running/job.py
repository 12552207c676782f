"""A build's training or tuning job in SageMaker: describes it, stops it, and counts its billed seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.names import name_resource
from sagebuild.running.metrics import read_final_metrics
from sagebuild.service import Service, aws_call, suppress_code

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import HyperParameterTrainingJobSummaryTypeDef

POLL_SECONDS = 1.0
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"  # the log group of all trainings of an account
# With any other status, a job has ended.
_RUNNING = frozenset({"InProgress", "Stopping"})


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
    """

    trainings: int
    completed: int
    best: str = ""
    hyperparameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A training or tuning job.

    Parameters
    ----------
    status
        InProgress, Stopping, Completed, Failed or Stopped.
    seconds
        Billed seconds per instance.
    reason
        SageMaker's FailureReason; empty without a failure.
    metrics
        The last value of each metric; of a tuning job, those of its best training.
    metric_definitions
        SageMaker's MetricDefinitions: name and regular expression of each metric.
    artifacts
        The S3 address of the trained model; of a tuning job, that of its best training.
    ran_out_of_time, waited_too_long
        Whether SageMaker stopped it at its MaxRuntimeInSeconds, or at its MaxWaitTimeInSeconds.
    failed_training
        Of a failed tuning job, the name of its first failed training.
    tuning
        The progress of a tuning job; None for a training job.
    """

    name: str
    status: str
    seconds: int = 0
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    metric_definitions: tuple[Mapping[str, str], ...] = ()
    artifacts: str = ""
    ran_out_of_time: bool = False
    waited_too_long: bool = False
    failed_training: str = ""
    tuning: Tuning | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended, so that it costs nothing more."""
        return self.status not in _RUNNING


def describe_job(service: Service, record: BuildRecord) -> Job | None:
    """Describe a build's job; return None if it was never started."""
    if record.tuning_job:
        return _describe_tuning_job(service, record.tuning_job)
    return describe_training_job(service, name_resource(service, record.number))


def stop_job(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Job | None:
    """Stop a build's job if it is running, and wait until it has ended or the time is up.

    Returns
    -------
    Job or None
        The job when last described; None if it was never started.
    """
    deadline = clock() + wait_seconds
    job = describe_job(service, record)
    if job and job.status == "InProgress":
        # ValidationException: it ended between the two calls; the next Describe says how.
        with aws_call(f"stop the job {job.name}"), suppress_code("ValidationException"):
            if job.tuning:
                service.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job.name)
            else:
                service.sagemaker.stop_training_job(TrainingJobName=job.name)
    while job and not job.has_ended and clock() < deadline:
        sleep(POLL_SECONDS)
        job = describe_job(service, record)
    return job


def complete_job(service: Service, job: Job) -> Job:
    """Complete a tuning job from its trainings: seconds, reason, metrics and model; return a training job unchanged."""
    if not job.tuning:
        return job
    trainings = _list_trainings(service, job.name)
    best = describe_training_job(service, job.tuning.best) if job.tuning.best else None
    failed = next((each["TrainingJobName"] for each in trainings if each.get("FailureReason")), "")
    return replace(
        job,
        seconds=round(sum(_count_seconds(training) for training in trainings)),
        reason=_explain_tuning(job, trainings),
        failed_training=failed,
        metrics=best.metrics if best else {},
        artifacts=best.artifacts if best else "",
    )


def job_facts(job: Job | None) -> dict[str, Any]:
    """Return the attributes of a build's record that describe its job."""
    if job is None:
        return {}
    facts: dict[str, Any] = {"job_status": job.status, "job_seconds": job.seconds, "metrics": job.metrics}
    if tuning := job.tuning:
        facts |= {"trainings": tuning.trainings, "trainings_completed": tuning.completed}
        facts |= {"training_job": tuning.best, "best_hyperparameters": tuning.hyperparameters}
    return facts | {"artifacts": job.artifacts}


def count_paid_seconds(service: Service, record: BuildRecord, at: datetime) -> float:
    """Count the billed seconds per instance of a build's job until a time, whether or not it has ended."""
    if record.tuning_job:
        has_begun = _describe_tuning_job(service, record.tuning_job) is not None
        trainings = _list_trainings(service, record.tuning_job) if has_begun else []
        return sum(_count_seconds(training, at) for training in trainings)
    name = name_resource(service, record.number)
    answer = _describe(
        f"the training job {name}", lambda: service.sagemaker.describe_training_job(TrainingJobName=name)
    )
    if answer is None:
        return 0
    # SageMaker reports BillableTimeInSeconds once the job has ended.
    return float(answer.get("BillableTimeInSeconds") or _count_seconds(answer, at))


def describe_training_job(service: Service, name: str) -> Job | None:
    """Describe a training job; return None if no job ever had that name."""
    answer = _describe(
        f"the training job {name}", lambda: service.sagemaker.describe_training_job(TrainingJobName=name)
    )
    if answer is None:
        return None
    return Job(
        name=name,
        status=answer["TrainingJobStatus"],
        seconds=answer.get("BillableTimeInSeconds", 0),
        reason=answer.get("FailureReason", ""),
        metrics=read_final_metrics(answer.get("FinalMetricDataList", [])),
        metric_definitions=tuple(answer.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])),
        artifacts=answer.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        ran_out_of_time=answer.get("SecondaryStatus") == "MaxRuntimeExceeded",
        waited_too_long=answer.get("SecondaryStatus") == "MaxWaitTimeExceeded",
    )


def _describe_tuning_job(service: Service, name: str) -> Job | None:
    answer = _describe(
        f"the tuning job {name}",
        lambda: service.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
    )
    if answer is None:
        return None
    counters: dict[str, int] = answer["TrainingJobStatusCounters"]
    limits: dict[str, int] = answer["HyperParameterTuningJobConfig"]["ResourceLimits"]
    best: dict[str, Any] = answer.get("BestTrainingJob", {})
    return Job(
        name=name,
        status=answer["HyperParameterTuningJobStatus"],
        reason=answer.get("FailureReason", ""),
        tuning=Tuning(
            # A grid search has no limit: it runs one training for each combination.
            trainings=limits.get("MaxNumberOfTrainingJobs", sum(counters.values())),
            completed=counters.get("Completed", 0),
            best=best.get("TrainingJobName", ""),
            hyperparameters={name: _read_text(text) for name, text in best.get("TunedHyperParameters", {}).items()},
        ),
    )


def _read_text(value: str) -> str:
    """Return a hyperparameter's value for people: a JSON string, as script-mode containers get it, as its text."""
    try:
        text = json.loads(value)
    except ValueError:
        return value
    return text if isinstance(text, str) else value


def _describe(what: str, call: Callable[[], Any]) -> Any:
    """Return the answer of a Describe call; None if the name was never used."""
    with aws_call(f"describe {what}"):
        try:
            return call()
        except ClientError as error:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html names
            # ResourceNotFound; the service answers ValidationException for a name that was never used.
            if error.response["Error"]["Code"] in {"ResourceNotFound", "ValidationException"}:
                return None
            raise


def _list_trainings(service: Service, tuning_job: str) -> list[HyperParameterTrainingJobSummaryTypeDef]:
    paginator = service.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    with aws_call(f"list the trainings of {tuning_job}"):
        pages = paginator.paginate(HyperParameterTuningJobName=tuning_job, SortBy="CreationTime", SortOrder="Ascending")
        return [training for page in pages for training in page["TrainingJobSummaries"]]


def _count_seconds(training: Mapping[str, Any], at: datetime | None = None) -> float:
    """Count the billed seconds of a training from its start and end time; of a running one, until a time."""
    start, end = training.get("TrainingStartTime"), training.get("TrainingEndTime", at)
    return max((end - start).total_seconds(), 0) if start and end else 0


def _explain_tuning(job: Job, trainings: list[HyperParameterTrainingJobSummaryTypeDef]) -> str:
    """Return the FailureReason of a failed tuning job and of its first failed training, which names the cause."""
    failures = (training.get("FailureReason", "") for training in trainings)
    first = next((reason for reason in failures if reason), "") if job.status == "Failed" else ""
    return f"{job.reason} The first failed training: {first}" if first else job.reason
