"""Plans a build: builds and checks all its requests before anything costs money."""

from typing import Any

from sagebuild.plan.dispatch import plan
from sagebuild.service import Service


def handler(event: dict[str, Any], _context: object) -> Any:
    """Plan a build or a rollback by its number."""
    return plan(Service.from_environment(event.get("pipeline", "")), event["number"])
