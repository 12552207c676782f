"""Every few minutes: what was left of builds that have ended is found and put right."""

import logging
from datetime import datetime
from typing import Any

from sagebuild.finish.sweep import sweep_builds
from sagebuild.service import Service

_log = logging.getLogger("sagebuild")


def handler(event: dict[str, Any], _context: object) -> None:
    """Sweep, as of the time of the schedule's event."""
    for repaired in sweep_builds(Service.from_environment(), datetime.fromisoformat(event["time"])):
        _log.warning("finished again: %s", repaired)
