"""Holds what the model has measured against what is asked, before anything is deployed."""

from dataclasses import asdict
from typing import Any

from sagebuild.service import Service
from sagebuild.steps.gate import check_quality


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Check the build that the state machine hands in; the answer says whether it is met, and if not why."""
    return asdict(check_quality(Service.from_environment(), event))
