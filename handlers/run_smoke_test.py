"""Sends the sample request to the live endpoint; an unexpected answer fails the build."""

from typing import Any

from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.smoke_test import run_smoke_test


@logged("Run Smoke Test")
def handler(event: dict[str, Any], _context: object) -> None:
    """Run a smoke test."""
    run_smoke_test(Service.from_environment(event.get("pipeline", "")), event)
