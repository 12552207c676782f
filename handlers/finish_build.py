"""Finishes a build on the status-change event of its execution."""

from datetime import UTC, datetime
from typing import Any

from sagebuild.finish.build import Ending, finish_build
from sagebuild.names import parse_execution_name
from sagebuild.service import Service


def handler(event: dict[str, Any], context: Any) -> None:
    """Finish the build whose execution ended."""
    detail = event["detail"]
    stopped_at = datetime.fromtimestamp(detail["stopDate"] / 1000, UTC)
    ending = Ending(
        detail["status"], detail.get("error") or "", detail.get("cause") or "", stopped_at, detail.get("output") or ""
    )
    pipeline, number = parse_execution_name(detail["name"])
    finish_build(Service.from_environment(pipeline), number, ending, invocation=context.aws_request_id)
