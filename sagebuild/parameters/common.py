"""The build parameters that all frameworks share; names and defaults must not change: stored documents use them."""

# The names are those of parameter documents and of AWS.
# ruff: noqa: N815

import json
import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sagebuild.framework_facts import FRAMEWORKS, FrameworkFacts
from sagebuild.instance_facts import count_gpus
from sagebuild.parameters.channels import Channel, Mode
from sagebuild.parameters.groups import (
    CategoricalRange,
    Hyperparameter,
    Metric,
    ModelData,
    NumericRange,
    PipelineContainer,
    S3Address,
    StrictModel,
    TuningObjective,
    VariableName,
    read_tags,
)
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.json_text import to_text
from sagebuild.parameters.kinds import Choice, Flag, Hours, WholeNumber
from sagebuild.parameters.options import Options
from sagebuild.parameters.text_kinds import Scalar, Text
from sagebuild.parameters.tuning_options import Hyperband, TuningCompletion

TrainingKind = Literal["SAGEMAKER", "SAGEMAKERHPO"]
TuningStrategy = Literal["Bayesian", "Random", "Grid", "Hyperband"]
EarlyStopping = Literal["Off", "Auto"]
WarmStart = Literal["IdenticalDataAndAlgorithm", "TransferLearning"]
JobName = Text("a tuning job's name of at most 32 letters, digits and hyphens", r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", 32)
HyperparameterName = Annotated[str, Text("a name of at most 256 characters", r".+", 256)]
ChannelName = Annotated[
    str, Text("a name of at most 64 letters, digits, dots, hyphens and underscores", r"[A-Za-z0-9._-]+", 64)
]
# Without punctuation that is not spoken.
SpokenName = Annotated[
    str,
    Text("a name of at most 60 letters, digits, spaces, apostrophes and hyphens", r"[^!-&(-,./:-@\[-`{-~]+", 60),
]
TagName = Annotated[str, Text("a name of at most 128 letters, digits, spaces and _.:/=+-@", r"[\w\s.:/=+@-]+", 128)]

Range = CategoricalRange | NumericRange


class Common(StrictModel):
    """The parameters of every build."""

    hyperparameters: dict[HyperparameterName, Hyperparameter] = Field(
        default={},
        max_length=100,
        description="Hyperparameters of the training. An object with Values, or with MinValue and MaxValue, is a range "
        "that a tuning job searches.",
    )
    hostinstancecount: Annotated[int, WholeNumber(1, 10000)] = Field(
        default=1, description="Number of instances behind the endpoint."
    )
    hostinstancetype: Annotated[str, InstanceType] = Field(
        default="ml.t2.medium", description="Type of the instances behind the endpoint."
    )
    traininstancecount: Annotated[int, WholeNumber(1, 100)] = Field(
        default=1, description="Number of training instances."
    )
    traininstancetype: Annotated[str, InstanceType] = Field(
        default="ml.m5.large", description="Type of the training instances."
    )
    trainvolumesize: Annotated[int, WholeNumber(1, 16384, "GB")] = Field(
        default=10, description="Disk size of each training instance."
    )
    trainmaxrun: Annotated[float, Hours(0.001, 672)] = Field(
        default=4, description="Maximum running time of the training; 672 hours are 28 days."
    )
    inputmode: Annotated[Mode, Choice(Mode)] = Field(
        default="File",
        description="How the container gets the training data: copied before the training (File), streamed (Pipe) or "
        "read on demand (FastFile).",
    )
    modelhostingenvironment: dict[VariableName, Annotated[str, Scalar(1024)]] = Field(
        default={}, max_length=100, description="Environment variables of the model's container."
    )


class Tuning(StrictModel):
    """The parameters of a tuning job, when configtrain is SAGEMAKERHPO."""

    maxtrainingjobs: Annotated[int, WholeNumber(1, 10000)] = Field(
        default=1,
        description="Number of trainings in the tuning job; strategy Grid runs one for each combination of values.",
    )
    maxparalleltrainingjobs: Annotated[int, WholeNumber(1, 1000)] = Field(
        default=1, description="Number of trainings that run in parallel."
    )
    tuningstrategy: Annotated[TuningStrategy, Choice(TuningStrategy)] = Field(
        default="Bayesian",
        description="How the tuning job chooses the values to try: from earlier results (Bayesian), at random "
        "(Random), every combination of Values (Grid), or many short trainings of which the best continue "
        "(Hyperband).",
    )
    earlystopping: Annotated[EarlyStopping, Choice(EarlyStopping)] = Field(
        default="Off", description="Auto stops a training early when it does worse than earlier ones."
    )
    hyperband: Hyperband | None = Field(default=None, description="Limits of tuningstrategy Hyperband.")
    tuningcompletion: TuningCompletion | None = Field(
        default=None, description="Conditions that complete the tuning job before all its trainings have run."
    )


class DataAndSteps(StrictModel):
    """The data, the metrics and the steps of a build."""

    configtrain: Annotated[TrainingKind, Choice(TrainingKind)] = Field(
        default="SAGEMAKER", description="One training (SAGEMAKER) or a tuning job (SAGEMAKERHPO)."
    )
    channels: dict[ChannelName, Channel] = Field(
        default={},
        max_length=20,
        description="Training data by channel; {} is a training without channels, for a script that gets its own data. "
        "Default: one channel named training (train for framework AMAZON).",
    )
    uri: Annotated[str | None, S3Address] = Field(
        default=None,
        description="S3 address of the training data when channels is not given. Default: train/ in the data bucket.",
    )
    metrics: tuple[Metric, ...] = Field(
        default=(), max_length=40, description="Metrics that the training prints to its log."
    )
    tuningobjective: TuningObjective | None = Field(
        default=None, description="The metric that the tuning job optimizes."
    )
    parentJobs: tuple[Annotated[str, JobName], ...] = Field(
        default=(),
        max_length=5,
        description="Earlier tuning jobs from which the tuning job starts (warm start).",
    )
    WarmStartType: Annotated[WarmStart, Choice(WarmStart)] = Field(
        default="IdenticalDataAndAlgorithm", description="What the tuning job has in common with parentJobs."
    )
    ModelArtifacts: Annotated[str | None, ModelData] = Field(
        default=None,
        description="S3 address of a trained model to deploy: a model.tar.gz, or a folder with the model's files, "
        "which SageMaker copies as they are. The build then skips the training.",
    )
    skiptrain: Annotated[bool, Flag()] = Field(
        default=False,
        description="true skips the training and deploys ModelArtifacts, or the newest model of an earlier build.",
    )
    deployEndpoint: Annotated[bool, Flag()] = Field(
        default=True,
        description="false ends the build with the model, without an endpoint.",
    )
    pipeline: tuple[PipelineContainer, ...] = Field(
        default=(), max_length=14, description="Containers that process a request before the model's container."
    )
    spokennames: tuple[SpokenName, ...] = Field(
        default=(),
        max_length=20,
        description="Other names by which the Alexa skill knows the pipeline, in any language. The skill learns them "
        "from the next build, or at once if you change the document with sagebuild.",
    )
    Tags: Annotated[dict[TagName, Annotated[str, Scalar(256)]], BeforeValidator(read_tags)] = Field(
        default={},
        max_length=40,
        description="Tags for every resource that the build creates, in addition to sagebuild's own.",
    )


class BuildParameters(Common, Tuning, DataAndSteps, Options):
    """The parameters of a build; MODELS has a subclass for each framework with its own parameters."""

    framework: Annotated[str, Choice(tuple(FRAMEWORKS))] = Field(
        description="The framework that trains and serves the model."
    )

    @property
    def facts(self) -> FrameworkFacts:
        """The facts of the framework."""
        return FRAMEWORKS[self.framework]

    @property
    def image_version(self) -> str | None:
        """The version of the framework's or algorithm's image; None for the newest, and for images of your own."""
        name = self.facts.version_parameter
        return getattr(self, name) if name else None

    @property
    def has_training(self) -> bool:
        """True when the build trains; False when it deploys a model that was trained before."""
        return not (self.skiptrain or self.ModelArtifacts or self.bringsmodel) and getattr(self, "train", True)

    @property
    def brings_model(self) -> bool:
        """True when the container gets no model data; False when the build trains a model or deploys one from S3."""
        return self.bringsmodel

    @property
    def has_default_channel(self) -> bool:
        """True when the training has one channel with the default name; False when the document names the channels."""
        return not self.channels and (self.uri is not None or "channels" not in self.model_fields_set)

    @property
    def training_instances(self) -> tuple[tuple[str, int], ...]:
        """The types of the training instances, each with its count."""
        groups = tuple((group.type, group.count) for group in self.instancegroups)
        return groups or ((self.traininstancetype, self.traininstancecount),)

    @property
    def training_count(self) -> int:
        """The number of instances of one training."""
        return sum(count for _, count in self.training_instances)

    @property
    def largest_count(self) -> int:
        """The largest number of instances that the endpoint can have."""
        return max(self.hostinstancecount, self.autoscaling.maximum if self.autoscaling else 0)

    @property
    def gpus_per_copy(self) -> int | None:
        """The number of GPUs that hold one copy of the model; 0 without a GPU, None for a type that is not known."""
        return count_gpus(self.hostinstancetype)

    @property
    def tuning_ranges(self) -> dict[str, Range]:
        """The hyperparameters with a range that a tuning job searches."""
        return {name: value for name, value in self.hyperparameters.items() if isinstance(value, Range)}

    @property
    def static_hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters with one value."""
        return {name: value for name, value in self.hyperparameters.items() if not isinstance(value, Range)}

    @property
    def combinations(self) -> int | None:
        """The number of different trainings that the tuning ranges allow; None if one of them is continuous."""
        sizes = [
            len(self.write_values(value)) if isinstance(value, CategoricalRange) else value.size
            for value in self.tuning_ranges.values()
        ]
        return None if None in sizes else math.prod(size for size in sizes if size)

    def write_values(self, values: CategoricalRange) -> list[str]:
        """Return the different values of a categorical range as SageMaker passes them to the container.

        Containers of frameworks read them as JSON, like the SDK (CategoricalParameter.as_json_range), so a string has
        quotation marks. Amazon's algorithms and the user's own containers read a string without them.
        """
        write = json.dumps if self.facts.has_script else to_text
        return list(dict.fromkeys(write(value) for value in values.Values))

    @property
    def tuning_trainings(self) -> int:
        """The number of trainings in the tuning job."""
        combinations = self.combinations
        return combinations if self.tuningstrategy == "Grid" and combinations else self.maxtrainingjobs
