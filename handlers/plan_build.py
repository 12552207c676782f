"""First step of a build: write every request and check it before anything costs money."""

from typing import Any

from sagebuild.plan.dispatch import plan
from sagebuild.service import Service


def handler(event: dict[str, Any], _context: object) -> Any:
    """Plan the build or rollback whose number the state machine passes in."""
    return plan(Service.from_environment(), event["number"])
