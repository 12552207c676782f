"""The operations on training jobs."""

from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError

from local.sagemaker.resources import Json, Store, check_role, list_page, refuse
from local.sagemaker.training_checks import MAX_RUNTIME_SECONDS, check_request
from local.sagemaker.training_job import TrainingJob


class TrainingOperations(Store):
    """CreateTrainingJob and related operations."""

    training_jobs: dict[str, TrainingJob]

    def create_training_job(self, request: Json) -> Json:
        """Start a training job."""
        check_request(request)
        check_role(request["RoleArn"])
        limits = {"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS, **(request.get("StoppingCondition") or {})}
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
        """Describe a job."""
        return self._find_job(request).describe()

    def stop_training_job(self, request: Json) -> Json:
        """Request the stop of a job."""
        job = self._find_job(request)
        if not job.stop() and job.has_ended:
            raise ValidationError(
                message=f"The request was rejected because the training job is in status {job.status}."
            )
        return {}

    def delete_training_job(self, request: Json) -> Json:
        """Delete a job that has ended."""
        with self.lock:
            job = self.training_jobs.get(request["TrainingJobName"])
            if not job:
                raise ResourceNotFound(message="Requested resource not found.")
            if not job.has_ended:
                raise ResourceInUseException(message=f"The training job {job.name} is in status {job.status}.")
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteTrainingJob.html
            if job.has_warm_pool:
                raise ResourceInUseException(message=f"The training job {job.name} retains an Available warm pool.")
            del self.training_jobs[job.name]
        return {}

    def update_training_job(self, request: Json) -> Json:
        """Change the keep-alive period of a job's warm pool."""
        job = self._find_job(request)
        refuse(request, ("ProfilerConfig", "ProfilerRuleConfigurations", "RemoteDebugConfig"), "UpdateTrainingJob")
        seconds = (request.get("ResourceConfig") or {}).get("KeepAlivePeriodInSeconds")
        if seconds is None or not job.keep_alive(seconds):
            raise ValidationError(message=f"The training job {job.name} has no warm pool to update.")
        return {"TrainingJobArn": job.arn}

    def list_training_jobs(self, request: Json) -> Json:
        """List the jobs of the region."""
        jobs = list(self.training_jobs.values())
        summaries, token = list_page(request, jobs, default_order="Ascending")
        return {"TrainingJobSummaries": summaries, "NextToken": token}

    def _find_job(self, request: Json) -> TrainingJob:
        job = self.training_jobs.get(request["TrainingJobName"])
        if not job:
            raise ValidationError(message="Requested resource not found.")
        return job
