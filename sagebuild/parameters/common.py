"""The build parameters that every framework shares; names and defaults are the contract's, letter for letter."""

# The names are the contract's and AWS's.
# ruff: noqa: N815

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sagebuild.framework_facts import FRAMEWORKS, FrameworkFacts
from sagebuild.parameters.groups import (
    CategoricalRange,
    Channel,
    Hyperparameter,
    Metric,
    Mode,
    ModelArchive,
    NumericRange,
    PipelineContainer,
    S3Address,
    StrictModel,
    TuningObjective,
    VariableName,
    read_tags,
)
from sagebuild.parameters.kinds import Choice, Flag, Hours, Scalar, Text, WholeNumber
from sagebuild.parameters.options import Options

TrainingWay = Literal["SAGEMAKER", "SAGEMAKERHPO"]
TuningStrategy = Literal["Bayesian", "Random", "Grid", "Hyperband"]
EarlyStopping = Literal["Off", "Auto"]
WarmStart = Literal["IdenticalDataAndAlgorithm", "TransferLearning"]
InstanceType = Text("an instance type such as ml.m5.large", r"ml\.[a-z]+[0-9][a-z0-9-]*\.([0-9]*x?large|medium|metal)")
JobName = Text("a tuning job's name of at most 32 letters, digits and hyphens", r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", 32)
HyperparameterName = Annotated[str, Text("a name of at most 256 characters", r".+", 256)]
ChannelName = Annotated[
    str, Text("a name of at most 64 letters, digits, dots, hyphens and underscores", r"[A-Za-z0-9._-]+", 64)
]
TagName = Annotated[str, Text("a name of at most 128 letters, digits, spaces and _.:/=+-@", r"[\w\s.:/=+@-]+", 128)]

Range = CategoricalRange | NumericRange


class Common(StrictModel):
    """What every build has."""

    hyperparameters: dict[HyperparameterName, Hyperparameter] = Field(
        default={},
        max_length=100,
        description="Handed to the training as they are; objects with Values or MinValue and "
        "MaxValue are ranges that a tuning job searches.",
    )
    hostinstancecount: Annotated[int, WholeNumber(1, 10000)] = Field(
        default=1, description="Instances behind the endpoint."
    )
    hostinstancetype: Annotated[str, InstanceType] = Field(
        default="ml.t2.medium", description="Type of the instances behind the endpoint."
    )
    traininstancecount: Annotated[int, WholeNumber(1, 100)] = Field(default=1, description="Instances that train.")
    traininstancetype: Annotated[str, InstanceType] = Field(
        default="ml.m5.large", description="Type of the instances that train."
    )
    trainvolumesize: Annotated[int, WholeNumber(1, 16384, "GB")] = Field(
        default=10, description="Disk of each training instance."
    )
    trainmaxrun: Annotated[float, Hours(0.001, 672)] = Field(
        default=4, description="How long SageMaker lets the training run; 672 hours are 28 days."
    )
    inputmode: Annotated[Mode, Choice(Mode)] = Field(
        default="File",
        description="How the training data reaches the container: copied first, piped, or read on demand.",
    )
    modelhostingenvironment: dict[VariableName, Annotated[str, Scalar(1024)]] = Field(
        default={}, max_length=100, description="Environment variables of the model's container."
    )


class Tuning(StrictModel):
    """What a tuning job has, when configtrain is SAGEMAKERHPO."""

    maxtrainingjobs: Annotated[int, WholeNumber(1, 10000)] = Field(
        default=1,
        description="Trainings that the tuning job runs in all; strategy Grid runs one for each combination of values.",
    )
    maxparalleltrainingjobs: Annotated[int, WholeNumber(1, 1000)] = Field(
        default=1, description="Trainings it runs at a time."
    )
    tuningstrategy: Annotated[TuningStrategy, Choice(TuningStrategy)] = Field(
        default="Bayesian",
        description="How the tuning job chooses the values to try: by what it has learnt (Bayesian), by chance "
        "(Random), every combination of Values (Grid), or many short trainings of which the best go on (Hyperband).",
    )
    earlystopping: Annotated[EarlyStopping, Choice(EarlyStopping)] = Field(
        default="Off", description="Whether trainings that do worse than the earlier ones are stopped early (Auto)."
    )


class DataAndSteps(StrictModel):
    """What documents of this project's ancestor may hold besides."""

    configtrain: Annotated[TrainingWay, Choice(TrainingWay)] = Field(
        default="SAGEMAKER", description="One training (SAGEMAKER) or a tuning job (SAGEMAKERHPO)."
    )
    channels: dict[ChannelName, Channel] = Field(
        default={}, max_length=20, description="Training data by channel; without any, one channel named training."
    )
    uri: Annotated[str | None, S3Address] = Field(
        default=None, description="S3 address of the data of the one channel, where channels names none."
    )
    metrics: tuple[Metric, ...] = Field(
        default=(), max_length=40, description="Metrics that the training prints to its log."
    )
    tuningobjective: TuningObjective | None = Field(
        default=None, description="The metric by which tuning finds the best."
    )
    parentJobs: tuple[Annotated[str, JobName], ...] = Field(
        default=(),
        max_length=5,
        description="Earlier tuning jobs whose knowledge the tuning starts from.",
    )
    WarmStartType: Annotated[WarmStart, Choice(WarmStart)] = Field(
        default="IdenticalDataAndAlgorithm", description="What this tuning shares with parentJobs."
    )
    ModelArtifacts: Annotated[str | None, ModelArchive] = Field(
        default=None, description="S3 address of a trained model to deploy in place of the one that the build trains."
    )
    skiptrain: Annotated[bool, Flag()] = Field(default=False, description="Whether to deploy without training.")
    deployEndpoint: Annotated[bool, Flag()] = Field(
        default=True,
        description="Whether the build ends with a live endpoint, or with the model alone.",
    )
    pipeline: tuple[PipelineContainer, ...] = Field(
        default=(), max_length=14, description="Containers that a request passes before it reaches the model's own."
    )
    Tags: Annotated[dict[TagName, Annotated[str, Scalar(256)]], BeforeValidator(read_tags)] = Field(
        default={}, max_length=40, description="Tags of everything that the build makes, besides its own."
    )


class BuildParameters(Common, Tuning, DataAndSteps, Options):
    """The parameters of a build; a framework's own are in the subclass that MODELS names."""

    framework: Annotated[str, Choice(tuple(FRAMEWORKS))] = Field(description="What trains and serves the model.")

    @property
    def facts(self) -> FrameworkFacts:
        """The facts of the framework."""
        return FRAMEWORKS[self.framework]

    @property
    def image_version(self) -> str | None:
        """The version of the framework's or algorithm's image; None for images of your own."""
        name = self.facts.version_parameter
        return getattr(self, name) if name else self.facts.only_version

    @property
    def has_training(self) -> bool:
        """Whether the build trains, rather than deploying what was trained before."""
        return not (self.skiptrain or self.ModelArtifacts) and getattr(self, "train", True)

    @property
    def largest_count(self) -> int:
        """How many instances there can be behind the endpoint."""
        return max(self.hostinstancecount, self.autoscaling.maximum if self.autoscaling else 0)

    @property
    def tuning_ranges(self) -> dict[str, Range]:
        """The hyperparameters that a tuning job searches."""
        return {name: value for name, value in self.hyperparameters.items() if isinstance(value, Range)}

    @property
    def static_hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters that every training gets as they are."""
        return {name: value for name, value in self.hyperparameters.items() if not isinstance(value, Range)}

    @property
    def combinations(self) -> int | None:
        """How many trainings the tuning ranges can tell apart; None if one of them is continuous."""
        sizes = [value.size for value in self.tuning_ranges.values()]
        return None if None in sizes else math.prod(size for size in sizes if size)

    @property
    def tuning_trainings(self) -> int:
        """How many trainings the tuning job runs in all."""
        combinations = self.combinations
        return combinations if self.tuningstrategy == "Grid" and combinations else self.maxtrainingjobs
