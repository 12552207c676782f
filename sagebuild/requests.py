"""The bodies of the SageMaker requests that a build makes, out of its parameters."""

from __future__ import annotations

import json
from typing import Any

from sagebuild.names import VARIANT, name_endpoint, name_resource
from sagebuild.options import (
    build_distribution,
    extend_endpoint_config,
    extend_model,
    extend_training,
    place_source,
)
from sagebuild.parameters import CODE_CHANNEL, BuildParameters, Channel, ScriptModeParameters
from sagebuild.service import Service

SECONDS_PER_HOUR = 3600
DEFAULT_CHANNEL = "training"
DEFAULT_CHANNEL_PATH = "train/"


def build_training_job(service: Service, number: int, parameters: BuildParameters, image: str) -> dict[str, Any]:
    """The request of CreateTrainingJob."""
    algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": parameters.inputmode}
    if parameters.metrics:
        algorithm["MetricDefinitions"] = [{"Name": m.Name, "Regex": m.Regex} for m in parameters.metrics]
    body = {
        "TrainingJobName": name_resource(service, number),
        "AlgorithmSpecification": algorithm,
        "RoleArn": service.setting("TRAINING_ROLE_ARN"),
        "HyperParameters": build_hyperparameters(service, parameters),
        "InputDataConfig": [
            _build_channel(name, channel) for name, channel in read_channels(service, parameters).items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{service.setting('MODEL_BUCKET')}/builds"},
        "ResourceConfig": {
            "InstanceType": parameters.traininstancetype,
            "InstanceCount": parameters.traininstancecount,
            "VolumeSizeInGB": parameters.trainvolumesize,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": round(parameters.trainmaxrun * SECONDS_PER_HOUR)},
        "Tags": build_tags(service, number, parameters),
    }
    return extend_training(service, number, parameters, body)


def build_hyperparameters(service: Service, parameters: BuildParameters) -> dict[str, str]:
    """A person's hyperparameters and those by which a framework's container finds the script; all are strings."""
    values = dict(parameters.static_hyperparameters)
    if isinstance(parameters, ScriptModeParameters):
        values |= {
            "sagemaker_program": parameters.trainentrypoint,
            "sagemaker_submit_directory": place_source(parameters, locate_source(service, parameters.trainsourcefile)),
            "sagemaker_container_log_level": parameters.containerloglevel,
            "sagemaker_enable_cloudwatch_metrics": parameters.enablecloudwatchmetrics,
            "sagemaker_region": service.region,
        }
        values |= build_distribution(parameters)
    # The containers read each value as JSON; a plain string stays as it is, which they accept too.
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def build_model(service: Service, number: int, parameters: BuildParameters, image: str) -> dict[str, Any]:
    """The request of CreateModel; the state machine adds the trained artifacts as ModelDataUrl."""
    environment: dict[str, str] = {}
    if isinstance(parameters, ScriptModeParameters):
        source = locate_source(service, parameters.hostsourcefile or parameters.trainsourcefile)
        environment = {
            "SAGEMAKER_PROGRAM": str(parameters.hostentrypoint or parameters.trainentrypoint),
            "SAGEMAKER_SUBMIT_DIRECTORY": str(source),
            "SAGEMAKER_CONTAINER_LOG_LEVEL": str(parameters.containerloglevel),
            "SAGEMAKER_REGION": service.region,
        }
    body = {
        "ModelName": name_resource(service, number),
        "ExecutionRoleArn": service.setting("HOSTING_ROLE_ARN"),
        "PrimaryContainer": {"Image": image, "Environment": environment | parameters.modelhostingenvironment},
        "Tags": build_tags(service, number, parameters),
    }
    return extend_model(parameters, body)


def build_endpoint_config(service: Service, number: int, parameters: BuildParameters) -> dict[str, Any]:
    """The request of CreateEndpointConfig."""
    name = name_resource(service, number)
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
        "Tags": build_tags(service, number, parameters),
    }
    return extend_endpoint_config(service, parameters, body)


def build_endpoint(service: Service, number: int) -> dict[str, Any]:
    """The request of UpdateEndpoint, and of CreateEndpoint but for the tags."""
    return {"EndpointName": name_endpoint(service), "EndpointConfigName": name_resource(service, number)}


def build_tags(service: Service, number: int, parameters: BuildParameters) -> list[dict[str, str]]:
    """Which stack and build a resource belongs to, and a person's own tags."""
    tags = {"sagebuild:stack": service.stack_name, "sagebuild:build": str(number)}
    return [{"Key": key, "Value": value} for key, value in (tags | parameters.Tags).items()]


def locate_source(service: Service, source: str | None) -> str | None:
    """The S3 URI of a source archive, which a document may also give as a key of the code bucket."""
    if not source or source.startswith("s3://"):
        return source
    return f"s3://{service.setting('CODE_BUCKET')}/{source.lstrip('/')}"


def read_channels(service: Service, parameters: BuildParameters) -> dict[str, Channel]:
    """The training's channels, each with its S3 URI; without any in the document, ``training`` alone.

    That one is at the document's ``uri``, or at train/ of the data bucket. With networkisolation there is one more,
    which brings the script.
    """
    bucket = service.setting("DATA_BUCKET")
    source = locate_source(service, getattr(parameters, "trainsourcefile", None))
    code = {CODE_CHANNEL: Channel(uri=source, InputMode="File")} if source and parameters.networkisolation else {}
    if not parameters.channels:
        return {DEFAULT_CHANNEL: Channel(uri=parameters.uri or f"s3://{bucket}/{DEFAULT_CHANNEL_PATH}")} | code
    return {
        name: channel
        if channel.uri
        else channel.model_copy(update={"uri": f"s3://{bucket}/{str(channel.path).lstrip('/')}", "path": None})
        for name, channel in parameters.channels.items()
    } | code


def _build_channel(name: str, channel: Channel) -> dict[str, Any]:
    source: dict[str, Any] = {
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
