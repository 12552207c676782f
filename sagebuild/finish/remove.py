"""Deletes everything that builds created, so that a removed stack leaves nothing behind and costs nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sagebuild.errors import NoBuildRunningError, StillRunningError
from sagebuild.names import name_endpoint, name_package_group, resource_prefix, tuning_prefix
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.running.scaling import end_scaling
from sagebuild.running.stop import stop_build
from sagebuild.service import Service, aws_call, suppress_code

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

WAIT_SECONDS = 600  # a Lambda function has 900
POLL_SECONDS = 5.0

_log = logging.getLogger("sagebuild")


def remove_leftovers(service: Service, sleep: Callable[[float], None] = time.sleep) -> None:
    """Stop the running build; delete the endpoint, models, packages, jobs, logs and all objects in the buckets.

    Raises
    ------
    StillRunningError
        A job or resource did not end in time; the removal of the stack fails with this reason and can be repeated.
    """
    _stop_running_build(service, sleep)
    end_scaling(service)
    _delete_endpoint(service, sleep)
    _delete_configs_and_models(service)
    _delete_packages(service)
    _delete_jobs(service)
    _delete_logs(service)
    settings = service.settings
    for bucket in (settings.data_bucket, settings.code_bucket, settings.model_bucket):
        _empty_bucket(service, bucket)


def _stop_running_build(service: Service, sleep: Callable[[float], None]) -> None:
    try:
        stopped = stop_build(service, wait_seconds=WAIT_SECONDS / 2, requested_by="serverless remove", sleep=sleep)
    except NoBuildRunningError:
        return
    if not stopped.confirmed:
        raise StillRunningError(f"{stopped.summary} Run serverless remove again in two minutes.")


def _delete_endpoint(service: Service, sleep: Callable[[float], None]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS / 2
    while endpoint := describe_endpoint(service):
        if time.monotonic() > deadline:
            raise StillRunningError(
                f"The endpoint {name_endpoint(service)} is still {endpoint.status}; run serverless remove again later."
            )
        if endpoint.status in {"InService", "Failed", "OutOfService", "UpdateRollbackFailed"}:
            with aws_call("delete the endpoint"), suppress_code("ValidationException"):
                service.sagemaker.delete_endpoint(EndpointName=name_endpoint(service))
        sleep(POLL_SECONDS)


def _delete_configs_and_models(service: Service) -> None:
    sagemaker, prefix = service.sagemaker, resource_prefix(service)
    for page in _pages(sagemaker, "list_endpoint_configs", prefix):
        for config in page["EndpointConfigs"]:
            sagemaker.delete_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
    for page in _pages(sagemaker, "list_models", prefix):
        for model in page["Models"]:
            sagemaker.delete_model(ModelName=model["ModelName"])


def _delete_packages(service: Service) -> None:
    """Delete the packages; CloudFormation deletes the empty group."""
    with aws_call("delete the model packages"):
        pages = service.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=name_package_group(service)
        )
        for package in [package for page in pages for package in page["ModelPackageSummaryList"]]:
            service.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


def _delete_jobs(service: Service) -> None:
    sagemaker = service.sagemaker
    for page in _pages(sagemaker, "list_hyper_parameter_tuning_jobs", tuning_prefix(service)):
        for tuning in page["HyperParameterTuningJobSummaries"]:
            sagemaker.delete_hyper_parameter_tuning_job(
                HyperParameterTuningJobName=tuning["HyperParameterTuningJobName"]
            )
    for prefix in _job_prefixes(service):
        for page in _pages(sagemaker, "list_training_jobs", prefix):
            for job in page["TrainingJobSummaries"]:
                sagemaker.delete_training_job(TrainingJobName=job["TrainingJobName"])


def _job_prefixes(service: Service) -> set[str]:
    """Return the prefixes of training jobs' names; those of a tuning job have a prefix that may be shorter."""
    return {resource_prefix(service), tuning_prefix(service)}


def _pages(client: Any, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Read all pages before the caller deletes anything: deletions between pages would skip entries."""
    yield from list(client.get_paginator(operation).paginate(NameContains=prefix))


def _delete_logs(service: Service) -> None:
    with aws_call("delete the endpoint's logs"), suppress_code("ResourceNotFoundException"):
        service.logs.delete_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name_endpoint(service)}")
    for prefix in _job_prefixes(service):
        _delete_training_logs(service, prefix)


def _delete_training_logs(service: Service, prefix: str) -> None:
    with aws_call("delete the training logs"), suppress_code("ResourceNotFoundException"):
        pages = service.logs.get_paginator("describe_log_streams").paginate(
            logGroupName=TRAINING_LOGS, logStreamNamePrefix=prefix
        )
        # All stacks of the account share the log group; only the streams of this stack's jobs are deleted.
        for stream in [stream for page in pages for stream in page["logStreams"]]:
            service.logs.delete_log_stream(logGroupName=TRAINING_LOGS, logStreamName=stream["logStreamName"])


def _empty_bucket(service: Service, bucket: str) -> None:
    with aws_call(f"empty the bucket {bucket}"), suppress_code("NoSuchBucket"):
        for page in service.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            keys: list[ObjectIdentifierTypeDef] = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for item in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if keys:
                answer = service.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                for error in answer.get("Errors", []):
                    _log.error("not deleted: s3://%s/%s: %s", bucket, error["Key"], error["Message"])
