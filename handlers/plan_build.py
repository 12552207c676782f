"""First step of a build: every request that it will make, checked before anything costs money."""

from typing import Any

from sagebuild.plan import plan_build
from sagebuild.service import Service


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Plan the build whose number the state machine hands in."""
    return plan_build(Service.from_environment(), event["number"])
