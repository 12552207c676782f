"""Registers the model that a build has made in the model registry."""

from typing import Any

from sagebuild.service import Service
from sagebuild.steps.registry import register_model


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Register what the state machine hands in; the answer is the package's ARN."""
    return {"package": register_model(Service.from_environment(), event)}
