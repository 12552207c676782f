"""The stack's one endpoint: what it serves, and putting back what it served before a build that did not succeed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat

from botocore.exceptions import ClientError

from sagebuild.errors import StillRunningError
from sagebuild.names import name_endpoint, name_resource
from sagebuild.records import BuildRecord
from sagebuild.service import Service, aws_call, suppress_code

POLL_SECONDS = 10.0
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html: those that pass by themselves.
_CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True)
class Endpoint:
    """An endpoint's status, the configuration it serves, and SageMaker's own words if something went wrong."""

    status: str
    config: str
    reason: str = ""


def describe_endpoint(service: Service) -> Endpoint | None:
    """The stack's endpoint, or None if there is none."""
    name = name_endpoint(service)
    with aws_call(f"describe the endpoint {name}"):
        try:
            answer = service.sagemaker.describe_endpoint(EndpointName=name)
        except ClientError as error:
            # The code is ValidationException, the documented answer for an endpoint that does not exist.
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
    return Endpoint(answer["EndpointStatus"], answer["EndpointConfigName"], answer.get("FailureReason", ""))


def describe_instance_type(service: Service, config: str) -> str | None:
    """The type of the instances that an endpoint configuration asks for; None if it is serverless, or gone."""
    with aws_call(f"describe the endpoint configuration {config}"):
        try:
            answer = service.sagemaker.describe_endpoint_config(EndpointConfigName=config)
        except ClientError as error:
            # An endpoint goes on when its configuration is deleted.
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
    return answer["ProductionVariants"][0].get("InstanceType")


def undo_deployment(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Leave the endpoint as it was before a build, whatever that build had begun, and remove what it had made.

    Safe to repeat. A deployment that never began is left alone; so is an endpoint that SageMaker rolled back itself.

    Raises
    ------
    StillRunningError
        The endpoint was still changing when the time was up.
    """
    ours = name_resource(service, record.number)
    deadline = clock() + wait_seconds
    pauses = chain((1.0, 2.0, 4.0, 8.0), repeat(POLL_SECONDS))
    while (endpoint := describe_endpoint(service)) and endpoint.status in _CHANGING | {"InService", "Failed"}:
        if endpoint.status in _CHANGING:
            if clock() >= deadline:
                raise StillRunningError(
                    f"The endpoint {name_endpoint(service)} is still {endpoint.status} after {wait_seconds:.0f} s."
                )
            sleep(next(pauses))
        elif endpoint.config != ours:
            break
        else:
            _step_back(service, endpoint, record.live_before)
            if endpoint.status == "Failed" and record.live_before:
                break
    _delete_unused(service, ours, endpoint.config if endpoint else "")


def _step_back(service: Service, endpoint: Endpoint, before: str) -> None:
    name = name_endpoint(service)
    with aws_call(f"restore the endpoint {name}"):
        if not before:
            service.sagemaker.delete_endpoint(EndpointName=name)
        elif endpoint.status == "InService":
            service.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=before)


def _delete_unused(service: Service, name: str, live: str) -> None:
    if name == live:
        return
    with aws_call(f"delete {name}"):
        # ValidationException: it was never made.
        with suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        with suppress_code("ValidationException"):
            service.sagemaker.delete_model(ModelName=name)
