"""The model registry: registers each new model, pending approval; `package_status` sets its approval status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sagebuild.builds.records import read_build, update_build
from sagebuild.names import name_resource
from sagebuild.running.job import complete_job, describe_job, job_facts
from sagebuild.service import Service, aws_call
from sagebuild.steps.package import build_package, write_metrics, write_parameters
from sagebuild.steps.package_group import create_package_group
from sagebuild.steps.package_status import settle_package

FOLDER = "registry"  # in the pipeline's folder of the model bucket


def register_model(service: Service, request: Mapping[str, Any]) -> str:
    """Register a build's model, pending approval. Safe to repeat.

    The end of the build approves or rejects the package, or the user does if the build waits for approval.

    Parameters
    ----------
    request
        The request of `build_package`, and the build's ``number``.

    Returns
    -------
    str
        The ARN of the model package.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    """
    record = read_build(service, request["number"])
    if job := describe_job(service, record):
        record = replace(record, **job_facts(complete_job(service, job), record.evaluation_metrics))
    bucket, key = service.settings.model_bucket, f"{service.folder}{FOLDER}/{name_resource(service, record.number)}"
    with aws_call(f"write s3://{bucket}/{key}"):
        for name, text in (("metrics", write_metrics(record.metrics)), ("parameters", write_parameters(record))):
            service.s3.put_object(
                Bucket=bucket, Key=f"{key}/{name}.json", Body=text.encode(), ContentType="application/json"
            )
    body = build_package(service, record, request, f"s3://{bucket}/{key}")
    create_package_group(service)  # unless it exists; a user may have deleted it
    with aws_call(f"register the model of build {record.number}"):
        package = service.sagemaker.create_model_package(**body)["ModelPackageArn"]
    update_build(service, record.number, model_package=package)
    latest = read_build(service, record.number)
    if latest.has_ended:
        # The build was stopped before it had a package.
        settle_package(service, latest)
    return package
