"""Answers a build that waits for approval when its model package's approval status changes."""

import logging
from typing import Any

from sagebuild.builds.pipelines import find_pipeline
from sagebuild.log_keys import log_about, logged
from sagebuild.names import parse_package_group
from sagebuild.service import Service
from sagebuild.steps.package_status import answer_from_registry

_log = logging.getLogger("sagebuild")


@logged("Answer Approval")
def handler(event: dict[str, Any], _context: object) -> None:
    """Answer the build whose package was approved or rejected, if it waits for approval."""
    detail, stack = event["detail"], Service.from_environment()
    service = find_pipeline(stack, parse_package_group(stack, detail["ModelPackageGroupName"]))
    if service is None:  # the group of another stack, whose name begins like this one's
        return
    approved = detail["ModelApprovalStatus"] == "Approved"
    comment = detail.get("ApprovalDescription") or ""
    record = answer_from_registry(service, detail["ModelPackageArn"], approved, comment)
    if record:
        with log_about(service.pipeline, record.number):
            _log.warning("%s: build %s was %s by the model registry", service.label, record.number, record.approval)
