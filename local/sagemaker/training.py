"""The operations on training jobs."""

import re

from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError

from local.sagemaker import checkpoints, training_channels
from local.sagemaker.resources import CONTAINER_BASE, Json, Store, check_role, list_page, refuse
from local.sagemaker.training_job import TrainingJob

# What else lies below /opt/ml.
_OCCUPIED = tuple(f"{CONTAINER_BASE}{name}" for name in ("input", "model", "output", "code"))
_MAX_RUNTIME_SECONDS = 86_400  # AWS's default


class TrainingOperations(Store):
    """CreateTrainingJob and its siblings."""

    training_jobs: dict[str, TrainingJob]

    def create_training_job(self, request: Json) -> Json:
        """Start a training."""
        check_request(request)
        check_role(request["RoleArn"])
        limits = {"MaxRuntimeInSeconds": _MAX_RUNTIME_SECONDS, **(request.get("StoppingCondition") or {})}
        with self.lock:
            if existing := self.training_jobs.get(request["TrainingJobName"]):
                raise ResourceInUseException(
                    message="Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({existing.arn})"
                )
            job = TrainingJob(self, {**request, "StoppingCondition": limits})
            self.training_jobs[job.name] = job
            job.start()
        return {"TrainingJobArn": job.arn}

    def describe_training_job(self, request: Json) -> Json:
        """All that is known of a job."""
        return self._find_job(request).describe()

    def stop_training_job(self, request: Json) -> Json:
        """Begin to stop a job."""
        job = self._find_job(request)
        if not job.stop() and job.has_ended:
            raise ValidationError(
                message=f"The request was rejected because the training job is in status {job.status}."
            )
        return {}

    def delete_training_job(self, request: Json) -> Json:
        """Forget a job that has ended."""
        with self.lock:
            job = self.training_jobs.get(request["TrainingJobName"])
            if not job:
                raise ResourceNotFound(message="Requested resource not found.")
            if not job.has_ended:
                raise ResourceInUseException(message=f"The training job {job.name} is in status {job.status}.")
            del self.training_jobs[job.name]
        return {}

    def list_training_jobs(self, request: Json) -> Json:
        """The jobs of a region."""
        jobs = list(self.training_jobs.values())
        summaries, token = list_page(request, jobs, default_order="Ascending")
        return {"TrainingJobSummaries": summaries, "NextToken": token}

    def _find_job(self, request: Json) -> TrainingJob:
        job = self.training_jobs.get(request["TrainingJobName"])
        if not job:
            raise ValidationError(message="Requested resource not found.")
        return job


def check_request(request: Json) -> None:
    """Refuse by name what this engine cannot do of a training job."""
    refuse(request, ("ServerlessJobConfig", "SessionChainingConfig"), "a training job")
    algorithm: Json = request.get("AlgorithmSpecification") or {}
    refuse(algorithm, ("AlgorithmName", "ContainerEntrypoint", "ContainerArguments"), "AlgorithmSpecification")
    if not algorithm.get("TrainingImage"):
        raise ValidationError(message="AlgorithmSpecification must name a TrainingImage.")
    for definition in algorithm.get("MetricDefinitions") or []:
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise ValidationError(message=f"The regex of metric {definition['Name']} is invalid: {error}") from error
    resources: Json = request.get("ResourceConfig") or {}
    refuse(resources, ("InstanceGroups",), "ResourceConfig")
    if int(resources.get("InstanceCount") or 1) > 1:
        raise ValidationError(message="local/ trains on one instance: InstanceCount must be 1.")
    if (request["OutputDataConfig"].get("CompressionType") or "GZIP") != "GZIP":
        raise ValidationError(message="local/ does not support CompressionType NONE of OutputDataConfig.")
    _check_checkpoints(request.get("CheckpointConfig") or {})
    for channel in training_channels.read(request):
        channel.check()


def _check_checkpoints(asked: Json) -> None:
    path = asked.get("LocalPath") or checkpoints.DEFAULT_PATH
    if not path.startswith(CONTAINER_BASE) or path.startswith(_OCCUPIED):
        raise ValidationError(
            message=f"local/ keeps checkpoints in a folder of their own below {CONTAINER_BASE}, not in {path}."
        )
