"""Plans a build: builds and checks all its requests before anything costs money."""

from typing import Any

from sagebuild.plan.rollback import plan_build_or_rollback
from sagebuild.service import Service


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Plan a build or a rollback by its number."""
    return plan_build_or_rollback(Service.from_environment(), event["number"])
