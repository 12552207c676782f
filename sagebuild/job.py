"""A build's training job as SageMaker tells of it: what it did, and stopping it until that is confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from sagebuild.service import Service, aws_call, suppress_code

POLL_SECONDS = 1.0
# InProgress and Stopping are all the rest; both cost money.
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(frozen=True)
class Job:
    """What is known of a training job.

    Parameters
    ----------
    status
        InProgress, Stopping, Completed, Failed or Stopped.
    seconds
        What is paid for, per instance.
    reason
        SageMaker's own words for a failure; else empty.
    metrics
        The last value of each metric.
    """

    name: str
    status: str
    seconds: int = 0
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether it costs nothing any more."""
        return self.status in _ENDED


def describe_job(service: Service, name: str) -> Job | None:
    """The job as it is now, or None if there never was one of that name."""
    with aws_call(f"describe the training job {name}"):
        try:
            answer = service.sagemaker.describe_training_job(TrainingJobName=name)
        except ClientError as error:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html names
            # ResourceNotFound; the service answers ValidationException for a name that it never saw.
            if error.response["Error"]["Code"] in {"ResourceNotFound", "ValidationException"}:
                return None
            raise
    return Job(
        name=name,
        status=answer["TrainingJobStatus"],
        seconds=answer.get("BillableTimeInSeconds", 0),
        reason=answer.get("FailureReason", ""),
        metrics={m["MetricName"]: m["Value"] for m in answer.get("FinalMetricDataList", [])},
    )


def stop_job(
    service: Service,
    name: str,
    wait_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Job | None:
    """Stop a job that still runs, and look until it has ended or the time is up.

    Returns
    -------
    Job or None
        As it was at the last look; None if there never was one.
    """
    deadline = clock() + wait_seconds
    job = describe_job(service, name)
    if job and job.status == "InProgress":
        # ValidationException: it ended between the look and the call; the next look says how.
        with aws_call(f"stop the training job {name}"), suppress_code("ValidationException"):
            service.sagemaker.stop_training_job(TrainingJobName=name)
    while job and not job.has_ended and clock() < deadline:
        sleep(POLL_SECONDS)
        job = describe_job(service, name)
    return job
