"""Deletes what builds created: all of it with the stack, so that nothing costs anything, or one pipeline's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sagebuild.builds.lock import change_state, delete_state, list_states, read_state
from sagebuild.builds.records import delete_builds, now
from sagebuild.errors import NoBuildRunningError, PipelineNotFoundError, StillRunningError
from sagebuild.launch.schedules import delete_schedule
from sagebuild.names import (
    name_endpoint,
    name_package_group,
    parse_resource_name,
    resource_prefix,
    stack_prefix,
    tuning_prefix,
)
from sagebuild.parameters.store import delete_document
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.job import TRAINING_LOGS
from sagebuild.running.scaling import end_scaling
from sagebuild.running.stop import stop_build
from sagebuild.service import Service, aws_call, suppress_code
from sagebuild.steps.package_group import owns_package_group

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

WAIT_SECONDS = 600  # a Lambda function has 900
POLL_SECONDS = 5.0

_log = logging.getLogger("sagebuild")
_IsOwn = Callable[[str], bool]  # whether a resource's name is one of those to delete


def remove_leftovers(service: Service, sleep: Callable[[float], None] = time.sleep) -> None:
    """Delete what builds created, all parameter documents, and all objects in the buckets; first stop running builds.

    Raises
    ------
    StillRunningError
        A job or resource did not end in time; the removal of the stack fails with this reason and can be repeated.
    """
    pipelines = [service.for_pipeline(state.pipeline) for state in list_states(service)]
    for pipeline in pipelines:
        _stop_running_build(pipeline, "serverless remove", sleep)
        end_scaling(pipeline)
    _delete_endpoints(pipelines, "serverless remove", sleep)
    _delete_resources(service, stack_prefix(service), f"-{service.stack_key}-", lambda _: True)
    for pipeline in pipelines:
        _delete_packages(pipeline)
        _delete_logs(pipeline, lambda _: True)
        delete_document(pipeline)
    settings = service.settings
    for bucket in (settings.data_bucket, settings.code_bucket, settings.model_bucket):
        _empty_bucket(service, bucket)


def remove_pipeline(
    service: Service, sleep: Callable[[float], None] = time.sleep, report: Callable[[str], object] = _log.info
) -> None:
    """Remove a pipeline: its schedule, endpoint, models, packages, jobs, logs, records and parameter document.

    Its data and source code stay in their buckets, and its images in the repository. From the beginning of the removal,
    no build of the pipeline starts. A removal that failed can be repeated.

    Parameters
    ----------
    service
        Bound to the pipeline.
    report
        Called with a sentence before each part of the removal.

    Raises
    ------
    PipelineNotFoundError
        There is no such pipeline, or it is the default one, which only the stack's removal removes.
    StillRunningError
        A build or resource did not end in time; repeat the removal.
    """
    if not service.pipeline:
        raise PipelineNotFoundError("The default pipeline belongs to the stack; npx serverless remove removes both.")
    report(f"Stopping the builds of {service.label}.")
    _refuse_builds(service)
    delete_schedule(service)
    _stop_running_build(service, "the removal of the pipeline", sleep)
    _wait_for_finish(service, sleep)
    report(f"Deleting the endpoint {name_endpoint(service)}.")
    end_scaling(service)
    _delete_endpoints([service], "the removal", sleep)

    def is_own(name: str) -> bool:
        return parse_resource_name(service, name) is not None or name.startswith(tuning_prefix(service))

    report("Deleting endpoint configurations, models and jobs.")
    _delete_resources(service, resource_prefix(service), tuning_prefix(service), is_own)
    report("Deleting model packages, logs and the models' files.")
    _delete_packages(service)
    _delete_logs(service, is_own)
    _empty_bucket(service, service.settings.model_bucket, service.folder)
    report("Deleting the parameter document and the records.")
    delete_document(service)
    delete_schedule(service)  # again: applySchedule may have read the document before its deletion
    delete_builds(service)
    delete_state(service)


def _refuse_builds(service: Service) -> None:
    """Mark the pipeline as being removed, which drops its pending build."""
    while True:
        state = read_state(service)
        if not state.exists:
            raise PipelineNotFoundError(f"{service.stack_name} has no pipeline {service.pipeline}.")
        wanted = replace(state, pending=None, removed_at=state.removed_at or now().isoformat())
        if change_state(service, state, wanted):
            return


def _wait_for_finish(service: Service, sleep: Callable[[float], None]) -> None:
    """Wait until finishBuild has released the lock: after that nothing writes the pipeline's records."""
    deadline = time.monotonic() + WAIT_SECONDS
    while running := read_state(service).running:
        if time.monotonic() > deadline:
            raise StillRunningError(f"Build {running} of {service.label} is not finished; repeat the removal later.")
        sleep(POLL_SECONDS)


def _stop_running_build(service: Service, requested_by: str, sleep: Callable[[float], None]) -> None:
    try:
        stopped = stop_build(service, wait_seconds=WAIT_SECONDS / 2, requested_by=requested_by, sleep=sleep)
    except NoBuildRunningError:
        return
    if not stopped.confirmed:
        raise StillRunningError(f"{stopped.summary} Repeat {requested_by} in two minutes.")


def _delete_endpoints(pipelines: Sequence[Service], repeat: str, sleep: Callable[[float], None]) -> None:
    """Request the deletion of all endpoints, and wait for their end: each takes a minute."""
    deadline = time.monotonic() + WAIT_SECONDS / 2
    waiting = list(pipelines)
    while waiting := [each for each in waiting if _request_deletion(each, deadline, repeat)]:
        sleep(POLL_SECONDS)


def _request_deletion(service: Service, deadline: float, repeat: str) -> bool:
    """Return whether the endpoint still exists."""
    endpoint, name = describe_endpoint(service), name_endpoint(service)
    if not endpoint:
        return False
    if time.monotonic() > deadline:
        raise StillRunningError(f"The endpoint {name} is still {endpoint.status}; repeat {repeat} later.")
    if endpoint.status in {"InService", "Failed", "OutOfService", "UpdateRollbackFailed"}:
        with aws_call("delete the endpoint"), suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint(EndpointName=name)
    return True


def _delete_resources(service: Service, prefix: str, tuning: str, is_own: _IsOwn) -> None:
    """Delete endpoint configurations, models and jobs.

    Parameters
    ----------
    prefix
        Contained in the names of configurations, models and training jobs.
    tuning
        Contained in the names of tuning jobs and their trainings.
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
        ("list_training_jobs", "TrainingJobSummaries", "TrainingJobName", prefix, "delete_training_job"),
        ("list_training_jobs", "TrainingJobSummaries", "TrainingJobName", tuning, "delete_training_job"),
    )
    for operation, member, name, contained, delete in lists:
        # All pages are read before anything is deleted: deletions between pages would skip entries.
        pages = list(sagemaker.get_paginator(operation).paginate(NameContains=contained))
        for each in [each[name] for page in pages for each in page[member] if is_own(each[name])]:
            getattr(sagemaker, delete)(**{name: each})


def _delete_packages(service: Service) -> None:
    """Delete the packages and their group; spare a group of the stack's name that something else has created."""
    if not service.pipeline and not owns_package_group(service):
        return
    group = name_package_group(service)
    # ValidationException: the group does not exist, as after an earlier try.
    with aws_call("delete the model packages"), suppress_code("ValidationException"):
        pages = service.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        for package in [package for page in pages for package in page["ModelPackageSummaryList"]]:
            service.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
        service.sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def _delete_logs(service: Service, is_own: _IsOwn) -> None:
    with aws_call("delete the endpoint's logs"), suppress_code("ResourceNotFoundException"):
        service.logs.delete_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name_endpoint(service)}")
    for prefix in {resource_prefix(service), tuning_prefix(service)}:
        with aws_call("delete the training logs"), suppress_code("ResourceNotFoundException"):
            pages = service.logs.get_paginator("describe_log_streams").paginate(
                logGroupName=TRAINING_LOGS, logStreamNamePrefix=prefix
            )
            # All stacks of the account share the log group. A stream's name begins with its job's.
            for stream in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
                if is_own(stream.partition("/")[0]):
                    service.logs.delete_log_stream(logGroupName=TRAINING_LOGS, logStreamName=stream)


def _empty_bucket(service: Service, bucket: str, prefix: str = "") -> None:
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
