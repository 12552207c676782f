"""The bodies of the SageMaker requests that a build makes, out of its parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sagebuild.names import VARIANT, name_endpoint, name_resource
from sagebuild.service import Service

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

SECONDS_PER_HOUR = 3600
DEFAULT_CHANNEL = "training"
DEFAULT_CHANNEL_PATH = "train/"


def build_training_job(service: Service, number: int, parameters: BuildParameters, image: str) -> dict[str, Any]:
    """The request of CreateTrainingJob."""
    algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": parameters.inputmode}
    if parameters.metrics:
        algorithm["MetricDefinitions"] = [{"Name": m.Name, "Regex": m.Regex} for m in parameters.metrics]
    return {
        "TrainingJobName": name_resource(service, number),
        "AlgorithmSpecification": algorithm,
        "RoleArn": service.setting("TRAINING_ROLE_ARN"),
        "HyperParameters": build_hyperparameters(service, parameters),
        "InputDataConfig": [_build_channel(name, uri) for name, uri in locate_channels(service, parameters).items()],
        "OutputDataConfig": {"S3OutputPath": f"s3://{service.setting('MODEL_BUCKET')}/builds"},
        "ResourceConfig": {
            "InstanceType": parameters.traininstancetype,
            "InstanceCount": parameters.traininstancecount,
            "VolumeSizeInGB": parameters.trainvolumesize,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": round(parameters.trainmaxrun * SECONDS_PER_HOUR)},
        "Tags": build_tags(service, number, parameters),
    }


def build_hyperparameters(service: Service, parameters: BuildParameters) -> dict[str, str]:
    """A person's hyperparameters and those by which a framework's container finds the script; all are strings."""
    script = {
        "sagemaker_program": parameters.trainentrypoint,
        "sagemaker_submit_directory": locate_source(service, parameters.trainsourcefile),
        "sagemaker_container_log_level": parameters.containerloglevel,
        "sagemaker_enable_cloudwatch_metrics": parameters.enablecloudwatchmetrics,
        "sagemaker_region": service.region,
        "sagemaker_job_name": None,
    }
    merged = dict(parameters.hyperparameters) | {name: value for name, value in script.items() if value is not None}
    # The containers read each value as JSON; a plain string stays as it is, which they accept too.
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in merged.items()}


def build_model(service: Service, number: int, parameters: BuildParameters, image: str) -> dict[str, Any]:
    """The request of CreateModel; the state machine adds the trained artifacts as ModelDataUrl."""
    script = {
        "SAGEMAKER_PROGRAM": parameters.hostentrypoint or parameters.trainentrypoint,
        "SAGEMAKER_SUBMIT_DIRECTORY": locate_source(service, parameters.hostsourcefile or parameters.trainsourcefile),
        "SAGEMAKER_CONTAINER_LOG_LEVEL": str(parameters.containerloglevel),
        "SAGEMAKER_REGION": service.region,
    }
    environment = {name: value for name, value in script.items() if value}
    return {
        "ModelName": name_resource(service, number),
        "ExecutionRoleArn": service.setting("HOSTING_ROLE_ARN"),
        "PrimaryContainer": {"Image": image, "Environment": environment | parameters.modelhostingenvironment},
        "Tags": build_tags(service, number, parameters),
    }


def build_endpoint_config(service: Service, number: int, parameters: BuildParameters) -> dict[str, Any]:
    """The request of CreateEndpointConfig."""
    name = name_resource(service, number)
    return {
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


def locate_channels(service: Service, parameters: BuildParameters) -> dict[str, str]:
    """The S3 URI of each channel; without any in the document, ``training`` at train/ of the data bucket."""
    bucket = service.setting("DATA_BUCKET")
    if not parameters.channels:
        return {DEFAULT_CHANNEL: f"s3://{bucket}/{DEFAULT_CHANNEL_PATH}"}
    return {
        name: channel.uri or f"s3://{bucket}/{(channel.path or '').lstrip('/')}"
        for name, channel in parameters.channels.items()
    }


def _build_channel(name: str, uri: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
