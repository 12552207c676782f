"""The bodies of the SageMaker requests that a build makes, out of its parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sagebuild.names import VARIANT, name_endpoint, name_resource
from sagebuild.service import Service

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

HOUR = 3600  # seconds
DEFAULT_CHANNEL = "training"
DEFAULT_CHANNEL_PATH = "train/"


def build_training_job(service: Service, number: int, parameters: BuildParameters, image: str) -> dict[str, Any]:
    """The request of CreateTrainingJob."""
    algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": parameters.inputmode}
    if parameters.metrics:
        algorithm["MetricDefinitions"] = [metric.model_dump() for metric in parameters.metrics]
    return {
        "TrainingJobName": name_resource(service, number),
        "AlgorithmSpecification": algorithm,
        "RoleArn": service.setting("TRAINING_ROLE_ARN"),
        "HyperParameters": build_hyperparameters(service, parameters),
        "InputDataConfig": [build_channel(service, name, uri) for name, uri in channel_uris(service, parameters)],
        "OutputDataConfig": {"S3OutputPath": f"s3://{service.setting('MODEL_BUCKET')}/builds"},
        "ResourceConfig": {
            "InstanceType": parameters.traininstancetype,
            "InstanceCount": parameters.traininstancecount,
            "VolumeSizeInGB": parameters.trainvolumesize,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": round(parameters.trainmaxrun * HOUR)},
        "Tags": build_tags(service, number, parameters),
    }
