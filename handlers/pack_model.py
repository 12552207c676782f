"""Puts the serving script into the trained model's archive, where some containers look for it alone."""

from typing import Any

from sagebuild.service import Service
from sagebuild.steps.packing import pack_model


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Pack what the state machine hands in; the answer is where the result lies."""
    packed = pack_model(Service.from_environment(), event["artifacts"], event["source"], event["target"])
    return {"artifacts": packed}
