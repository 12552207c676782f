"""The parameters that are objects themselves: channels, metrics, tuning ranges, tags and their like."""

# The names are the contract's and AWS's.
# ruff: noqa: N815

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sagebuild.parameters.kinds import Choice, Flag, JsonText, MetricPattern, Number, Scalar, Text, WholeNumber

Mode = Literal["File", "Pipe", "FastFile"]
DataType = Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"]
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]
Compression = Literal["None", "Gzip"]
RecordWrapper = Literal["None", "RecordIO"]
Goal = Literal["Maximize", "Minimize"]
Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]

BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
PATH = r"\.?\w[\w.+ -]*(/\.?\w[\w.+ -]*)*"

S3Address = Text("an S3 address such as s3://bucket/folder/", rf"{BUCKET}(/.*)?")
RelativePath = Text("a relative path such as src/train.py", PATH)
ModelArchive = Text("the S3 address of a model.tar.gz", rf"{BUCKET}/.+\.tar\.gz")
VariableName = Annotated[str, Text("a variable's name of letters, digits and underscores", r"[a-zA-Z_][a-zA-Z0-9_]*")]
MetricName = Text("a name of at most 255 characters", r".+", 255)


class StrictModel(BaseModel):
    """What all models of the parameters have in common: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def refuse_object(reason: str) -> PydanticCustomError:
    """Return the error of an object whose entries do not go together; its path becomes the sentence's subject."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


class Shuffle(StrictModel):
    """Shuffles the objects of a channel at each epoch."""

    Seed: Annotated[int, WholeNumber(0, 2**63 - 1)] = Field(description="Start of the random order.")


class Spread(Choice):
    """A distribution by name, or as this project's ancestor had it: whether the data is shared out."""

    def read(self, value: Any) -> str:
        if isinstance(value, bool):
            return "ShardedByS3Key" if value else "FullyReplicated"
        return super().read(value)


class Channel(StrictModel):
    """One channel of training data: a place in S3 that the container sees as a folder of the channel's name.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
    """

    path: Annotated[str | None, Text("a key prefix in the data bucket such as train/", r"/?[^\s:/][^:]*")] = Field(
        default=None, description="Key prefix in the stack's data bucket."
    )
    uri: Annotated[str | None, S3Address] = Field(default=None, description="S3 address, in place of path.")
    type: Annotated[DataType, Choice(DataType)] = Field(default="S3Prefix", description="What lies at the address.")
    dist: Annotated[Distribution, Spread(Distribution)] = Field(
        default="FullyReplicated", description="Whether each training instance gets all of the data or a share of it."
    )
    contentType: Annotated[str | None, Text("a MIME type such as text/csv", r"[^\s].*", 256)] = Field(
        default=None,
        description="MIME type of the data.",
    )
    InputMode: Annotated[Mode | None, Choice(Mode)] = Field(
        default=None, description="How the data reaches the container, when not by the document's inputmode."
    )
    CompressionType: Annotated[Compression, Choice(Compression)] = Field(
        default="None", description="For Pipe mode alone."
    )
    RecordWrapperType: Annotated[RecordWrapper, Choice(RecordWrapper)] = Field(
        default="None", description="RecordIO wraps each object for the algorithms that want it so."
    )
    AttributeNames: tuple[Annotated[str, MetricName], ...] = Field(
        default=(), max_length=16, description="The attributes to read from each line of an AugmentedManifestFile."
    )
    ShuffleConfig: Shuffle | None = Field(default=None, description="Shuffles the objects at each epoch.")

    @model_validator(mode="after")
    def _check_place(self) -> "Channel":
        if (self.path is None) == (self.uri is None):
            raise refuse_object("needs either path or uri" if self.path is None else "has both path and uri; give one")
        return self

    @model_validator(mode="after")
    def _check_attributes(self) -> "Channel":
        if (self.type == "AugmentedManifestFile") != bool(self.AttributeNames):
            raise refuse_object("has AttributeNames or type AugmentedManifestFile; one needs the other")
        return self


class Metric(StrictModel):
    """A metric that the training prints to its log."""

    Name: Annotated[str, MetricName] = Field(description="The metric's name, such as validation:accuracy.")
    Regex: Annotated[str, MetricPattern()] = Field(description="Finds the value in a log line, as its first group.")


class TuningObjective(StrictModel):
    """The metric by which a tuning job finds its best training."""

    Name: Annotated[str, MetricName] = Field(description="The metric's name.")
    Type: Annotated[Goal, Choice(Goal)] = Field(description="Whether more or less of it is better.")
    Regex: Annotated[str | None, MetricPattern()] = Field(
        default=None, description="Finds the value in a log line, where metrics does not define it."
    )


class CategoricalRange(StrictModel):
    """A hyperparameter of which the tuning job tries these values."""

    Values: tuple[Annotated[str, Scalar(256)], ...] = Field(
        min_length=1, max_length=30, description="The values to try."
    )

    @property
    def size(self) -> int:
        """How many values there are to try."""
        return len(set(self.Values))


class NumericRange(StrictModel):
    """A hyperparameter of which the tuning job tries values between two limits.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
    """

    MinValue: Annotated[int | float, Number()] = Field(description="The least value to try.")
    MaxValue: Annotated[int | float, Number()] = Field(description="The greatest value to try.")
    integer: Annotated[bool, Flag()] = Field(default=False, description="Whether only whole numbers are tried.")
    ScalingType: Annotated[Scaling, Choice(Scaling)] = Field(default="Auto", description="Scale of the search.")

    @property
    def size(self) -> int | None:
        """How many values there are to try; None if there is no end of them."""
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
    names = value.keys() if isinstance(value, dict) else ()
    if "Values" in names:
        return "(values)"
    return "(range)" if "MinValue" in names or "MaxValue" in names else "(value)"


# Pydantic's error locations hold these tags: (hyperparameters, <name>, <tag>, ...).
RANGES: dict[str, type[StrictModel]] = {"(values)": CategoricalRange, "(range)": NumericRange}
Hyperparameter = Annotated[
    Annotated[CategoricalRange, Tag("(values)")]
    | Annotated[NumericRange, Tag("(range)")]
    | Annotated[Any, JsonText(2500), Tag("(value)")],
    Discriminator(_hyperparameter_kind),
]


class PipelineContainer(StrictModel):
    """A container before the model's own in an inference pipeline."""

    image: Annotated[str | None, Text("an image's address without spaces", r"[^\s]+", 255)] = Field(
        default=None, description="The image's address."
    )
    tag: Annotated[str | None, Text("a tag of the stack's image repository", r"\w[\w.-]{0,127}")] = Field(
        default=None, description="The image's tag in the stack's own repository, in place of image."
    )
    artifacts: Annotated[str | None, ModelArchive] = Field(
        default=None, description="S3 address of the model.tar.gz that the container works with."
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
    """Which images a build makes from the Dockerfiles."""

    Inference: Annotated[bool, Flag()] = Field(default=True, description="Whether to build the inference image.")
    Training: Annotated[bool, Flag()] = Field(default=True, description="Whether to build the training image.")


def read_tags(value: Any) -> Any:
    """Return tags as {name: value}, which AWS writes as [{"Key": name, "Value": value}]."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(tag, dict) and tag.keys() == {"Key", "Value"} for tag in value):
        allowed = 'an object of names and values, or an array of {"Key": ..., "Value": ...}'
        raise PydanticCustomError("allowed", "{allowed}", {"allowed": allowed})
    names = [str(tag["Key"]) for tag in value]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise refuse_object(f"has the Key {', '.join(sorted(repeated))} more than once")
    return dict(zip(names, (tag["Value"] for tag in value), strict=True))
