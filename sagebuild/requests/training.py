"""Plans how a build gets its model: from a training job, a tuning job, or an earlier training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_resource, name_tuning_job
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import Bodies, build_endpoint_config, build_model, build_training_job
from sagebuild.requests.earlier_model import find_earlier_model, find_etag
from sagebuild.requests.processing import build_step_jobs
from sagebuild.requests.transform import build_transform_job
from sagebuild.requests.tuning import build_tuning_job
from sagebuild.service import Service

Mode = Literal["train", "tune", "none"]


@dataclass(frozen=True)
class TrainingPlan:
    """Where the model comes from.

    Parameters
    ----------
    record
        Attributes for the build's record.
    notes
        Sentences for the user.
    artifacts
        The S3 address of the model in mode "none": an archive, or a folder that ends in a slash. Empty for an image
        that brings its own model.
    """

    mode: Mode
    record: dict[str, Any]
    notes: tuple[str, ...] = ()
    artifacts: str | None = None


def build_bodies(
    context: BuildContext[BuildParameters], training_image: str | None, serving_image: str | None
) -> Bodies:
    """Build the bodies of a build's SageMaker requests; build, doctor and cost estimate all use this function.

    Parameters
    ----------
    training_image, serving_image
        Image addresses. None leaves the image out of the request: none was found, or none is needed.

    Returns
    -------
    dict
        ``model`` and ``endpointConfig``, ``training`` or ``tuning`` if the build trains, and ``processing:NAME`` for
        each processing or evaluation job, and ``transform`` for a batch transform.

    Raises
    ------
    ParameterError
        The training has an option that the trainings of a tuning job cannot have.
    """
    bodies: Bodies = {}
    if find_mode(context.parameters) == "tune":
        bodies["tuning"] = build_tuning_job(context, training_image)
    elif find_mode(context.parameters) == "train":
        bodies["training"] = build_training_job(context, training_image)
    bodies |= build_step_jobs(context)
    if job := context.parameters.batchtransform:
        bodies["transform"] = build_transform_job(context, job)
    return bodies | {
        "model": build_model(context, serving_image),
        "endpointConfig": build_endpoint_config(context, serving_image),
    }


def find_mode(parameters: BuildParameters) -> Mode:
    """Return whether the build runs a training job, a tuning job, or neither."""
    if not parameters.has_training:
        return "none"
    return "tune" if parameters.configtrain == "SAGEMAKERHPO" else "train"


def plan_training(context: BuildContext[BuildParameters], image: str | None) -> TrainingPlan:
    """Plan where the model comes from.

    Parameters
    ----------
    image
        The address of the training image; None if none was found or none is needed.

    Raises
    ------
    ParameterError
        There is no trained model to deploy.
    """
    mode = find_mode(context.parameters)
    if mode == "none":
        return _reuse_model(context.service, context.parameters)
    name = name_tuning_job if mode == "tune" else name_resource
    job = "tuning_job" if mode == "tune" else "training_job"
    return TrainingPlan(mode, {"training_image": image or "", job: name(context.service, context.number)})


def _reuse_model(service: Service, parameters: BuildParameters) -> TrainingPlan:
    if parameters.brings_model:
        return TrainingPlan("none", {"artifacts": ""}, ("Nothing was trained: the container brings its model.",), "")
    artifacts = parameters.ModelArtifacts
    if artifacts and getattr(parameters, "hubsecret", None):
        note = f"Nothing was trained: the build copies {getattr(parameters, 'hubmodel', '')} from the Hugging Face hub."
        return TrainingPlan("none", {"artifacts": artifacts}, (note,), artifacts)
    if artifacts:
        note = f"Nothing was trained: ModelArtifacts is {artifacts}."
        etag = find_etag(service, artifacts)
    else:
        earlier = find_earlier_model(service, parameters)
        artifacts, etag = earlier.artifacts, find_etag(service, earlier.artifacts)
        note = f"Nothing was trained: the model is from build {earlier.number}, {artifacts}."
    return TrainingPlan("none", {"artifacts": artifacts, "artifacts_etag": etag}, (note,), artifacts)
