"""The approval status of model packages: set by a build's outcome, and an answer to a build that waits for approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.errors import AwsUnavailableError, NoApprovalPendingError
from sagebuild.names import name_package_group
from sagebuild.notifications.words import VERBS
from sagebuild.service import Service, aws_call, suppress_code
from sagebuild.steps.approval import answer_approval, asks_approval
from sagebuild.steps.package_group import describe_package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ModelApprovalStatusType

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html: length of ApprovalDescription.
_DESCRIPTION_LENGTH = 1024
# The newest pending packages that are searched for one whose ARN was lost.
_PACKAGES_SEARCHED = 20


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
    from sagebuild.parameters.overrides import parse_overridden  # the end of a build needs no models

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
