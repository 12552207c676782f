"""The options of serving: what an endpoint records of its requests."""

from typing import Annotated

from pydantic import Field

from sagebuild.parameters.groups import S3Address, StrictModel
from sagebuild.parameters.kinds import WholeNumber


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

    datacapture: DataCapture | None = Field(
        default=None, description="Stores requests and answers of the endpoint in S3. Default: stores none."
    )
