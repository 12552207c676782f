"""First step of a build: every request that it will make, checked before anything costs money."""

from typing import Any

from sagebuild.plan.rollback import plan_build_or_rollback
from sagebuild.service import Service


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Plan the build or rollback whose number the state machine hands in."""
    return plan_build_or_rollback(Service.from_environment(), event["number"])
