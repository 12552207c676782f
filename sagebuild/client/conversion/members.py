"""What becomes of each member of a training or tuning request: converted, set by sagebuild, or without a counterpart.

The names are those of https://docs.aws.amazon.com/sagemaker/latest/APIReference/, of Create and Describe together.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Used(NamedTuple):
    """The conversion reads the member."""


class Own(NamedTuple):
    """sagebuild sets the member itself, or it describes what happened to a job."""


class Missing(NamedTuple):
    """The member has no counterpart.

    Parameters
    ----------
    advice
        What to do instead; empty for the advice of all members of the kind.
    idle
        Values that mean the same as leaving the member out.
    """

    advice: str = ""
    idle: tuple[Any, ...] = ()


Members = dict[str, "Used | Own | Missing | Members"]


def used(*names: str) -> Members:
    """Return a table of members that the conversion reads."""
    return dict.fromkeys(names, Used())


def own(*names: str) -> Members:
    """Return a table of members that sagebuild sets itself."""
    return dict.fromkeys(names, Own())


def missing(*names: str, advice: str = "", idle: tuple[Any, ...] = ()) -> Members:
    """Return a table of members without a counterpart."""
    return dict.fromkeys(names, Missing(advice, idle))


OFF = (False,)
_ARCHIVE = "sagebuild deploys the model.tar.gz of the training, so the output stays compressed"
_REGISTRY = "sagebuild registers the model in its own group after the training (docs/deployment.md)"
VPC = used("SecurityGroupIds", "Subnets")
TAGS: Members = used("Key", "Value")
_CHANNEL: Members = {
    **used("ChannelName", "ContentType", "CompressionType", "RecordWrapperType", "InputMode"),
    "ShuffleConfig": used("Seed"),
    "DataSource": {
        "S3DataSource": used("S3DataType", "S3Uri", "S3DataDistributionType", "AttributeNames", "InstanceGroupNames")
        | missing("ModelAccessConfig", "HubAccessConfig"),
        "FileSystemDataSource": used("FileSystemId", "FileSystemAccessMode", "FileSystemType", "DirectoryPath"),
        **missing("DatasetSource"),
    },
}
_RESOURCES: Members = {
    **used("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId", "KeepAlivePeriodInSeconds"),
    "InstanceGroups": used("InstanceType", "InstanceCount", "InstanceGroupName"),
    **missing("TrainingPlanArn", "InstancePlacementConfig"),
    **missing("InstancePreferences", advice="choose one type and count: traininstancetype, traininstancecount"),
    **own("SelectedInstanceType", "SelectedInstanceCount"),
}
# The members that CreateTrainingJob and a training job definition of a tuning job share.
_SHARED: Members = {
    "InputDataConfig": _CHANNEL,
    "OutputDataConfig": used("KmsKeyId")
    | own("S3OutputPath")
    | missing("CompressionType", advice=_ARCHIVE, idle=("GZIP",)),
    "ResourceConfig": _RESOURCES,
    "VpcConfig": VPC,
    "StoppingCondition": used("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds") | missing("MaxPendingTimeInSeconds"),
    "CheckpointConfig": used("S3Uri", "LocalPath"),
    "RetryStrategy": used("MaximumRetryAttempts"),
    **used(
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "Environment",
    ),
    **own("RoleArn"),
}
_ALGORITHM: Members = {
    **used("TrainingImage", "TrainingInputMode"),
    "MetricDefinitions": used("Name", "Regex"),
    **missing("AlgorithmName", advice="give the image of the algorithm as framework BYOD with TrainingImage"),
}
TRAINING: Members = {
    **_SHARED,
    "AlgorithmSpecification": {
        **_ALGORITHM,
        **missing("EnableSageMakerMetricsTimeSeries", idle=OFF),
        **missing("ContainerEntrypoint", "ContainerArguments", "TrainingImageConfig"),
    },
    "Tags": TAGS,
    **used("HyperParameters"),
    "ProfilerConfig": {
        **missing("S3OutputPath", "ProfilingIntervalInMilliseconds", "ProfilingParameters"),
        **missing("DisableProfiler", idle=(True,)),
    },
    "InfraCheckConfig": missing("EnableInfraCheck", idle=OFF),
    "RemoteDebugConfig": missing("EnableRemoteDebug", idle=OFF),
    "SessionChainingConfig": missing("EnableSessionTagChaining", idle=OFF),
    **missing(
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "ProfilerRuleConfigurations",
        "TensorBoardOutputConfig",
        "ExperimentConfig",
        "MlflowConfig",
        "ServerlessJobConfig",
    ),
    **missing("ModelPackageConfig", advice=_REGISTRY),
    **own(
        "TrainingJobName",
        "TrainingJobArn",
        "TuningJobArn",
        "LabelingJobArn",
        "AutoMLJobArn",
        "ModelArtifacts",
        "TrainingJobStatus",
        "SecondaryStatus",
        "FailureReason",
        "WarmPoolStatus",
        "CreationTime",
        "TrainingStartTime",
        "TrainingEndTime",
        "LastModifiedTime",
        "SecondaryStatusTransitions",
        "FinalMetricDataList",
        "TrainingTimeInSeconds",
        "BillableTimeInSeconds",
        "BillableTokenCount",
        "DebugRuleEvaluationStatuses",
        "ProfilerRuleEvaluationStatuses",
        "ProfilingStatus",
        "MlflowDetails",
        "ProgressInfo",
        "OutputModelPackageArn",
    ),
}
_LIMITS = used("Name", "MinValue", "MaxValue", "ScalingType")
_RANGES: Members = {
    "IntegerParameterRanges": _LIMITS,
    "ContinuousParameterRanges": _LIMITS,
    "CategoricalParameterRanges": used("Name", "Values"),
    **missing("AutoParameters", advice="give each hyperparameter a range, or a value"),
}
_OBJECTIVE = used("Type", "MetricName")
_DEFINITION: Members = {
    **_SHARED,
    "AlgorithmSpecification": _ALGORITHM,
    "TuningObjective": _OBJECTIVE,
    "HyperParameterRanges": _RANGES,
    "HyperParameterTuningResourceConfig": {
        **used("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId"),
        **missing("AllocationStrategy", idle=("Prioritized",)),
        **missing("InstanceConfigs", advice="choose one type and count: traininstancetype, traininstancecount"),
    },
    **used("StaticHyperParameters"),
    **own("DefinitionName"),
}
TUNING: Members = {
    "HyperParameterTuningJobConfig": {
        **used("Strategy", "TrainingJobEarlyStoppingType"),
        "StrategyConfig": {"HyperbandStrategyConfig": used("MinResource", "MaxResource")},
        "HyperParameterTuningJobObjective": _OBJECTIVE,
        "ResourceLimits": {
            **used("MaxNumberOfTrainingJobs", "MaxParallelTrainingJobs"),
            **missing("MaxRuntimeInSeconds", advice="limit each training with trainmaxrun, or the cost with maxcost"),
        },
        "ParameterRanges": _RANGES,
        "TuningJobCompletionCriteria": {
            **used("TargetObjectiveMetricValue"),
            "BestObjectiveNotImproving": used("MaxNumberOfTrainingJobsNotImproving"),
            "ConvergenceDetected": used("CompleteOnConvergence"),
        },
        **missing("RandomSeed"),
    },
    "TrainingJobDefinition": _DEFINITION,
    "TrainingJobDefinitions": _DEFINITION,
    "WarmStartConfig": {
        "ParentHyperParameterTuningJobs": used("HyperParameterTuningJobName"),
        **used("WarmStartType"),
    },
    "Autotune": missing("Mode"),
    "Tags": TAGS,
    **own(
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobArn",
        "HyperParameterTuningJobStatus",
        "CreationTime",
        "HyperParameterTuningEndTime",
        "LastModifiedTime",
        "TrainingJobStatusCounters",
        "ObjectiveStatusCounters",
        "BestTrainingJob",
        "OverallBestTrainingJob",
        "FailureReason",
        "TuningJobCompletionDetails",
        "ConsumedResources",
    ),
}
