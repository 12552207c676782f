"""The options of serving: the model's data, the start of the instances, and the capture of requests."""

from typing import Annotated, Literal

from pydantic import Field

from sagebuild.parameters.groups import S3Address, StrictModel
from sagebuild.parameters.kinds import Choice, Flag, WholeNumber

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
    datacapture: DataCapture | None = Field(
        default=None, description="Stores requests and answers of the endpoint in S3. Default: stores none."
    )
