"""The operations on processing jobs."""

from moto.sagemaker.exceptions import ResourceInUseException, ValidationError

from local.sagemaker import processing_checks
from local.sagemaker.processing_job import ProcessingJob
from local.sagemaker.resources import Json, Store, check_role, list_page


class ProcessingOperations(Store):
    """CreateProcessingJob and related operations."""

    processing_jobs: dict[str, ProcessingJob]

    def create_processing_job(self, request: Json) -> Json:
        """Start a processing job."""
        completed = processing_checks.complete(request)
        check_role(request["RoleArn"])
        with self.lock:
            if existing := self.processing_jobs.get(request["ProcessingJobName"]):
                raise ResourceInUseException(
                    message="Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({existing.arn})"
                )
            job = ProcessingJob(self, completed)
            self.processing_jobs[job.name] = job
            job.start()
        return {"ProcessingJobArn": job.arn}

    def describe_processing_job(self, request: Json) -> Json:
        """Describe a processing job."""
        return self._find_processing_job(request).describe()

    def stop_processing_job(self, request: Json) -> Json:
        """Request the stop of a processing job."""
        job = self._find_processing_job(request)
        if not job.stop() and job.has_ended:
            raise ValidationError(
                message=f"The request was rejected because the processing job is in status {job.status}."
            )
        return {}

    def delete_processing_job(self, request: Json) -> Json:
        """Delete a processing job that has ended."""
        with self.lock:
            job = self._find_processing_job(request)
            if not job.has_ended:
                raise ResourceInUseException(message=f"The processing job {job.name} is in status {job.status}.")
            del self.processing_jobs[job.name]
        return {}

    def list_processing_jobs(self, request: Json) -> Json:
        """List the processing jobs of the region."""
        summaries, token = list_page(request, list(self.processing_jobs.values()), default_order="Descending")
        return {"ProcessingJobSummaries": summaries, "NextToken": token}

    def _find_processing_job(self, request: Json) -> ProcessingJob:
        job = self.processing_jobs.get(request["ProcessingJobName"])
        if not job:
            raise ValidationError(message=f"Could not find requested job with name: {request['ProcessingJobName']}")
        return job
