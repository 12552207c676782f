"""Sends the sample request to the live endpoint; a wrong answer fails the build."""

from typing import Any

from sagebuild.service import Service
from sagebuild.steps.smoke_test import run_smoke_test


def handler(event: dict[str, Any], _context: object) -> None:
    """Run the smoke test that the state machine hands in."""
    run_smoke_test(Service.from_environment(), event)
