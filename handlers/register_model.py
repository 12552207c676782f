"""Registers a build's model in the model registry."""

from typing import Any

from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.registry import register_model


@logged("Register Model")
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Register a model; return the ARN of its package."""
    return {"package": register_model(Service.from_environment(event["pipeline"]), event)}
