"""The model registry: registers each new model, and sets its approval status by the build's outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, read_build, update_build
from sagebuild.errors import AwsUnavailableError, NoApprovalPendingError
from sagebuild.names import name_package_group, name_resource
from sagebuild.notifications.words import VERBS
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.running.job import complete_job, describe_job, job_facts
from sagebuild.service import Service, aws_call, suppress_code
from sagebuild.steps.approval import answer_approval, asks_approval
from sagebuild.steps.package import build_package, describe_package, write_metrics, write_parameters
from sagebuild.steps.package_group import create_package_group

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ModelApprovalStatusType

FOLDER = "registry"  # in the pipeline's folder of the model bucket
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html: length of ApprovalDescription.
_DESCRIPTION_LENGTH = 1024
# The newest pending packages that are searched for one whose ARN was lost.
_PACKAGES_SEARCHED = 20


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


def settle_package(service: Service, record: BuildRecord) -> None:
    """Approve the package of a successful build; reject that of any other build, with the reason. Safe to repeat.

    Parameters
    ----------
    record
        The record with the outcome.
    """
    package = record.model_package or _find_unrecorded(service, record)
    wanted: ModelApprovalStatusType = "Approved" if record.has_succeeded else "Rejected"
    with aws_call(f"set the approval status of the model package of build {record.number}"):
        if not package or _read_approval(service, package) in (wanted, None):
            return
        # The description takes no line breaks.
        description = " ".join(f"Build {record.number} {VERBS[record.status]}. {record.reason}".split())
        service.sagemaker.update_model_package(
            ModelPackageArn=package, ModelApprovalStatus=wanted, ApprovalDescription=description[:_DESCRIPTION_LENGTH]
        )


def answer_from_registry(service: Service, package: str, approved: bool, comment: str) -> BuildRecord | None:
    """Answer the build that waits for approval, if the changed package is its own.

    Returns
    -------
    BuildRecord or None
        The record with the answer; None if no build waited, as after a build has set its own package's status.

    Raises
    ------
    AwsUnavailableError
        The build has not asked for approval yet; the same call succeeds later.
    """
    running = read_state(service).running
    record = read_build(service, running) if running else None
    if record is None or record.model_package != package:
        return None
    try:
        return answer_approval(service, approved, by="model registry", number=record.number, comment=comment)
    except NoApprovalPendingError:
        if _will_ask(service, record):
            raise AwsUnavailableError(f"Build {record.number} has not asked for approval yet.") from None
        return None


def _will_ask(service: Service, record: BuildRecord) -> bool:
    parameters = parse_overridden(record.parameters, record.overrides, service.settings.framework)
    return asks_approval(parameters) and record.status == "running" and not record.approval_until


def _find_unrecorded(service: Service, record: BuildRecord) -> str:
    """Return the package that was registered by a function that died before it recorded the ARN; empty without one."""
    if record.has_succeeded or record.trigger.rollback or not record.model:
        return ""
    with aws_call("list the model packages"):
        answer = service.sagemaker.list_model_packages(
            ModelPackageGroupName=name_package_group(service),
            ModelApprovalStatus="PendingManualApproval",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=_PACKAGES_SEARCHED,
        )
    description = describe_package(service, record.number)
    found = [each for each in answer["ModelPackageSummaryList"] if each.get("ModelPackageDescription") == description]
    return found[0]["ModelPackageArn"] if found else ""


def _read_approval(service: Service, package: str) -> str | None:
    """Return the approval status; None if the package was deleted."""
    with suppress_code("ValidationException"):
        return service.sagemaker.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]
    return None
