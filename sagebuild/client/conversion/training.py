"""Converts a training job, or the training job definition of a tuning job."""

from __future__ import annotations

from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.images import put_training_image
from sagebuild.client.conversion.script import convert_hyperparameters, has_script
from sagebuild.client.conversion.shared import convert_network, convert_tags, to_hours
from sagebuild.client.conversion.source import Source
from sagebuild.parameters import CODE_CHANNEL

# sdk 3, train/constants.py: ModelTrainer runs the script from the channel code with programs of its own.
_DRIVERS = "sm_drivers"
_CODE_FOLDER = f"/opt/ml/input/data/{CODE_CHANNEL}"


def convert_training(draft: Draft, source: Source) -> None:
    """Set the parameters of a training job."""
    job = source.content.get("TrainingJobName", "")
    convert_job(draft, source, source.child("ResourceConfig"), source.child("HyperParameters"), str(job))
    convert_tags(draft, source)


def convert_job(
    draft: Draft, source: Source, resources: Source, hyperparameters: Source, job: str, searched: tuple[str, ...] = ()
) -> None:
    """Set the parameters that a training job and a training job definition of a tuning job share.

    Parameters
    ----------
    searched
        Names of the hyperparameters that a tuning job searches.
    """
    groups = _convert_instances(draft, resources)
    types = [str(group["type"]) for group in groups] or [str(draft.document.get("traininstancetype", "ml.m5.large"))]
    algorithm = source.child("AlgorithmSpecification")
    image = algorithm.take_text("TrainingImage")
    is_scripted = has_script(hyperparameters) or _is_from_trainer(source)
    put_training_image(draft, image, algorithm.name("TrainingImage"), types, is_scripted)
    draft.put("inputmode", algorithm.take("TrainingInputMode"), algorithm.name("TrainingInputMode"), default="File")
    _convert_metrics(draft, algorithm)
    convert_hyperparameters(draft, hyperparameters, job, searched)
    _convert_channels(draft, source)
    _convert_limits(draft, source)
    _convert_storage(draft, source)
    convert_network(draft, source)
    for member, parameter in (
        ("Environment", "environment"),
        ("EnableInterContainerTrafficEncryption", "trafficencryption"),
    ):
        draft.put(parameter, source.take(member) or None, source.name(member))
    retry = source.child("RetryStrategy")
    draft.put("retryattempts", retry.take("MaximumRetryAttempts"), retry.name("MaximumRetryAttempts"))


def _convert_instances(draft: Draft, source: Source) -> list[dict[str, Any]]:
    groups = []
    for group in source.children("InstanceGroups"):
        names = {"name": "InstanceGroupName", "type": "InstanceType", "count": "InstanceCount"}
        groups.append({part: group.take(member) for part, member in names.items()})
    draft.put("instancegroups", groups or None, source.name("InstanceGroups"))
    for member, parameter in (
        ("InstanceType", "traininstancetype"),
        ("InstanceCount", "traininstancecount"),
        ("VolumeSizeInGB", "trainvolumesize"),
        ("VolumeKmsKeyId", "volumekmskey"),
        ("KeepAlivePeriodInSeconds", "keepalive"),
    ):
        draft.put(parameter, source.take(member), source.name(member))
    return groups


def _convert_metrics(draft: Draft, source: Source) -> None:
    """Set the metrics, except those of a built-in algorithm, which AWS defines and Describe returns."""
    metrics = [
        {"Name": each.take("Name"), "Regex": each.take("Regex")} for each in source.children("MetricDefinitions")
    ]
    if draft.facts.defines_metrics and metrics:
        draft.give(source.name("MetricDefinitions"))
    else:
        draft.put("metrics", metrics or None, source.name("MetricDefinitions"))
    # AWS enables the time series itself for its own images, and Describe returns it.
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AlgorithmSpecification.html
    member = "EnableSageMakerMetricsTimeSeries"
    if member in source and draft.document["framework"] != "BYOD":
        source.take(member)
        draft.give(source.name(member))


def _convert_channels(draft: Draft, source: Source) -> None:
    channels = {}
    for entry in source.children("InputDataConfig"):
        name = entry.take_text("ChannelName")
        channels[name] = _read_channel(entry)
        draft.trace(f"channels.{name}", entry.field)
    place = str(draft.document.get("trainsourcefile", ""))
    if place.startswith(_CODE_FOLDER) and CODE_CHANNEL in channels:  # a training without a network gets its script so
        draft.document["trainsourcefile"] = channels.pop(CODE_CHANNEL).get("uri")
    if _DRIVERS in channels and draft.facts.has_script:
        _leave_out_drivers(draft, source, channels)
    draft.put("channels", channels, source.name("InputDataConfig"))


def _is_from_trainer(source: Source) -> bool:
    return any(entry.content.get("ChannelName") == _DRIVERS for entry in source.children("InputDataConfig"))


def _leave_out_drivers(draft: Draft, source: Source, channels: dict[str, Any]) -> None:
    """Leave out the programs of ModelTrainer; its request does not name the script that they run."""
    algorithm = source.child("AlgorithmSpecification")
    for name in ("ContainerEntrypoint", "ContainerArguments"):
        if algorithm.take(name):
            draft.give(algorithm.name(name))
    draft.give(f"{source.name('InputDataConfig')} ({_DRIVERS})")
    del channels[_DRIVERS]
    place = channels.pop(CODE_CHANNEL, {}).get("uri", "the channel code")
    draft.note(
        f"The job is from ModelTrainer, and its request does not name the script. Download the folder {place}, pack it "
        "with 'sagebuild upload source FOLDER', and set trainentrypoint and trainsourcefile."
    )


def _read_channel(entry: Source) -> dict[str, Any]:
    mounted, stored = entry.child("DataSource").child("FileSystemDataSource"), entry.child("DataSource")
    stored = stored.child("S3DataSource")
    if mounted.content:
        names = {"id": "FileSystemId", "type": "FileSystemType", "directory": "DirectoryPath"}
        system = {part: mounted.take(member) for part, member in names.items()}
        system |= _read(mounted, {"access": ("FileSystemAccessMode", "ro")})
        for idle in ("CompressionType", "RecordWrapperType"):
            if entry.content.get(idle) == "None":
                entry.take(idle)
        return {"filesystem": system} | _read(
            entry, {"contentType": ("ContentType", ""), "InputMode": ("InputMode", "File")}
        )
    shuffle = entry.child("ShuffleConfig").take("Seed")
    return (
        {"uri": stored.take("S3Uri")}
        | _read(
            stored,
            {
                "type": ("S3DataType", "S3Prefix"),
                "dist": ("S3DataDistributionType", "FullyReplicated"),
                "AttributeNames": ("AttributeNames", []),
                "instancegroups": ("InstanceGroupNames", []),
            },
        )
        | _read(
            entry,
            {
                "contentType": ("ContentType", ""),
                "InputMode": ("InputMode", ""),
                "CompressionType": ("CompressionType", "None"),
                "RecordWrapperType": ("RecordWrapperType", "None"),
            },
        )
        | ({} if shuffle is None else {"ShuffleConfig": {"Seed": shuffle}})
    )


def _read(source: Source, names: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """Take members that differ from their defaults, by the names of a document."""
    taken = {part: (source.take(member), default) for part, (member, default) in names.items()}
    return {part: value for part, (value, default) in taken.items() if value is not None and value != default}


def _convert_limits(draft: Draft, source: Source) -> None:
    limits = source.child("StoppingCondition")
    draft.put("trainmaxrun", to_hours(limits.take("MaxRuntimeInSeconds")), limits.name("MaxRuntimeInSeconds"))
    if source.take("EnableManagedSpotTraining"):
        draft.put("spot", True, source.name("EnableManagedSpotTraining"))
        draft.put("spotmaxwait", to_hours(limits.take("MaxWaitTimeInSeconds")), limits.name("MaxWaitTimeInSeconds"))


def _convert_storage(draft: Draft, source: Source) -> None:
    output, checkpoints = source.child("OutputDataConfig"), source.child("CheckpointConfig")
    draft.put("outputkmskey", output.take("KmsKeyId"), output.name("KmsKeyId"))
    places = _read(checkpoints, {"uri": ("S3Uri", ""), "path": ("LocalPath", "")})
    draft.put("checkpoints", places or None, checkpoints.field)
