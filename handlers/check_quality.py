"""Compares the model's metrics with the quality gate, before anything is deployed."""

from dataclasses import asdict
from typing import Any

from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.gate import check_quality


@logged("Check Quality")
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Check a build's model; return whether it passed (``met``), and if not why."""
    return asdict(check_quality(Service.from_environment(event["pipeline"]), event))
