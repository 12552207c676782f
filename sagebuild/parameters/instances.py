"""The instances of a training: their types, and groups of different types."""

from typing import Annotated

from pydantic import Field

from sagebuild.parameters.groups import StrictModel
from sagebuild.parameters.kinds import WholeNumber
from sagebuild.parameters.text_kinds import Text

InstanceType = Text("an instance type such as ml.m5.large", r"ml\.[a-z]+[0-9][a-z0-9-]*\.([0-9]*x?large|medium|metal)")
GroupName = Text("a name of at most 64 letters, digits, hyphens and underscores", r"[A-Za-z0-9_-]+", 64)


class InstanceGroup(StrictModel):
    """Training instances of one type, in a training with several types.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InstanceGroup.html
    """

    name: Annotated[str, GroupName] = Field(description="Name of the group.")
    type: Annotated[str, InstanceType] = Field(description="Type of its instances.")
    count: Annotated[int, WholeNumber(1, 100)] = Field(description="Number of its instances.")
