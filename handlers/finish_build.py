"""Finishes a build on the status-change event of its execution."""

from typing import Any

from sagebuild.deadline import Deadline
from sagebuild.finish.event import finish_execution
from sagebuild.log_keys import logged
from sagebuild.service import Service


@logged("Finish Build")
def handler(event: dict[str, Any], context: Any) -> None:
    """Finish the build whose execution ended."""
    deadline = Deadline.of_function(context)
    finish_execution(Service.from_environment(), event["detail"], context.aws_request_id, deadline=deadline)
