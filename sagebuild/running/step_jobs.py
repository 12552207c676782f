"""A build's processing, evaluation and transform jobs: describes them, stops them, and counts their seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, StepJob, now
from sagebuild.service import Service, aws_call, suppress_code

# The log groups of all processing and transform jobs of an account, by kind:
# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
STEP_LOGS = {"processing": "/aws/sagemaker/ProcessingJobs", "transform": "/aws/sagemaker/TransformJobs"}
POLL_SECONDS = 1.0


def describe_step_jobs(service: Service, record: BuildRecord, at: datetime) -> list[StepJob]:
    """Return a build's jobs with their status and seconds; those of a running job until a time.

    A job that had ended when it was last described is not described again.
    """
    return [_describe(service, job, at) if job.job and not job.has_ended else job for job in record.step_jobs]


def stop_step_jobs(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[StepJob]:
    """Stop a build's jobs that are running, and wait until they have ended or the time is up.

    Returns
    -------
    list
        The jobs when last described.
    """
    deadline = clock() + wait_seconds
    jobs = describe_step_jobs(service, record, now())
    for job in jobs:
        if job.status == "InProgress":
            # ValidationException: it ended between the two calls; the next Describe says how.
            with aws_call(f"stop the job {job.job}"), suppress_code("ValidationException"):
                if job.kind == "transform":
                    service.sagemaker.stop_transform_job(TransformJobName=job.job)
                else:
                    service.sagemaker.stop_processing_job(ProcessingJobName=job.job)
            jobs = describe_step_jobs(service, replace(record, step_jobs=jobs), now())
    while any(job.is_running for job in jobs) and clock() < deadline:
        sleep(POLL_SECONDS)
        jobs = describe_step_jobs(service, replace(record, step_jobs=jobs), now())
    return jobs


def to_attributes(jobs: list[StepJob]) -> list[dict[str, Any]]:
    """Return jobs as the attribute of a record."""
    return [asdict(job) for job in jobs]


def _describe(service: Service, job: StepJob, at: datetime) -> StepJob:
    kind = job.kind.capitalize()
    with aws_call(f"describe the {job.kind} job {job.job}"):
        try:
            answer = _call_describe(service, job)
        except ClientError as error:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html names
            # ResourceNotFound; the service answers ValidationException for a name that was never used.
            if error.response["Error"]["Code"] in {"ResourceNotFound", "ValidationException"}:
                return job
            raise
    start, end = answer.get(f"{kind}StartTime"), answer.get(f"{kind}EndTime", at)
    return replace(
        job,
        status=answer[f"{kind}JobStatus"],
        seconds=round(max((end - start).total_seconds(), 0)) if start else 0,
        reason=str(answer.get("ExitMessage") or answer.get("FailureReason") or ""),
    )


def _call_describe(service: Service, job: StepJob) -> Mapping[str, Any]:
    if job.kind == "transform":
        return service.sagemaker.describe_transform_job(TransformJobName=job.job)
    return service.sagemaker.describe_processing_job(ProcessingJobName=job.job)
