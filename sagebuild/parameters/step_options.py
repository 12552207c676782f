"""The steps of a build beside its training: processing jobs before it, and an evaluation after it."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters.groups import PATH, RelativePath, S3Address, SourceArchive, StrictModel, refuse_object
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.kinds import Choice, Flag, Hours, WholeNumber
from sagebuild.parameters.text_kinds import Scalar, Text, Version

StepDataType = Literal["S3Prefix", "ManifestFile"]
StepDistribution = Literal["FullyReplicated", "ShardedByS3Key"]
SCRIPT_FRAMEWORKS = tuple(name for name, facts in FRAMEWORKS.items() if facts.has_script and name != "HUGGINGFACE")
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingStoppingCondition.html: 777,600 seconds.
LONGEST_HOURS = 216
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html: 10 inputs and 10 outputs.
MOST_INPUTS = MOST_OUTPUTS = 10
# The name of a job in SageMaker also holds the build's: at most 63 characters in total.
StepName = Text("a name of at most 24 letters, digits and single hyphens", r"[A-Za-z](-?[A-Za-z0-9])*", 24)
EntryText = Text("a name of at most 64 letters, digits, dots, hyphens and underscores", r"[A-Za-z0-9._-]+", 64)
EntryName = Annotated[str, EntryText]
OutputOfJob = Text(
    "a processing job and its output, such as split.train", r"[A-Za-z][A-Za-z0-9-]*\.[A-Za-z0-9._-]+", 90
)
# https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
Folder = Text("a path below /opt/ml/processing/", r"/opt/ml/processing/(?!.*\.\.)[^\s]+", 256)
ImageAddress = Text("an image's address without spaces", r"[^\s]+", 255)
Variable = Annotated[
    str, Text("a variable name of at most 256 letters, digits and underscores", r"[a-zA-Z_][a-zA-Z0-9_]*", 256)
]
PLACES = ("path", "uri", "output", "channel")


class StepInput(StrictModel):
    """Data that a processing or evaluation job finds in a folder of its container.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """

    path: Annotated[str | None, Text("a key prefix in the data bucket such as raw/", r"/?[^\s:/][^:]*")] = Field(
        default=None, description="Key prefix in the stack's data bucket."
    )
    uri: Annotated[str | None, S3Address] = Field(default=None, description="S3 address, instead of path.")
    output: Annotated[str | None, OutputOfJob] = Field(
        default=None, description="Output of a processing job, instead of path or uri."
    )
    channel: Annotated[str | None, EntryText] = Field(
        default=None, description="Name of a channel in S3 whose data the job gets, instead of path, uri or output."
    )
    type: Annotated[StepDataType, Choice(StepDataType)] = Field(
        default="S3Prefix", description="Kind of object at the address: data with that prefix, or a manifest."
    )
    dist: Annotated[StepDistribution, Choice(StepDistribution)] = Field(
        default="FullyReplicated", description="Whether each instance gets all data or a shard of it."
    )
    folder: Annotated[str | None, Folder] = Field(
        default=None, description="Folder in the container. Default: /opt/ml/processing/input/ and the input's name."
    )

    @model_validator(mode="after")
    def _check_place(self) -> "StepInput":
        given = [name for name in PLACES if getattr(self, name) is not None]
        if len(given) != 1:
            raise refuse_object(
                f"has {' and '.join(given)}; give one" if given else "needs path, uri, output or channel"
            )
        return self


class StepOutput(StrictModel):
    """A folder of the container whose files a processing job leaves in S3."""

    folder: Annotated[str | None, Folder] = Field(
        default=None, description="Folder in the container. Default: /opt/ml/processing/output/ and the output's name."
    )


def _read_outputs(value: Any) -> Any:
    """Return outputs as {name: {...}}; an array of names is accepted, too."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return value
    if repeated := sorted({name for name in value if value.count(name) > 1}):
        raise refuse_object(f"has {', '.join(repeated)} more than once")
    return {name: {} for name in value}


class Step(StrictModel):
    """The container of a processing or evaluation job, its inputs and its instances."""

    script: Annotated[str | None, RelativePath] = Field(
        default=None, description="Path of the job's script in source; it runs in the folder of the unpacked archive."
    )
    source: Annotated[str | None, SourceArchive] = Field(
        default=None, description="Archive with the script. Default: trainsourcefile, or git_config's."
    )
    image: Annotated[str | None, ImageAddress] = Field(
        default=None, description="Address of your own image. Default: the training's image."
    )
    framework: Annotated[str | None, Choice(SCRIPT_FRAMEWORKS)] = Field(
        default=None, description="Framework whose training image runs the script, instead of image."
    )
    frameworkversion: Annotated[str | None, Version()] = Field(
        default=None, description="Version of framework, which needs one."
    )
    pyversion: Annotated[str, Text('a Python such as "py3" or "py312"', r"py[23][0-9]{0,2}")] = Field(
        default="py3", description="Python version of framework."
    )
    entrypoint: tuple[Annotated[str, Scalar(256)], ...] = Field(
        default=(), max_length=100, description="Command of a container without script. Default: the image's own."
    )
    arguments: tuple[Annotated[str, Scalar(256)], ...] = Field(
        default=(), max_length=100, description="Arguments of the script or the command."
    )
    environment: dict[Variable, Annotated[str, Scalar(256)]] = Field(
        default={}, max_length=100, description="Environment variables of the container."
    )
    inputs: dict[EntryName, StepInput] = Field(
        default={}, max_length=MOST_INPUTS, description="Data of the job, by name."
    )
    instancetype: Annotated[str, InstanceType] = Field(default="ml.m5.large", description="Type of the instances.")
    instancecount: Annotated[int, WholeNumber(1, 100)] = Field(default=1, description="Number of instances.")
    volumesize: Annotated[int, WholeNumber(1, 16384, "GB")] = Field(
        default=30, description="Disk size of each instance."
    )
    maxrun: Annotated[float, Hours(0.001, LONGEST_HOURS)] = Field(
        default=1, description="Maximum running time of the job; 216 hours are 9 days."
    )

    @model_validator(mode="after")
    def _check_container(self) -> "Step":
        if self.script and self.entrypoint:
            raise refuse_object("has script and entrypoint; give one")
        if self.image and self.framework:
            raise refuse_object("has image and framework; give one")
        if bool(self.framework) != bool(self.frameworkversion):
            given = "framework" if self.framework else "frameworkversion"
            raise refuse_object(f"has only {given}; give both framework and frameworkversion, or neither")
        if self.source and not self.script:
            raise refuse_object("has source, which needs script")
        return self


class ProcessingJob(Step):
    """A job before the training, which prepares data.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """

    name: Annotated[str, StepName] = Field(description="Name of the job; inputs and channels name it.")
    outputs: Annotated[dict[EntryName, StepOutput], BeforeValidator(_read_outputs)] = Field(
        default={},
        max_length=MOST_OUTPUTS,
        description="Outputs by name, or an array of names. Each is a folder of the build in the model bucket.",
    )
    cache: Annotated[bool, Flag()] = Field(
        default=False,
        description="true reuses the outputs of the newest successful build whose job had equal data, script, image "
        "and arguments.",
    )


class Evaluation(Step):
    """A job after the training, which measures the model on data that the training has not seen.

    The model's archive, model.tar.gz, is in /opt/ml/processing/model, and the job writes its report into
    /opt/ml/processing/evaluation.
    """

    report: Annotated[str, Text("a relative path such as evaluation.json", rf"{PATH}\.json", 256)] = Field(
        default="evaluation.json",
        description="JSON file with the report. Its numbers become metrics: evaluation. and their dotted name.",
    )


class StepOptions(StrictModel):
    """The jobs before and after the training."""

    processing: tuple[ProcessingJob, ...] = Field(
        default=(),
        max_length=10,
        description="Jobs that prepare the data before the training; each starts when the jobs of its inputs are done.",
    )
    evaluation: Evaluation | None = Field(
        default=None, description="Job that measures the model after the training, before the quality gate."
    )
    evaluatelive: Annotated[bool, Flag()] = Field(
        default=False, description="true also evaluates the live model, on the same data; mustimprove compares with it."
    )
