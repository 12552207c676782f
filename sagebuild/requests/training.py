"""How a build gets its trained model: by a training, by a tuning job, or from artifacts that are there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagebuild.builds.records import list_builds
from sagebuild.errors import ParameterError
from sagebuild.names import name_resource, name_tuning_job
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import build_training_job
from sagebuild.requests.tuning import build_tuning_job
from sagebuild.service import Service

# How far back a model is looked for.
_BUILDS_LOOKED_AT = 100


@dataclass(frozen=True)
class TrainingPlan:
    """How the model comes about.

    Parameters
    ----------
    mode
        "train", "tune" or "none".
    record
        What the build's record tells of it.
    notes
        What a person should know of it.
    training, tuning
        The request of the one that it is.
    artifacts
        The S3 address of the trained model, if none of the two.
    """

    mode: str
    record: dict[str, Any]
    notes: tuple[str, ...] = ()
    training: dict[str, Any] | None = None
    tuning: dict[str, Any] | None = None
    artifacts: str | None = None


def plan_training(service: Service, number: int, parameters: BuildParameters, image: str) -> TrainingPlan:
    """Choose the way, and write the request that goes with it.

    Parameters
    ----------
    image
        The address of the image to train in, if there is a training.

    Raises
    ------
    ParameterError
        There is no trained model to deploy.
    """
    if not parameters.has_training:
        return _reuse_model(service, parameters)
    if parameters.configtrain == "SAGEMAKERHPO":
        tuning = build_tuning_job(service, number, parameters, image)
        return TrainingPlan(
            "tune", {"training_image": image, "tuning_job": name_tuning_job(service, number)}, tuning=tuning
        )
    training = build_training_job(service, number, parameters, image)
    return TrainingPlan(
        "train", {"training_image": image, "training_job": name_resource(service, number)}, training=training
    )


def _reuse_model(service: Service, parameters: BuildParameters) -> TrainingPlan:
    if parameters.ModelArtifacts:
        artifacts, note = (
            parameters.ModelArtifacts,
            f"Nothing was trained: ModelArtifacts is {parameters.ModelArtifacts}.",
        )
    else:
        artifacts, origin = _find_newest_model(service)
        note = f"Nothing was trained: the model is that of build {origin}, {artifacts}."
    return TrainingPlan("none", {"artifacts": artifacts}, (note,), artifacts=artifacts)


def _find_newest_model(service: Service) -> tuple[str, int]:
    for record in list_builds(service, _BUILDS_LOOKED_AT):
        if record.has_succeeded and record.artifacts:
            return record.artifacts, record.number
    raise ParameterError(
        "The document asks for no training (skiptrain true, or train false), and no earlier build has left a model; "
        "train once, or give the S3 address of a model.tar.gz in ModelArtifacts."
    )
