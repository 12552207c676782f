"""Plans a build: builds and checks all its requests before anything costs money."""

from typing import Any

from sagebuild.log_keys import logged
from sagebuild.plan.dispatch import plan_input
from sagebuild.service import Service


@logged("Plan Build")
def handler(event: dict[str, Any], _context: object) -> Any:
    """Plan the build or rollback of an execution's input."""
    return plan_input(Service.from_environment(), event)
