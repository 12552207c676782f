"""How a build gets its trained model: by a training, by a tuning job, or from artifacts that are there already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sagebuild.containers import choose_image
from sagebuild.errors import ParameterError
from sagebuild.names import name_resource, name_tuning_job
from sagebuild.parameters import BuildParameters
from sagebuild.records import list_builds
from sagebuild.requests import build_training_job
from sagebuild.service import Service
from sagebuild.tuning import build_tuning_job

# How far back a model is looked for; a table's query gives up to 1 MB at a time.
_BUILDS_LOOKED_AT = 100


@dataclass(frozen=True)
class TrainingPlan:
    """How the model comes about.

    Parameters
    ----------
    plan
        For the state machine: ``way`` is "train", "tune" or "none", and with it goes the request of that name
        (``training`` or ``tuning``), or ``artifacts``, the S3 address of a trained model.
    record
        For the build's record.
    notes
        What a person should know of it.
    """

    plan: dict[str, Any]
    record: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def plan_training(service: Service, number: int, parameters: BuildParameters) -> TrainingPlan:
    """Choose the way, and write the request that goes with it.

    Raises
    ------
    ParameterError
        There is no image for the training, or no trained model to deploy.
    """
    if not parameters.has_training:
        return _reuse_model(service, parameters)
    image = choose_image(parameters, service.region, "training")
    notes = [image.note] if image.note else []
    if parameters.configtrain == "SAGEMAKERHPO":
        tuning = build_tuning_job(service, number, parameters, image.uri)
        record = {"training_image": image.uri, "tuning_job": name_tuning_job(service, number)}
        return TrainingPlan({"way": "tune", "tuning": tuning}, record, notes)
    training = build_training_job(service, number, parameters, image.uri)
    record = {"training_image": image.uri, "training_job": name_resource(service, number)}
    return TrainingPlan({"way": "train", "training": training}, record, notes)


def _reuse_model(service: Service, parameters: BuildParameters) -> TrainingPlan:
    if parameters.ModelArtifacts:
        artifacts, note = (
            parameters.ModelArtifacts,
            f"Nothing was trained: ModelArtifacts is {parameters.ModelArtifacts}.",
        )
    else:
        artifacts, origin = _find_newest_model(service)
        note = f"Nothing was trained: the model is that of build {origin}, {artifacts}."
    return TrainingPlan({"way": "none", "artifacts": artifacts}, {"artifacts": artifacts}, [note])


def _find_newest_model(service: Service) -> tuple[str, int]:
    for record in list_builds(service, _BUILDS_LOOKED_AT):
        if record.has_succeeded and record.artifacts:
            return record.artifacts, record.number
    raise ParameterError(
        "The document asks for no training (skiptrain true, or train false), and no earlier build has left a model; "
        "train once, or give the S3 address of a model.tar.gz in ModelArtifacts."
    )
