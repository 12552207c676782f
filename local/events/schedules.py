"""Runs rules with a rate schedule, in scaled time."""

import logging
import re
from typing import Any

from local import config
from local.events.bus import describe
from local.messaging.background import Background

_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"rate\((\d+)\s(minute|hour|day)s?\)")
_SHORTEST_SECONDS = 1.0  # limits the load of targets at any time scale
_logger = logging.getLogger(__name__)
_clock = Background("schedules", workers=1)


def start(backend: Any, rule: Any) -> None:
    """Run a rule's schedule until the rule is deleted or replaced."""
    if not rule.scheduled_expression:
        return
    found = _RATE.fullmatch(rule.scheduled_expression)
    if not found:
        _logger.warning(
            "rule %s never runs: local/ supports rate(...) only, not %s", rule.name, rule.scheduled_expression
        )
        return
    seconds = config.scale_seconds(int(found[1]) * _UNITS[found[2]])
    _wait(backend, rule, max(seconds, _SHORTEST_SECONDS))


def _wait(backend: Any, rule: Any, seconds: float) -> None:
    def fire() -> None:
        if backend.event_buses[rule.event_bus_name].rules.get(rule.name) is not rule:
            return
        if rule.state == "ENABLED":
            rule.deliver(_describe(rule))
        _wait(backend, rule, seconds)

    _clock.run(fire, after=seconds)


def _describe(rule: Any) -> dict[str, Any]:
    return describe("aws.events", "Scheduled Event", [rule.arn], {}, rule.region_name)
