"""Finds unfinished builds every ten minutes, and finishes them."""

import logging
from datetime import datetime
from typing import Any

from sagebuild.finish.sweep import sweep_builds
from sagebuild.service import Service

_log = logging.getLogger("sagebuild")


def handler(event: dict[str, Any], _context: object) -> None:
    """Sweep at the time of the schedule's event."""
    for reason in sweep_builds(Service.from_environment(), datetime.fromisoformat(event["time"])):
        _log.warning("finished again: %s", reason)
