"""Describes the stack's endpoint, and restores it after a build that did not succeed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, update_build
from sagebuild.errors import StillRunningError
from sagebuild.names import name_endpoint, name_resource, pipeline_tags
from sagebuild.service import Service, aws_call, suppress_code

POLL_SECONDS = 10.0
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html: transient statuses.
_CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})

# Makes UpdateEndpoint keep the instance count that scaling has chosen.
RETAIN_CAPACITY: dict[str, Any] = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint's status, the configuration it serves, and SageMaker's FailureReason, if any."""

    status: str
    config: str
    reason: str = ""


def describe_endpoint(service: Service) -> Endpoint | None:
    """Describe the stack's endpoint; return None if it does not exist."""
    name = name_endpoint(service)
    with aws_call(f"describe the endpoint {name}"):
        try:
            answer = service.sagemaker.describe_endpoint(EndpointName=name)
        except ClientError as error:
            # SageMaker answers ValidationException for an endpoint that does not exist.
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
    return Endpoint(answer["EndpointStatus"], answer["EndpointConfigName"], answer.get("FailureReason", ""))


def describe_models(service: Service, config: str) -> list[str]:
    """Return the names of an endpoint configuration's models; none if the configuration was deleted."""
    return [str(variant.get("ModelName", "")) for variant in describe_variants(service, config)]


def describe_instance_type(service: Service, config: str) -> str | None:
    """Return the instance type of an endpoint configuration; None if it is serverless or was deleted."""
    variants = describe_variants(service, config)
    return variants[0].get("InstanceType") if variants else None


def describe_variants(service: Service, config: str) -> list[Any]:
    """Return the variants of an endpoint configuration; none if it was deleted."""
    with aws_call(f"describe the endpoint configuration {config}"):
        try:
            answer = service.sagemaker.describe_endpoint_config(EndpointConfigName=config)
        except ClientError as error:
            # An endpoint keeps serving after its configuration was deleted.
            if error.response["Error"]["Code"] == "ValidationException":
                return []
            raise
    return list(answer["ProductionVariants"])


def undo_deployment(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Restore the endpoint as it was before a build, and delete the build's model and endpoint configuration.

    Safe to repeat. Nothing changes if the deployment never began, or if SageMaker rolled it back. After a failed
    rollback nothing is deleted: its model and configuration are an earlier build's.

    Raises
    ------
    StillRunningError
        The endpoint was still changing at the end of the wait.
    """
    ours = record.endpoint_config if record.trigger.rollback else name_resource(service, record.number)
    if not ours:
        return
    deadline = clock() + wait_seconds
    pauses = chain((1.0, 2.0, 4.0, 8.0), repeat(POLL_SECONDS))
    remade = record.endpoint_remade
    while (endpoint := describe_endpoint(service)) or remade:
        if endpoint is None:
            _create_endpoint(service, record.live_before)
        elif endpoint.status in _CHANGING:
            if clock() >= deadline:
                raise StillRunningError(
                    f"The endpoint {name_endpoint(service)} is still {endpoint.status} after {wait_seconds:.0f} s."
                )
            sleep(next(pauses))
        elif endpoint.status == "InService" and endpoint.config == ours:
            _restore(service, record)
        elif endpoint.status == "Failed" and endpoint.config in (ours, record.live_before) and not remade:
            remade = _delete_failed(service, record)
        else:
            break
    # With any other status, the endpoint may still serve from some of the new instances.
    if not record.trigger.rollback and (endpoint is None or endpoint.status in ("InService", "Failed")):
        _delete_unused(service, ours, endpoint.config if endpoint else "")


def _restore(service: Service, record: BuildRecord) -> None:
    name = name_endpoint(service)
    with aws_call(f"restore the endpoint {name}"):
        if record.live_before:
            retained = RETAIN_CAPACITY if record.scaling_before else {}
            service.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=record.live_before, **retained)
        else:
            service.sagemaker.delete_endpoint(EndpointName=name)


def _delete_failed(service: Service, record: BuildRecord) -> bool:
    """Delete a Failed endpoint: SageMaker allows no other change to it.

    Returns
    -------
    bool
        Whether it must be created again. The record says so before the deletion, for a caller that dies in between.
    """
    remade = bool(record.live_before)
    if remade:
        update_build(service, record.number, endpoint_remade=True)
    with aws_call("delete the failed endpoint"):
        service.sagemaker.delete_endpoint(EndpointName=name_endpoint(service))
    return remade


def _create_endpoint(service: Service, config: str) -> None:
    with aws_call("recreate the endpoint"):
        service.sagemaker.create_endpoint(
            EndpointName=name_endpoint(service),
            EndpointConfigName=config,
            Tags=[{"Key": key, "Value": value} for key, value in pipeline_tags(service).items()],
        )


def _delete_unused(service: Service, name: str, live: str) -> None:
    if name == live:
        return
    with aws_call(f"delete {name}"):
        # ValidationException: it was never created.
        with suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        with suppress_code("ValidationException"):
            service.sagemaker.delete_model(ModelName=name)
