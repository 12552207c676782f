"""Deletes what builds created, kind by kind; a resource that is already deleted is no error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagebuild.deadline import Deadline
from sagebuild.errors import StillRunningError
from sagebuild.names import name_endpoint, name_package_group, resource_prefix, tuning_prefix
from sagebuild.running.component import delete_component, describe_component, name_component_logs
from sagebuild.running.endpoint import describe_endpoint, name_endpoint_logs
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.running.step_jobs import STEP_LOGS
from sagebuild.service import LARGE_PAGES, Service, aws_call, suppress_code
from sagebuild.steps.package_group import owns_package_group

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

POLL_SECONDS = 5.0

_log = logging.getLogger("sagebuild")
_Sleep = Callable[[float], None]
_IsOwn = Callable[[str], bool]  # whether a resource's name is one of those to delete


def delete_endpoints(pipelines: Sequence[Service], repeat: str, sleep: _Sleep, deadline: Deadline) -> None:
    """Request the deletion of all endpoints and inference components, and wait for their end: each takes a minute."""
    waiting = list(pipelines)
    while waiting := [each for each in waiting if _request_deletion(each, deadline, repeat)]:
        sleep(POLL_SECONDS)


def _request_deletion(service: Service, deadline: Deadline, repeat: str) -> bool:
    """Return whether the endpoint or its inference component still exists; the component is deleted first."""
    component, name = describe_component(service), name_endpoint(service)
    endpoint = describe_endpoint(service)
    if not endpoint and not component:
        return False
    if deadline.is_over:
        present = f"endpoint {name} is still {endpoint.status}" if endpoint else f"component {name} is not deleted"
        raise StillRunningError(f"The {present}; repeat {repeat} later.")
    if component:
        delete_component(service, component)
    elif endpoint and endpoint.status in {"InService", "Failed", "OutOfService", "UpdateRollbackFailed"}:
        with aws_call("delete the endpoint"), suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint(EndpointName=name)
    return True


def delete_resources(
    service: Service, prefix: str, tuning: str, is_own: _IsOwn, sleep: _Sleep, deadline: Deadline
) -> None:
    """Delete endpoint configurations, models and jobs.

    Parameters
    ----------
    prefix
        Contained in the names of configurations, models and training jobs.
    tuning
        Contained in the names of tuning jobs and their trainings, and of processing and evaluation jobs.
    is_own
        Called with each name that contains one of them.
    """
    sagemaker: Any = service.sagemaker
    lists = (
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", prefix, "delete_endpoint_config"),
        ("list_models", "Models", "ModelName", prefix, "delete_model"),
        (
            "list_hyper_parameter_tuning_jobs",
            "HyperParameterTuningJobSummaries",
            "HyperParameterTuningJobName",
            tuning,
            "delete_hyper_parameter_tuning_job",
        ),
        ("list_processing_jobs", "ProcessingJobSummaries", "ProcessingJobName", tuning, "delete_processing_job"),
    )
    for operation, member, name, contained, delete in lists:
        # All pages are read before anything is deleted: deletions between pages would skip entries.
        paginator = sagemaker.get_paginator(operation)
        pages = list(paginator.paginate(NameContains=contained, PaginationConfig=LARGE_PAGES))
        for each in [each[name] for page in pages for each in page[member] if is_own(each[name])]:
            getattr(sagemaker, delete)(**{name: each})
    for contained in (prefix, tuning):
        paginator = sagemaker.get_paginator("list_training_jobs")
        pages = list(paginator.paginate(NameContains=contained, PaginationConfig=LARGE_PAGES))
        names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
        _delete_trainings(service, list(filter(is_own, names)), sleep, deadline)


def _delete_trainings(service: Service, names: list[str], sleep: _Sleep, deadline: Deadline) -> None:
    """Delete trainings. Those that keep their instances in a warm pool must give them back first.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteTrainingJob.html
    """
    while names := [name for name in names if not _delete_training(service, name)]:
        if deadline.is_over:
            raise StillRunningError(f"The warm pool of the training {names[0]} is still alive; repeat the removal.")
        sleep(POLL_SECONDS)


def _delete_training(service: Service, name: str) -> bool:
    """Delete a training; return False when its warm pool is alive, which then ends.

    https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools-how-to-use.html: the keep-alive period 0 ends it.
    """
    try:
        with suppress_code("ResourceNotFound"):
            service.sagemaker.delete_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        # ValidationException: the pool is ending already.
        with suppress_code("ValidationException"):
            service.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        return False
    return True


def delete_packages(service: Service) -> None:
    """Delete the packages and their group; spare a group of the stack's name that something else has created."""
    if not service.pipeline and not owns_package_group(service):
        return
    group = name_package_group(service)
    # ValidationException: the group does not exist, as after an earlier try.
    with aws_call("delete the model packages"), suppress_code("ValidationException"):
        pages = service.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, PaginationConfig=LARGE_PAGES
        )
        for package in [package for page in pages for package in page["ModelPackageSummaryList"]]:
            service.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
        service.sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def delete_logs(service: Service, is_own: _IsOwn) -> None:
    """Delete the endpoint's log group, and the streams of the pipeline's jobs in the account's log groups."""
    for group in (name_endpoint_logs(service), name_component_logs(service)):
        with aws_call("delete the endpoint's logs"), suppress_code("ResourceNotFoundException"):
            service.logs.delete_log_group(logGroupName=group)
    _delete_streams(service, TRAINING_LOGS, {resource_prefix(service), tuning_prefix(service)}, is_own)
    for group in STEP_LOGS.values():
        _delete_streams(service, group, {tuning_prefix(service)}, is_own)


def _delete_streams(service: Service, group: str, prefixes: Collection[str], is_own: _IsOwn) -> None:
    """Delete the streams of the pipeline's jobs in a log group, which all stacks of the account share."""
    for prefix in prefixes:
        with aws_call(f"delete the logs in {group}"), suppress_code("ResourceNotFoundException"):
            pages = service.logs.get_paginator("describe_log_streams").paginate(
                logGroupName=group, logStreamNamePrefix=prefix
            )
            # A stream's name begins with its job's.
            for stream in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
                if is_own(stream.partition("/")[0]):
                    service.logs.delete_log_stream(logGroupName=group, logStreamName=stream)


def empty_bucket(service: Service, bucket: str, prefix: str = "") -> None:
    """Delete all objects of a bucket, or those below a prefix, with all their versions."""
    with aws_call(f"empty the bucket {bucket}"), suppress_code("NoSuchBucket"):
        for page in service.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            keys: list[ObjectIdentifierTypeDef] = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for item in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if keys:
                answer = service.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                for error in answer.get("Errors", []):
                    _log.error("not deleted: s3://%s/%s: %s", bucket, error["Key"], error["Message"])
