"""The bodies of the SageMaker requests that a build makes, out of its parameters."""

from __future__ import annotations

import json
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.names import VARIANT, name_endpoint, name_resource
from sagebuild.parameters import CODE_CHANNEL, BuildParameters, Channel, ScriptModeParameters
from sagebuild.parameters.kinds import SECONDS_PER_HOUR
from sagebuild.requests.extensions import extend_endpoint_config, extend_model, extend_training
from sagebuild.requests.script_mode import build_script_environment, build_script_hyperparameters, locate_source
from sagebuild.service import Service

Body = dict[str, Any]
Bodies = dict[str, Body]  # by kind: training, tuning, model, endpointConfig
DEFAULT_CHANNEL_PATH = "train/"


def build_training_job(context: BuildContext[BuildParameters], image: str | None) -> Body:
    """The request of CreateTrainingJob, without an image where none was found."""
    service, parameters = context.service, context.parameters
    algorithm: Body = _name_image("TrainingImage", image) | {"TrainingInputMode": parameters.inputmode}
    if parameters.metrics:
        algorithm["MetricDefinitions"] = [{"Name": m.Name, "Regex": m.Regex} for m in parameters.metrics]
    body = {
        "TrainingJobName": name_resource(service, context.number),
        "AlgorithmSpecification": algorithm,
        "RoleArn": service.settings.training_role_arn,
        "HyperParameters": build_hyperparameters(context),
        "InputDataConfig": [_build_channel(name, channel) for name, channel in read_channels(context).items()],
        "OutputDataConfig": {"S3OutputPath": f"s3://{service.settings.model_bucket}/builds"},
        "ResourceConfig": {
            "InstanceType": parameters.traininstancetype,
            "InstanceCount": parameters.traininstancecount,
            "VolumeSizeInGB": parameters.trainvolumesize,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": round(parameters.trainmaxrun * SECONDS_PER_HOUR)},
        "Tags": build_tags(context),
    }
    return extend_training(context, body)


def build_hyperparameters(context: BuildContext[BuildParameters]) -> dict[str, str]:
    """A person's hyperparameters and those by which a framework's container finds the script; all are strings."""
    parameters = context.parameters
    if script := context.narrow(ScriptModeParameters):
        ours = build_script_hyperparameters(script)
        own = {name: value for name, value in ours.items() if name not in parameters.hyperparameters}
        values = own | parameters.static_hyperparameters
        # The SDK's estimators write every value of script mode as JSON (_json_encode_hyperparameters), strings too.
        return {name: json.dumps(value) for name, value in values.items()}
    # Amazon's algorithms, and a person's own container, read a string as it is.
    static = parameters.static_hyperparameters
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in static.items()}


def build_model(context: BuildContext[BuildParameters], image: str | None) -> Body:
    """The request of CreateModel; the state machine adds the trained artifacts as ModelDataUrl."""
    script = context.narrow(ScriptModeParameters)
    environment = (build_script_environment(script) if script else {}) | context.parameters.modelhostingenvironment
    body = {
        "ModelName": name_resource(context.service, context.number),
        "ExecutionRoleArn": context.service.settings.hosting_role_arn,
        "PrimaryContainer": _name_image("Image", image) | {"Environment": environment},
        "Tags": build_tags(context),
    }
    return extend_model(context, body)


def build_endpoint_config(context: BuildContext[BuildParameters]) -> Body:
    """The request of CreateEndpointConfig."""
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
    return extend_endpoint_config(context, body)


def build_endpoint(service: Service, config: str) -> Body:
    """The request of UpdateEndpoint, and of CreateEndpoint without the tags, for an endpoint configuration."""
    return {"EndpointName": name_endpoint(service), "EndpointConfigName": config}


def build_tags(context: BuildContext[BuildParameters]) -> list[dict[str, str]]:
    """Which stack and build a resource belongs to, and a person's own tags."""
    tags = {"sagebuild:stack": context.service.stack_name, "sagebuild:build": str(context.number)}
    return [{"Key": key, "Value": value} for key, value in (tags | context.parameters.Tags).items()]


def read_channels(context: BuildContext[BuildParameters]) -> dict[str, Channel]:
    """The training's channels, each with its S3 URI; without any in the document, ``training`` alone.

    That one is at the document's ``uri``, or at train/ of the data bucket; Amazon's algorithms call it ``train``. With
    networkisolation there is one more, which brings the script.
    """
    service, parameters = context.service, context.parameters
    bucket = service.settings.data_bucket
    source = locate_source(service, getattr(parameters, "trainsourcefile", None))
    code = {CODE_CHANNEL: Channel(uri=source, InputMode="File")} if source and parameters.networkisolation else {}
    if not parameters.channels:
        data = Channel(uri=parameters.uri or f"s3://{bucket}/{DEFAULT_CHANNEL_PATH}")
        return {parameters.facts.data_channel: data} | code
    return {
        name: channel
        if channel.uri
        else channel.model_copy(update={"uri": f"s3://{bucket}/{str(channel.path).lstrip('/')}", "path": None})
        for name, channel in parameters.channels.items()
    } | code


def _name_image(member: str, image: str | None) -> Body:
    return {member: image} if image else {}


def _build_channel(name: str, channel: Channel) -> Body:
    source: Body = {
        "S3DataType": channel.type,
        "S3Uri": channel.uri,
        "S3DataDistributionType": channel.dist,
    }
    if channel.AttributeNames:
        source["AttributeNames"] = list(channel.AttributeNames)
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
