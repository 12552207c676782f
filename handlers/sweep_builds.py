"""Finds unfinished builds every ten minutes, and finishes them."""

from datetime import datetime
from typing import Any

from sagebuild.finish.sweep import sweep_builds
from sagebuild.log_keys import logged
from sagebuild.service import Service


@logged("Sweep Builds")
def handler(event: dict[str, Any], _context: object) -> None:
    """Sweep at the time of the schedule's event."""
    sweep_builds(Service.from_environment(), datetime.fromisoformat(event["time"]))
