"""Asks people whether a model may be deployed; the build waits until somebody answers."""

from typing import Any

from sagebuild.builds.records import now
from sagebuild.service import Service
from sagebuild.steps.approval import request_approval


def handler(event: dict[str, Any], _context: object) -> None:
    """Ask for the build that the state machine hands in, with the token that it waits with."""
    service = Service.from_environment()
    request_approval(service, event["number"], event["token"], event["seconds"], event["execution"], now())
