"""The parameter batchtransform: a job that scores the files of a prefix with the build's model."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sagebuild.parameters.groups import S3Address, StrictModel, refuse_object
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.kinds import Choice, Hours, WholeNumber
from sagebuild.parameters.text_kinds import Scalar, Text

TransformDataType = Literal["S3Prefix", "ManifestFile"]
Split = Literal["None", "Line", "RecordIO", "TFRecord"]
TransformCompression = Literal["None", "Gzip"]
Assembly = Literal["None", "Line"]
BatchStrategy = Literal["MultiRecord", "SingleRecord"]
JoinSource = Literal["None", "Input"]
MediaType = Text("a MIME type such as text/csv", r"[^\s].*", 256)
# https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators; AWS
# refuses ranges in lists, such as $[0:2,5:]: https://github.com/aws/sagemaker-python-sdk/issues/1112
JsonPath = Text(
    "a JSONPath of at most 63 characters, such as $[1:], $.features or $['id','SageMakerOutput']",
    r"\$(\.?\[\s*('[^']+'(\s*,\s*'[^']+')*|-?\d+(\s*,\s*-?\d+)*|(-?\d+)?:(-?\d+)?|\*)\s*\]|\.(\w[\w-]*|\*))*",
    63,
)
OutputFolder = Text("an S3 address such as s3://bucket/scores/", r"s3://[^/\s]+/.*", 1024)
VariableName = Annotated[
    str, Text("a variable name of letters, digits and underscores", r"[a-zA-Z_][a-zA-Z0-9_]*", 1024)
]
LONGEST_HOURS = 120


class BatchTransform(StrictModel):
    """A job that scores the files of a prefix with the build's model, without an endpoint.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """

    path: Annotated[str | None, Text("a key prefix in the data bucket such as score/", r"/?[^\s:/][^:]*")] = Field(
        default=None,
        description="Key prefix in the stack's data bucket with the files to score; the model's role may read score/.",
    )
    uri: Annotated[str | None, S3Address] = Field(default=None, description="S3 address, instead of path.")
    type: Annotated[TransformDataType, Choice(TransformDataType)] = Field(
        default="S3Prefix", description="Kind of object at the address: files with that prefix, or a manifest."
    )
    output: Annotated[str | None, OutputFolder] = Field(
        default=None,
        description="S3 folder for the results. Default: a folder of the build in the model bucket. Each file has a "
        "result with its name and .out.",
    )
    contenttype: Annotated[str | None, MediaType] = Field(default=None, description="MIME type of the records.")
    accept: Annotated[str | None, MediaType] = Field(default=None, description="MIME type of the results.")
    split: Annotated[Split, Choice(Split)] = Field(
        default="None", description="How the files are split into records; None sends each file as one request."
    )
    compression: Annotated[TransformCompression, Choice(TransformCompression)] = Field(
        default="None", description="Compression of the files."
    )
    assemble: Annotated[Assembly, Choice(Assembly)] = Field(
        default="None", description="How results are joined in a file: Line adds a line break to each."
    )
    strategy: Annotated[BatchStrategy | None, Choice(BatchStrategy)] = Field(
        default=None, description="Whether a request has several records or one; needs split."
    )
    payload: Annotated[int | None, WholeNumber(1, 100, "MB")] = Field(
        default=None, description="Maximum size of a request; SageMaker's default is 6 MB."
    )
    concurrency: Annotated[int | None, WholeNumber(1, 100)] = Field(
        default=None, description="Maximum number of parallel requests for each instance."
    )
    timeout: Annotated[int | None, WholeNumber(1, 3600, "seconds")] = Field(
        default=None, description="Maximum time of a request; SageMaker's default is 600 seconds."
    )
    retries: Annotated[int | None, WholeNumber(0, 3)] = Field(
        default=None, description="Maximum number of retries of a failing request; SageMaker's default is 3."
    )
    inputfilter: Annotated[str | None, JsonPath] = Field(
        default=None, description="JSONPath of the part of a record that the model gets."
    )
    join: Annotated[JoinSource, Choice(JoinSource)] = Field(
        default="None", description="Input joins each result with its record."
    )
    outputfilter: Annotated[str | None, JsonPath] = Field(
        default=None, description="JSONPath of the part of a result, or of the joined record, that is stored."
    )
    environment: dict[VariableName, Annotated[str, Scalar(10240)]] = Field(
        default={}, max_length=16, description="Environment variables of the container, beside the model's own."
    )
    instancetype: Annotated[str, InstanceType] = Field(default="ml.m5.large", description="Type of the instances.")
    instancecount: Annotated[int, WholeNumber(1, 100)] = Field(default=1, description="Number of instances.")
    maxrun: Annotated[float, Hours(0.01, LONGEST_HOURS)] = Field(
        default=1, description="Maximum time of the job with its start. SageMaker has no limit; the build ends the job."
    )

    @property
    def processes_records(self) -> bool:
        """False when the model gets whole records, and its answers are stored unchanged."""
        return bool(self.inputfilter or self.outputfilter) or self.join == "Input"

    @model_validator(mode="after")
    def _check_place(self) -> "BatchTransform":
        if (self.path is None) == (self.uri is None):
            raise refuse_object("needs either path or uri" if self.path is None else "has both path and uri; give one")
        return self


class TransformOptions(StrictModel):
    """The job after the model is created."""

    batchtransform: BatchTransform | None = Field(
        default=None,
        description="Job that scores files with the build's model before the deployment; also without an endpoint.",
    )
