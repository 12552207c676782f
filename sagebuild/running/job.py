"""A build's training or tuning job in SageMaker: describes it, stops it, and counts its billed seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.names import name_resource
from sagebuild.running.metrics import read_final_metrics
from sagebuild.running.tuning import Tuning, explain_tuning, list_trainings, read_tuning
from sagebuild.service import Service, aws_call, suppress_code

POLL_SECONDS = 1.0
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"  # the log group of all trainings of an account
# With any other status, a job has ended.
_RUNNING = frozenset({"InProgress", "Stopping"})


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
        return describe_tuning_job(service, record.tuning_job)
    return describe_training_job(service, name_resource(service, record.number))


def stop_job(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
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
    trainings = list_trainings(service, job.name)
    best = describe_training_job(service, job.tuning.best) if job.tuning.best else None
    failed = next((each["TrainingJobName"] for each in trainings if each.get("FailureReason")), "")
    return replace(
        job,
        seconds=round(sum(_count_seconds(training) for training in trainings)),
        reason=explain_tuning(job.status, job.reason, trainings),
        failed_training=failed,
        metrics=best.metrics if best else {},
        artifacts=best.artifacts if best else "",
    )


def job_facts(job: Job | None, evaluated: Mapping[str, float]) -> dict[str, Any]:
    """Return the attributes of a build's record that describe its job.

    Parameters
    ----------
    evaluated
        The metrics of the evaluation, which are beside the training's.
    """
    if job is None:
        return {}
    metrics = {**job.metrics, **evaluated}
    facts: dict[str, Any] = {"job_status": job.status, "job_seconds": job.seconds, "metrics": metrics}
    if tuning := job.tuning:
        facts |= {"trainings": tuning.trainings, "trainings_completed": tuning.completed}
        facts |= {"training_job": tuning.best, "best_hyperparameters": tuning.hyperparameters}
    return facts | {"artifacts": job.artifacts}


def count_paid_seconds(service: Service, record: BuildRecord, at: datetime) -> float:
    """Count the billed seconds per instance of a build's job until a time, whether or not it has ended."""
    if record.tuning_job:
        has_begun = describe_tuning_job(service, record.tuning_job) is not None
        trainings = list_trainings(service, record.tuning_job) if has_begun else []
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


def describe_tuning_job(service: Service, name: str) -> Job | None:
    """Describe a tuning job; return None if no tuning job ever had that name."""
    answer = _describe(
        f"the tuning job {name}",
        lambda: service.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
    )
    if answer is None:
        return None
    return Job(
        name=name,
        status=answer["HyperParameterTuningJobStatus"],
        reason=answer.get("FailureReason", ""),
        tuning=read_tuning(answer),
    )


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


def _count_seconds(training: Mapping[str, Any], at: datetime | None = None) -> float:
    """Count the billed seconds of a training from its start and end time; of a running one, until a time."""
    start, end = training.get("TrainingStartTime"), training.get("TrainingEndTime", at)
    return max((end - start).total_seconds(), 0) if start and end else 0
