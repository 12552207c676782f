"""Applies the schedule of a parameter document, which has changed or whose pipeline starts a build."""

from typing import Any

from sagebuild.launch.schedules import apply_schedule
from sagebuild.log_keys import log_about, logged
from sagebuild.parameters.store import parse_document_name
from sagebuild.service import Service


@logged("Apply Schedule")
def handler(event: dict[str, Any], _context: object) -> None:
    """Apply it for the document in an event of Parameter Store, or for the pipeline that a plan names."""
    stack = Service.from_environment()
    pipeline = event["pipeline"] if "pipeline" in event else parse_document_name(stack, event["detail"]["name"])
    if pipeline is not None:  # otherwise the name only looks like a document's
        with log_about(pipeline):
            apply_schedule(stack.for_pipeline(pipeline))
