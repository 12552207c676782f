"""The parameters that are objects: metrics, tuning ranges, tags and others; channels and instances have modules."""

# The names are those of parameter documents and of AWS.

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sagebuild.parameters.kinds import Choice, Flag, Number
from sagebuild.parameters.shown import MOST_SENTENCES, show_name
from sagebuild.parameters.text_kinds import JsonText, MetricPattern, Scalar, Text, TypedScalar

Goal = Literal["Maximize", "Minimize"]
Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]

BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
PATH = r"\.?\w[\w.+ -]*(/\.?\w[\w.+ -]*)*"

S3Address = Text("an S3 address such as s3://bucket/folder/", rf"{BUCKET}(/.*)?")
RelativePath = Text("a relative path such as src/train.py", PATH)
SourceArchive = Text(
    "an archive's S3 address (s3://bucket/source.tar.gz) or its key in the code bucket", rf"{BUCKET}/.+|[^/\s:][^:]*"
)
ModelArchive = Text("the S3 address of a model.tar.gz", rf"{BUCKET}/.+\.tar\.gz")
ModelData = Text("the S3 address of a model.tar.gz, or of a folder that ends in /", rf"{BUCKET}/.+(\.tar\.gz|/)")
ImageAddress = Text(
    "an image's address without spaces, or a name of AWS's images such as sagemaker:sagemaker-tritonserver/26.05",
    r"(?!sagemaker:)[^\s]+|sagemaker:[\w.-]+(/[\w.-]+){1,2}",
    255,
)
VariableName = Annotated[str, Text("a variable name of letters, digits and underscores", r"[a-zA-Z_][a-zA-Z0-9_]*")]
MetricName = Text("a name of at most 255 characters", r".+", 255)


class StrictModel(BaseModel):
    """The base of all parameter models: it forbids unknown names and is immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def refuse_object(reason: str) -> PydanticCustomError:
    """Return the error of an object whose entries conflict; the object's path becomes the subject of the sentence."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


class Metric(StrictModel):
    """A metric that the training prints to its log."""

    Name: Annotated[str, MetricName] = Field(description="The metric's name, such as validation:accuracy.")
    Regex: Annotated[str, MetricPattern()] = Field(
        description="Regular expression whose first group is the value in a log line."
    )


class TuningObjective(StrictModel):
    """The metric that a tuning job optimizes."""

    Name: Annotated[str, MetricName] = Field(description="The metric's name.")
    Type: Annotated[Goal, Choice(Goal)] = Field(description="Whether a higher or a lower value is better.")
    Regex: Annotated[str | None, MetricPattern()] = Field(
        default=None, description="Regular expression of the metric, when metrics does not define it."
    )


class CategoricalRange(StrictModel):
    """A hyperparameter for which the tuning job tries the listed values."""

    Values: tuple[Annotated[str | int | float | bool, TypedScalar(256)], ...] = Field(
        min_length=1, max_length=30, description="The values to try; each reaches the script with its type."
    )


class NumericRange(StrictModel):
    """A hyperparameter for which the tuning job tries values between two limits.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
    """

    MinValue: Annotated[int | float, Number()] = Field(description="The lowest value to try.")
    MaxValue: Annotated[int | float, Number()] = Field(description="The highest value to try.")
    integer: Annotated[bool, Flag()] = Field(default=False, description="true tries whole numbers only.")
    ScalingType: Annotated[Scaling, Choice(Scaling)] = Field(default="Auto", description="Scale of the search.")

    @property
    def size(self) -> int | None:
        """The number of values to try; None if the range is continuous."""
        return int(self.MaxValue - self.MinValue) + 1 if self.integer else None

    @model_validator(mode="after")
    def _check_limits(self) -> "NumericRange":
        limits = f"from {self.MinValue} to {self.MaxValue}"
        if not self.MinValue < self.MaxValue:
            raise refuse_object(f"goes {limits}; MinValue must be less than MaxValue")
        if self.integer and not (isinstance(self.MinValue, int) and isinstance(self.MaxValue, int)):
            raise refuse_object(f"goes {limits}; with integer true both must be whole numbers")
        return self

    @model_validator(mode="after")
    def _check_scale(self) -> "NumericRange":
        limits = f"from {self.MinValue} to {self.MaxValue}"
        if self.ScalingType == "Logarithmic" and self.MinValue <= 0:
            raise refuse_object(f"goes {limits}; ScalingType Logarithmic needs a MinValue above 0")
        if self.ScalingType == "ReverseLogarithmic" and (self.integer or self.MinValue < 0 or self.MaxValue >= 1):
            raise refuse_object(f"goes {limits}; ScalingType ReverseLogarithmic needs fractions from 0 to below 1")
        return self


def _hyperparameter_kind(value: object) -> str:
    names = {str(name).lower() for name in value} if isinstance(value, dict) else set()
    if "values" in names:
        return "(values)"
    # A part of a range, or a name in another case, is refused with what is missing.
    is_range = names & {"minvalue", "maxvalue"} or (names and names <= {"scalingtype", "integer"})
    return "(range)" if is_range else "(value)"


# Pydantic's error locations hold these tags: (hyperparameters, <name>, <tag>, ...).
RANGES: dict[str, type[StrictModel]] = {"(values)": CategoricalRange, "(range)": NumericRange}
Hyperparameter = Annotated[
    Annotated[CategoricalRange, Tag("(values)")]
    | Annotated[NumericRange, Tag("(range)")]
    | Annotated[Any, JsonText(2500), Tag("(value)")],
    Discriminator(_hyperparameter_kind),
]


class PipelineContainer(StrictModel):
    """A container before the model's container in an inference pipeline."""

    image: Annotated[str | None, ImageAddress] = Field(
        default=None, description="The image, by its address or by the name of one of AWS's."
    )
    tag: Annotated[str | None, Text("a tag of the stack's image repository", r"\w[\w.-]{0,127}")] = Field(
        default=None, description="Tag of an image in the stack's repository, instead of image."
    )
    artifacts: Annotated[str | None, ModelArchive] = Field(
        default=None, description="S3 address of the container's model.tar.gz."
    )
    environment: dict[VariableName, Annotated[str, Scalar(1024)]] = Field(
        default={}, max_length=100, description="Environment variables of the container."
    )

    @model_validator(mode="after")
    def _check_image(self) -> "PipelineContainer":
        if (self.image is None) == (self.tag is None):
            raise refuse_object("needs either image or tag" if self.tag is None else "has both image and tag; give one")
        return self


class ImagesToBuild(StrictModel):
    """Which images a build makes from Dockerfiles."""

    Inference: Annotated[bool, Flag()] = Field(
        default=True, description="false uses the newest inference image of an earlier build."
    )
    Training: Annotated[bool, Flag()] = Field(
        default=True, description="false uses the newest training image of an earlier build."
    )


def read_tags(value: Any) -> Any:
    """Return tags as {name: value}; AWS's form [{"Key": name, "Value": value}] is accepted, too."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(tag, dict) and tag.keys() == {"Key", "Value"} for tag in value):
        allowed = 'an object of names and values, or an array of {"Key": ..., "Value": ...}'
        raise PydanticCustomError("allowed", "{allowed}", {"allowed": allowed})
    names = [str(tag["Key"]) for tag in value]
    if repeated := sorted(show_name(name) for name, count in Counter(names).items() if count > 1):
        raise refuse_object(f"has the Key {', '.join(repeated[:MOST_SENTENCES])} more than once")
    return dict(zip(names, (tag["Value"] for tag in value), strict=True))
