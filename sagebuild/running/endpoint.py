"""Describes the stack's endpoint, its configurations and their models, and creates a failed endpoint again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, update_build
from sagebuild.names import name_endpoint, pipeline_tags
from sagebuild.running.component import Component, describe_component, name_component_logs
from sagebuild.service import Service, aws_call, suppress_code

LOG_RETENTION_DAYS = 30  # as logRetentionInDays in serverless.yml

# Makes UpdateEndpoint keep the instance count that scaling has chosen.
RETAIN_CAPACITY: dict[str, Any] = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, and what it serves.

    Parameters
    ----------
    config
        The configuration that it serves. With an inference component it is the one of the build whose model the
        component serves, because each build has a model and a configuration of the same name.
    reason
        SageMaker's FailureReason, if any.
    component
        Its inference component, if it has one.
    instances
        The configuration of its instances if that has no model, because inference components bring theirs; else empty.
    """

    status: str
    config: str
    reason: str = ""
    component: Component | None = None
    instances: str = ""

    @property
    def configs(self) -> set[str]:
        """The configurations that it uses: of its instances, and of the model that it serves."""
        return {self.config, self.instances or self.config}

    @property
    def serves(self) -> bool:
        """False if it failed, or if the component that it needs failed or is missing; True without a copy."""
        if self.instances and (not self.component or self.component.status == "Failed"):
            return False
        return self.status != "Failed"

    def __str__(self) -> str:
        if self.instances and not self.component:
            return f"{self.status}, serves nothing, because it has no inference component"
        if self.component and self.component.status == "Failed":
            reason = self.component.reason or "SageMaker gave no reason"
            return f"{self.status}, but its inference component failed with {self.config}: {reason}"
        text = f"{self.status}, serves {self.config}"
        if not self.component:
            return text
        copies = f"{self.component.copies} of {self.component.wanted} copies"
        return f"{text} with {copies if self.component.wanted else 'no copy at present'}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        plain = asdict(self)
        if self.component:
            plain["component"].pop("specification")
        return plain


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
    endpoint = Endpoint(answer["EndpointStatus"], answer["EndpointConfigName"], answer.get("FailureReason", ""))
    if not any("ManagedInstanceScaling" in variant for variant in answer.get("ProductionVariants", [])):
        return endpoint
    component = describe_component(service)
    model = component.model if component else ""
    return replace(endpoint, config=model or endpoint.config, component=component, instances=endpoint.config)


def name_endpoint_logs(service: Service) -> str:
    """Return the name of the log group in which SageMaker writes the output of an endpoint's containers."""
    return f"/aws/sagemaker/Endpoints/{name_endpoint(service)}"


def name_serving_logs(service: Service, record: BuildRecord) -> str:
    """Return the name of the log group of the containers that a build deploys."""
    return name_component_logs(service) if record.component else name_endpoint_logs(service)


def limit_log_retention(service: Service, record: BuildRecord) -> None:
    """Keep the endpoint's logs for 30 days, as those of the functions; only a first deployment changes that.

    SageMaker creates the log group, and CloudWatch keeps logs forever by default:
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html. Trainings of the
    whole account share one log group, which belongs to no stack.
    """
    if record.live_before or not record.endpoint_config:
        return
    with aws_call("limit the retention of the endpoint's logs"), suppress_code("ResourceNotFoundException"):
        group = name_serving_logs(service, record)
        service.logs.put_retention_policy(logGroupName=group, retentionInDays=LOG_RETENTION_DAYS)


def describe_models(service: Service, config: str) -> list[str]:
    """Return the names of an endpoint configuration's models; none if the configuration was deleted.

    The model of an inference component has the name of its build's configuration.
    """
    return [str(variant.get("ModelName") or config) for variant in describe_variants(service, config)]


def describe_instance_type(service: Service, config: str) -> str | None:
    """Return the instance type of an endpoint configuration; None if it is serverless or was deleted."""
    variants = describe_variants(service, config)
    return variants[0].get("InstanceType") if variants else None


def describe_variants(service: Service, config: str) -> list[Any]:
    """Return the variants of an endpoint configuration; none if it was deleted."""
    described = describe_config(service, config)
    return list(described["ProductionVariants"]) if described else []


def describe_config(service: Service, config: str) -> dict[str, Any] | None:
    """Describe an endpoint configuration; return None if it was deleted, or has no name."""
    if not config:
        return None
    with aws_call(f"describe the endpoint configuration {config}"):
        try:
            return dict(service.sagemaker.describe_endpoint_config(EndpointConfigName=config))
        except ClientError as error:
            # An endpoint keeps serving after its configuration was deleted.
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise


def delete_failed_endpoint(service: Service, record: BuildRecord, *, remake: bool) -> None:
    """Delete a Failed endpoint: SageMaker allows no other change to it.

    Parameters
    ----------
    remake
        Whether it must be created again. The record says so before the deletion, for a caller that dies in between.
    """
    if remake:
        update_build(service, record.number, endpoint_remade=True)
    with aws_call("delete the failed endpoint"):
        service.sagemaker.delete_endpoint(EndpointName=name_endpoint(service))


def recreate_endpoint(service: Service, config: str) -> None:
    """Begin to create the endpoint again after `delete_failed_endpoint`."""
    with aws_call("recreate the endpoint"):
        service.sagemaker.create_endpoint(
            EndpointName=name_endpoint(service),
            EndpointConfigName=config,
            Tags=[{"Key": key, "Value": value} for key, value in pipeline_tags(service).items()],
        )
