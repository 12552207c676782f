"""Compares the files of the models with the records of their builds, before a deployment or a transform."""

from typing import Any

from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.verification import verify_models


@logged("Verify Model")
def handler(event: dict[str, Any], _context: object) -> None:
    """Verify the files of all models that the endpoint will serve, or that the batch transform uses."""
    verify_models(Service.from_environment(event["pipeline"]), event["models"])
