"""Describes and deletes the inference component of the pipeline's endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.names import name_component
from sagebuild.service import Service, aws_call, suppress_code

Body = dict[str, Any]

# The other statuses pass: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeInferenceComponent.html
AT_REST = frozenset({"InService", "Failed"})
# The members of a description that UpdateInferenceComponent takes.
_SPECIFIED = ("ModelName", "ComputeResourceRequirements", "StartupParameters")


@dataclass(frozen=True)
class Component:
    """The copies of a model on an endpoint.

    Parameters
    ----------
    model
        The name of the model that it serves, which is that of its build's endpoint configuration.
    copies, wanted
        How many copies serve, and how many SageMaker is asked for.
    reason
        SageMaker's FailureReason, if any.
    specification
        The model and what each copy reserves, as UpdateInferenceComponent takes them.
    """

    name: str
    status: str
    model: str
    copies: int
    wanted: int
    reason: str = ""
    specification: Body = field(default_factory=dict, repr=False)

    @property
    def is_changing(self) -> bool:
        """Whether SageMaker refuses other changes at present."""
        return self.status not in AT_REST


def describe_component(service: Service) -> Component | None:
    """Describe the component of the pipeline's endpoint; return None if it does not exist."""
    name = name_component(service)
    with aws_call(f"describe the inference component {name}"):
        try:
            answer = service.sagemaker.describe_inference_component(InferenceComponentName=name)
        except ClientError as error:
            # SageMaker answers ValidationException for a component that does not exist.
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
    described: Body = dict(answer.get("Specification", {}))
    specification = {key: described[key] for key in _SPECIFIED if key in described}
    copies = answer.get("RuntimeConfig", {})
    return Component(
        name,
        answer.get("InferenceComponentStatus", ""),
        specification.get("ModelName", ""),
        copies.get("CurrentCopyCount", 0),
        copies.get("DesiredCopyCount", 0),
        answer.get("FailureReason", ""),
        specification,
    )


def delete_component(service: Service, component: Component) -> None:
    """Request the deletion of a component, unless it changes at present.

    An endpoint's deletion keeps its components, which then block their name, so they are deleted first:
    https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-delete-resources.html
    """
    if component.is_changing:
        return
    # ValidationException: it began to change since it was described.
    with aws_call(f"delete the inference component {component.name}"), suppress_code("ValidationException"):
        service.sagemaker.delete_inference_component(InferenceComponentName=component.name)


def name_component_logs(service: Service) -> str:
    """Return the name of the log group in which SageMaker writes the output of a component's containers.

    https://github.com/huggingface/skills/pull/215 names it; no page of AWS does.
    """
    return f"/aws/sagemaker/InferenceComponents/{name_component(service)}"
