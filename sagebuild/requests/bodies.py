"""Builds the requests for a training job, a model, an endpoint configuration and an endpoint."""

from __future__ import annotations

import json
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.names import VARIANT, name_endpoint, name_resource, pipeline_tags
from sagebuild.parameters import CODE_CHANNEL, BuildParameters, Channel, FileSystem, LlmParameters, ScriptModeParameters
from sagebuild.parameters.step_rules import DEFAULT_CHANNEL_PATH
from sagebuild.requests.extensions import extend_endpoint_config, extend_model, extend_training
from sagebuild.requests.llm import build_llm_environment
from sagebuild.requests.script_mode import (
    MODEL_DIR,
    build_script_environment,
    build_script_hyperparameters,
    locate_output,
    locate_source,
)
from sagebuild.requests.step_places import resolve_output
from sagebuild.service import Service
from sagebuild.units import SECONDS_PER_HOUR

Body = dict[str, Any]
Bodies = dict[str, Body]  # by kind: training, tuning, model, endpointConfig, transform, and "processing:NAME"


def read_kind(kind: str) -> str:
    """Return the kind of a request without the name of a step."""
    return kind.partition(":")[0]


def build_training_job(context: BuildContext[BuildParameters], image: str | None) -> Body:
    """Build the request of CreateTrainingJob; ``image`` None leaves the image out."""
    service, parameters = context.service, context.parameters
    algorithm: Body = _name_image("TrainingImage", image) | {"TrainingInputMode": parameters.inputmode}
    if parameters.metrics:
        algorithm["MetricDefinitions"] = [{"Name": m.Name, "Regex": m.Regex} for m in parameters.metrics]
    channels = [_build_channel(name, channel) for name, channel in read_channels(context).items()]
    body = {
        "TrainingJobName": name_resource(service, context.number),
        "AlgorithmSpecification": algorithm,
        "RoleArn": service.settings.training_role_arn,
        "HyperParameters": build_hyperparameters(context),
        **({"InputDataConfig": channels} if channels else {}),
        "OutputDataConfig": {"S3OutputPath": locate_output(service)},
        "ResourceConfig": _build_instances(parameters) | {"VolumeSizeInGB": parameters.trainvolumesize},
        "StoppingCondition": {"MaxRuntimeInSeconds": round(parameters.trainmaxrun * SECONDS_PER_HOUR)},
        "Tags": build_tags(context),
    }
    return extend_training(context, body)


def build_hyperparameters(context: BuildContext[BuildParameters]) -> dict[str, str]:
    """Return the user's hyperparameters, and those by which a container finds the script; all values are strings."""
    parameters = context.parameters
    if script := context.narrow(ScriptModeParameters):
        ours = build_script_hyperparameters(script)
        own = {name: value for name, value in ours.items() if name not in parameters.hyperparameters}
        values = own | parameters.static_hyperparameters
        if parameters.facts.takes_model_dir and values.get(MODEL_DIR) is False:  # as with the sdk: no such argument
            del values[MODEL_DIR]
        # Like the SDK (_json_encode_hyperparameters): in script mode every value is JSON, also a string.
        return {name: json.dumps(value) for name, value in values.items()}
    # Amazon's algorithms and the user's own containers read a string without JSON's quotation marks.
    static = parameters.static_hyperparameters
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in static.items()}


def build_model(context: BuildContext[BuildParameters], image: str | None) -> Body:
    """Build the request of CreateModel; the state machine adds the trained model as ModelDataUrl."""
    script = context.narrow(ScriptModeParameters)
    own = build_script_environment(script) if script else {}
    if isinstance(context.parameters, LlmParameters):
        own = build_llm_environment(context.parameters)
    environment = own | context.parameters.modelhostingenvironment
    body = {
        "ModelName": name_resource(context.service, context.number),
        "ExecutionRoleArn": context.service.settings.hosting_role_arn,
        "PrimaryContainer": _name_image("Image", image) | {"Environment": environment},
        "Tags": build_tags(context),
    }
    return extend_model(context, body)


def build_endpoint_config(context: BuildContext[BuildParameters], image: str | None = None) -> Body:
    """Build the request of CreateEndpointConfig.

    Parameters
    ----------
    image
        The address of the serving image, which may need a newer driver.
    """
    name, parameters = name_resource(context.service, context.number), context.parameters
    body = {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": name,
                "InstanceType": parameters.hostinstancetype,
                "InitialInstanceCount": parameters.hostinstancecount,
                "InitialVariantWeight": 1.0,
            }
        ],
        "Tags": build_tags(context),
    }
    return extend_endpoint_config(context, body, image)


def build_endpoint(service: Service, config: str) -> Body:
    """Build the request of UpdateEndpoint; with tags, it is the request of CreateEndpoint."""
    return {"EndpointName": name_endpoint(service), "EndpointConfigName": config}


def build_tags(context: BuildContext[BuildParameters]) -> list[dict[str, str]]:
    """Return a resource's tags: its stack, its pipeline, its build and the user's own tags."""
    tags = pipeline_tags(context.service) | {"sagebuild:build": str(context.number)}
    return [{"Key": key, "Value": value} for key, value in (tags | context.parameters.Tags).items()]


def read_channels(context: BuildContext[BuildParameters]) -> dict[str, Channel]:
    """Return the training's channels by name, each with its S3 URI or file system.

    Without channels in the document there is one, ``training`` (``train`` for Amazon's algorithms), at the document's
    ``uri`` or at the pipeline's train/ in the data bucket. An empty ``channels`` means a training without data. With
    networkisolation, one more channel brings the script.
    """
    service, parameters = context.service, context.parameters
    folder = f"s3://{service.settings.data_bucket}/{service.folder}"
    source = locate_source(service, getattr(parameters, "trainsourcefile", None))
    code = {CODE_CHANNEL: Channel(uri=source, InputMode="File")} if source and parameters.networkisolation else {}
    if parameters.has_default_channel:
        data = Channel(uri=parameters.uri or f"{folder}{DEFAULT_CHANNEL_PATH}")
        return {parameters.facts.data_channel: data} | code
    return {
        name: channel
        if channel.uri or channel.filesystem
        else channel.model_copy(update={"uri": resolve_output(context, channel.output)})
        if channel.output
        else channel.model_copy(update={"uri": f"{folder}{str(channel.path).lstrip('/')}", "path": None})
        for name, channel in parameters.channels.items()
    } | code


def _name_image(member: str, image: str | None) -> Body:
    return {member: image} if image else {}


def _build_instances(parameters: BuildParameters) -> Body:
    if parameters.instancegroups:
        groups = [
            {"InstanceGroupName": group.name, "InstanceType": group.type, "InstanceCount": group.count}
            for group in parameters.instancegroups
        ]
        return {"InstanceGroups": groups}
    return {"InstanceType": parameters.traininstancetype, "InstanceCount": parameters.traininstancecount}


def _build_channel(name: str, channel: Channel) -> Body:
    if channel.filesystem:
        return _build_mount(name, channel, channel.filesystem)
    source: Body = {
        "S3DataType": channel.type,
        "S3Uri": channel.uri,
        "S3DataDistributionType": channel.dist,
    }
    if channel.AttributeNames:
        source["AttributeNames"] = list(channel.AttributeNames)
    if channel.instancegroups:
        source["InstanceGroupNames"] = list(channel.instancegroups)
    optional = {
        "ContentType": channel.contentType,
        "InputMode": channel.InputMode,
        "ShuffleConfig": channel.ShuffleConfig and channel.ShuffleConfig.model_dump(),
    }
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": source},
        "CompressionType": channel.CompressionType,
        "RecordWrapperType": channel.RecordWrapperType,
    } | {key: value for key, value in optional.items() if value is not None}


def _build_mount(name: str, channel: Channel, mounted: FileSystem) -> Body:
    source = {
        "FileSystemId": mounted.id,
        "FileSystemType": mounted.type,
        "FileSystemAccessMode": mounted.access,
        "DirectoryPath": mounted.directory,
    }
    content = {"ContentType": channel.contentType} if channel.contentType else {}
    return {"ChannelName": name, "DataSource": {"FileSystemDataSource": source}, "InputMode": "File"} | content
