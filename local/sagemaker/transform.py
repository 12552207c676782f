"""The operations on transform jobs."""

from moto.sagemaker.exceptions import ResourceInUseException, ValidationError

from local.sagemaker import transform_checks
from local.sagemaker.hosting import HostingOperations
from local.sagemaker.hosting_checks import refuse_data_source
from local.sagemaker.resources import Json, list_page
from local.sagemaker.transform_job import TransformJob


class TransformOperations(HostingOperations):
    """CreateTransformJob and related operations."""

    transform_jobs: dict[str, TransformJob]

    def create_transform_job(self, request: Json) -> Json:
        """Start a transform job."""
        completed = transform_checks.complete(request)
        with self.lock:
            model = self.find_model(request["ModelName"])
            refuse_data_source(model.request, "A transform job")
            if existing := self.transform_jobs.get(request["TransformJobName"]):
                raise ResourceInUseException(
                    message="Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({existing.arn})"
                )
            job = TransformJob(self, completed, model.request)
            self.transform_jobs[job.name] = job
            job.start()
        return {"TransformJobArn": job.arn}

    def describe_transform_job(self, request: Json) -> Json:
        """Describe a transform job."""
        return self._find_transform_job(request).describe()

    def stop_transform_job(self, request: Json) -> Json:
        """Request the stop of a transform job."""
        job = self._find_transform_job(request)
        if not job.stop() and job.has_ended:
            raise ValidationError(
                message=f"The request was rejected because the transform job is in status {job.status}."
            )
        return {}

    def list_transform_jobs(self, request: Json) -> Json:
        """List the transform jobs of the region."""
        summaries, token = list_page(request, list(self.transform_jobs.values()), default_order="Descending")
        return {"TransformJobSummaries": summaries, "NextToken": token}

    def _find_transform_job(self, request: Json) -> TransformJob:
        job = self.transform_jobs.get(request["TransformJobName"])
        if not job:
            raise ValidationError(message=f"Could not find requested job with name: {request['TransformJobName']}")
        return job
