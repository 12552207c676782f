"""The operations on tuning jobs."""

from typing import Any

from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError

from local.sagemaker import training, training_checks, tuning_checks
from local.sagemaker.resources import Json, check_role, list_page
from local.sagemaker.tuning_job import TuningJob


class TuningOperations(training.TrainingOperations):
    """CreateHyperParameterTuningJob and related operations."""

    hyper_parameter_tuning_jobs: dict[str, TuningJob]

    def create_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """Start a tuning job."""
        tuning_checks.check_request(request)
        check_role(request["TrainingJobDefinition"]["RoleArn"])
        with self.lock:
            # The case of the name does not count:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
            by_name = {name.lower(): job for name, job in self.hyper_parameter_tuning_jobs.items()}
            if existing := by_name.get(request["HyperParameterTuningJobName"].lower()):
                raise ResourceInUseException(
                    message="Tuning job name must be unique within an AWS account and region, and a job with this "
                    f"name already exists ({existing.arn})"
                )
            job = TuningJob(self, request, self._find_parents(request))
            # All trainings have this form, so an invalid one is refused now.
            training_checks.check_request(job.build_training({}))
            self.hyper_parameter_tuning_jobs[job.name] = job
            job.start()
        return {"HyperParameterTuningJobArn": job.arn}

    def describe_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """Describe a tuning job."""
        return self._find_tuning_job(request["HyperParameterTuningJobName"]).describe()

    def stop_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """Request the stop of a tuning job and its trainings."""
        job = self._find_tuning_job(request["HyperParameterTuningJobName"])
        if not job.stop() and job.has_ended:
            raise ValidationError(message=f"The request was rejected because the tuning job is in status {job.status}.")
        return {}

    def delete_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """Delete a tuning job that has ended; its training jobs are kept."""
        with self.lock:
            job = self._find_tuning_job(request["HyperParameterTuningJobName"])
            if not job.has_ended:
                raise ResourceInUseException(message=f"The tuning job {job.name} is in status {job.status}.")
            del self.hyper_parameter_tuning_jobs[job.name]
        return {}

    def list_hyper_parameter_tuning_jobs(self, request: Json) -> Json:
        """List the tuning jobs of the region."""
        jobs = list(self.hyper_parameter_tuning_jobs.values())
        summaries, token = list_page({"SortBy": "Name", **request}, jobs, default_order="Ascending")
        return {"HyperParameterTuningJobSummaries": summaries, "NextToken": token}

    def list_training_jobs_for_hyper_parameter_tuning_job(self, request: Json) -> Json:
        """List the trainings of a tuning job; if sorted by the objective, trainings without a value are left out."""
        trials = list(self._find_tuning_job(request["HyperParameterTuningJobName"]).trials)
        if request.get("SortBy") == "FinalObjectiveMetricValue":
            trials = [trial for trial in trials if trial.objective_status == "Succeeded"]
        by_objective: dict[str, Any] = {"FinalObjectiveMetricValue": lambda trial: trial.objective_value}
        request = {"SortBy": "Name", **request}
        summaries, token = list_page(request, trials, default_order="Ascending", more_keys=by_objective)
        return {"TrainingJobSummaries": summaries, "NextToken": token}

    def _find_parents(self, request: Json) -> list[TuningJob]:
        config = request.get("WarmStartConfig")
        if not config:
            return []
        names = [parent["HyperParameterTuningJobName"] for parent in config["ParentHyperParameterTuningJobs"]]
        parents = [self._find_tuning_job(name) for name in names]
        tuning_checks.check_parents(request, list(parents))
        return parents

    def _find_tuning_job(self, name: str) -> TuningJob:
        job = self.hyper_parameter_tuning_jobs.get(name)
        if not job:
            raise ResourceNotFound(message=f"Could not find the hyperparameter tuning job {name}.")
        return job
