"""Answers a build that waits for approval when its model package's approval status changes."""

import logging
from typing import Any

from sagebuild.service import Service
from sagebuild.steps.registry import answer_from_registry

_log = logging.getLogger("sagebuild")


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer the build whose package was approved or rejected, if it waits for approval."""
    detail = event["detail"]
    approved = detail["ModelApprovalStatus"] == "Approved"
    comment = detail.get("ApprovalDescription") or ""
    record = answer_from_registry(Service.from_environment(), detail["ModelPackageArn"], approved, comment)
    if record:
        _log.warning("build %s was %s by the model registry", record.number, record.approval)
