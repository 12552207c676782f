"""Removes what builds created: all of it with the stack, so that nothing costs anything, or one pipeline's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from sagebuild.builds.lock import change_state, delete_state, list_states, read_state
from sagebuild.builds.records import delete_builds, now
from sagebuild.deadline import Deadline
from sagebuild.errors import NoBuildRunningError, PipelineNotFoundError, StillRunningError
from sagebuild.finish.delete import (
    POLL_SECONDS,
    delete_endpoints,
    delete_logs,
    delete_packages,
    delete_resources,
    empty_bucket,
)
from sagebuild.finish.interfaces import wait_for_interfaces
from sagebuild.launch.schedules import delete_schedule
from sagebuild.names import (
    name_endpoint,
    parse_resource_name,
    resource_prefix,
    stack_prefix,
    tuning_prefix,
)
from sagebuild.parameters.store import delete_document
from sagebuild.running.scaling import end_scaling
from sagebuild.running.stop import Stopped, stop_build
from sagebuild.service import Service

# How long the removal of one pipeline waits in total; no Lambda function runs it.
WAIT_SECONDS = 1800.0

_log = logging.getLogger("sagebuild")
_Sleep = Callable[[float], None]


def remove_leftovers(service: Service, sleep: _Sleep = time.sleep, deadline: Deadline | None = None) -> None:
    """Delete what builds created, all parameter documents, and all objects in the buckets; first stop running builds.

    From the beginning of the removal, no build of the stack starts, and a build that ends restores no endpoint. Each
    call continues where an earlier one ended.

    Parameters
    ----------
    deadline
        The end of all waits together.

    Raises
    ------
    StillRunningError
        A job or resource did not end in time; repeat the call.
    """
    deadline = deadline or Deadline(WAIT_SECONDS)
    pipelines = _refuse_all_builds(service)
    for pipeline in pipelines:
        _request_stop(pipeline, "serverless remove", sleep, Deadline(0, deadline.clock))  # all stop at the same time
    for pipeline in pipelines:
        _stop_running_build(pipeline, "serverless remove", sleep, deadline)
        end_scaling(pipeline)
    delete_endpoints(pipelines, "serverless remove", sleep, deadline)
    tuning = f"-{service.stack_key}-"
    wait_for_interfaces(service, stack_prefix(service), tuning, sleep, deadline)
    delete_resources(service, stack_prefix(service), tuning, lambda _: True, sleep, deadline)
    for pipeline in pipelines:
        delete_packages(pipeline)
        delete_document(pipeline)
    settings = service.settings
    for bucket in (settings.data_bucket, settings.code_bucket, settings.model_bucket):
        empty_bucket(service, bucket)
    # Last: the containers of a deleted endpoint may write for some seconds more, which creates its log group again.
    for pipeline in pipelines:
        delete_logs(pipeline, lambda _: True)


def remove_pipeline(service: Service, sleep: _Sleep = time.sleep, report: Callable[[str], object] = _log.info) -> None:
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
    deadline = Deadline(WAIT_SECONDS)
    report(f"Stopping the builds of {service.label}.")
    _refuse_builds(service)
    delete_schedule(service)
    _stop_running_build(service, "the removal of the pipeline", sleep, deadline)
    _wait_for_finish(service, sleep, deadline)
    report(f"Deleting the endpoint {name_endpoint(service)}.")
    end_scaling(service)
    delete_endpoints([service], "the removal", sleep, deadline)

    def is_own(name: str) -> bool:
        return parse_resource_name(service, name) is not None or name.startswith(tuning_prefix(service))

    report("Deleting endpoint configurations, models and jobs.")
    delete_resources(service, resource_prefix(service), tuning_prefix(service), is_own, sleep, deadline)
    report("Deleting model packages, logs and the models' files.")
    delete_packages(service)
    delete_logs(service, is_own)
    empty_bucket(service, service.settings.model_bucket, service.folder)
    report("Deleting the parameter document and the records.")
    delete_document(service)
    delete_schedule(service)  # again: applySchedule may have read the document before its deletion
    delete_builds(service)
    delete_state(service)


def _refuse_all_builds(service: Service) -> list[Service]:
    """Mark all pipelines as being removed; return them.

    The default pipeline is the first: after that, no pipeline can be created.
    """
    _refuse_builds(service)
    pipelines = [service.for_pipeline(state.pipeline) for state in list_states(service)]
    for pipeline in pipelines:
        _refuse_builds(pipeline)
    return pipelines


def _refuse_builds(service: Service) -> None:
    """Mark the pipeline as being removed, which drops its pending build."""
    while True:
        state = read_state(service)
        if not state.exists:
            raise PipelineNotFoundError(f"{service.stack_name} has no pipeline {service.pipeline}.")
        wanted = replace(state, pending=None, removed_at=state.removed_at or now().isoformat())
        if state == wanted or change_state(service, state, wanted):
            return


def _wait_for_finish(service: Service, sleep: _Sleep, deadline: Deadline) -> None:
    """Wait until finishBuild has released the lock: after that nothing writes the pipeline's records."""
    while running := read_state(service).running:
        if deadline.is_over:
            raise StillRunningError(f"Build {running} of {service.label} is not finished; repeat the removal later.")
        sleep(POLL_SECONDS)


def _stop_running_build(service: Service, requested_by: str, sleep: _Sleep, deadline: Deadline) -> None:
    stopped = _request_stop(service, requested_by, sleep, deadline)
    if stopped and not stopped.confirmed:
        raise StillRunningError(f"{stopped.summary} Repeat {requested_by} in two minutes.")


def _request_stop(service: Service, requested_by: str, sleep: _Sleep, deadline: Deadline) -> Stopped | None:
    """Stop the running build, and wait until the deadline for its end; None if none is running."""
    try:
        return stop_build(
            service, wait_seconds=deadline.seconds_left, requested_by=requested_by, clock=deadline.clock, sleep=sleep
        )
    except NoBuildRunningError:
        return None
