"""The options of serving: the model's data, the start of the instances, the capture of requests, and copies."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sagebuild.parameters.groups import S3Address, StrictModel, refuse_object
from sagebuild.parameters.kinds import Choice, Flag, Number, WholeNumber

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
InferenceAmi = Literal[
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2-ami-sagemaker-inference-neuron-2",
    "al2023-ami-sagemaker-inference-gpu-4-1",
]


class DataCapture(StrictModel):
    """Copies of the endpoint's requests and answers in S3.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
    """

    percentage: Annotated[int, WholeNumber(1, 100, "percent")] = Field(
        default=20, description="Share of the requests that the endpoint captures."
    )
    prefix: Annotated[str | None, S3Address] = Field(
        default=None,
        description="S3 address for the files, which SageMaker sorts by endpoint, variant and hour below it. Default: "
        "datacapture/ in the stack's model bucket.",
    )


class InferenceComponent(StrictModel):
    """What each copy of the model reserves of an instance.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentComputeResourceRequirements.html
    """

    # https://github.com/huggingface/skills/pull/215 measured that ml.g5.xlarge takes 1024 MB and refuses 4096, and that
    # a container may use more than it reserves.
    memory: Annotated[int, WholeNumber(128, 10_000_000, "MB")] = Field(
        default=1024, description="Memory that each copy reserves; it can use more."
    )
    cpus: Annotated[int | float | None, Number()] = Field(
        default=None, description="Number of CPU cores that each copy reserves, at least 0.25. Default: none."
    )
    accelerators: Annotated[int | None, WholeNumber(1, 64)] = Field(
        default=None,
        description="Number of GPUs or Neuron devices that each copy reserves. Default: gpus, or all GPUs of the "
        "instance type.",
    )

    @model_validator(mode="after")
    def _check_cpus(self) -> "InferenceComponent":
        if self.cpus is not None and self.cpus < 0.25:
            raise refuse_object(f"has cpus {self.cpus:g}; it must be at least 0.25")
        return self


class ServingOptions(StrictModel):
    """The options of serving."""

    bringsmodel: Annotated[bool, Flag()] = Field(
        default=False,
        description="true deploys an image that brings its own model: the build trains none, and the container gets "
        "no model data. For framework BYOD.",
    )
    downloadtimeout: Annotated[int | None, WholeNumber(60, 3600, "seconds")] = Field(
        default=None, description="Maximum time in which an instance downloads the model. Default: SageMaker's."
    )
    starttimeout: Annotated[int | None, WholeNumber(60, 3600, "seconds")] = Field(
        default=None,
        description="Maximum time until the container passes its first health check. Default: SageMaker's.",
    )
    inferenceami: Annotated[InferenceAmi | None, Choice(InferenceAmi)] = Field(
        default=None,
        description="Machine image of the endpoint's instances, which decides on the driver of GPUs or Neuron. "
        "Default: SageMaker's, or the driver for CUDA 13 if the container needs it.",
    )
    inferencecomponent: InferenceComponent | None = Field(
        default=None,
        description="Serves copies of the model as an inference component, of which there can be none while no "
        "requests come (autoscaling.minimum 0). hostinstancecount and autoscaling then count copies.",
    )
    datacapture: DataCapture | None = Field(
        default=None, description="Stores requests and answers of the endpoint in S3. Default: stores none."
    )
