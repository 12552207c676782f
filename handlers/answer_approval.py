"""Takes a change of a model package's approval status for the answer that a build waits for."""

import logging
from typing import Any

from sagebuild.service import Service
from sagebuild.steps.registry import answer_from_registry

_log = logging.getLogger("sagebuild")


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer the build whose package was approved or rejected, if it waits for that."""
    detail = event["detail"]
    approved = detail["ModelApprovalStatus"] == "Approved"
    comment = detail.get("ApprovalDescription") or ""
    record = answer_from_registry(Service.from_environment(), detail["ModelPackageArn"], approved, comment)
    if record:
        _log.warning("build %s was %s by the model registry", record.number, record.approval)
