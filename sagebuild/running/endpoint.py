"""Describes the stack's endpoint, its configurations and their models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.names import name_endpoint
from sagebuild.service import Service, aws_call, suppress_code

LOG_RETENTION_DAYS = 30  # as logRetentionInDays in serverless.yml

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


def name_endpoint_logs(service: Service) -> str:
    """Return the name of the log group in which SageMaker writes the containers' output."""
    return f"/aws/sagemaker/Endpoints/{name_endpoint(service)}"


def limit_log_retention(service: Service, record: BuildRecord) -> None:
    """Keep the endpoint's logs for 30 days, as those of the functions; only a first deployment changes that.

    SageMaker creates the log group, and CloudWatch keeps logs forever by default:
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html. Trainings of the
    whole account share one log group, which belongs to no stack.
    """
    if record.live_before or not record.endpoint_config:
        return
    with aws_call("limit the retention of the endpoint's logs"), suppress_code("ResourceNotFoundException"):
        service.logs.put_retention_policy(logGroupName=name_endpoint_logs(service), retentionInDays=LOG_RETENTION_DAYS)


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
