"""Requests approval to deploy a model; the build waits for the answer."""

from typing import Any

from sagebuild.builds.records import now
from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.approval import request_approval


@logged("Ask For Approval")
def handler(event: dict[str, Any], _context: object) -> None:
    """Store the token of the waiting task, and publish the request."""
    service = Service.from_environment(event["pipeline"])
    request_approval(service, event["number"], event["token"], event["seconds"], event["execution"], now())
