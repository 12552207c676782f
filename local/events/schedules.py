"""Runs schedules in scaled time: those of rules, and those of EventBridge Scheduler.

From its start, a schedule's clock runs faster by the time scale: at scale 60, rate(1 hour) is one minute here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local import config
from local.events.bus import describe
from local.events.expressions import Timetable, parse
from local.messaging.background import Background

_SHORTEST_SECONDS = 1.0  # limits the load of targets at any time scale
_clock = Background("schedules", workers=1)


@dataclass(frozen=True)
class Run:
    """A running schedule.

    Parameters
    ----------
    timetable
        The times.
    fire
        Called at each time with that time.
    is_current
        Returns False when the schedule was deleted or replaced; the run then ends.
    finish
        Called after the last time.
    """

    timetable: Timetable
    fire: Callable[[datetime], object]
    is_current: Callable[[], bool]
    finish: Callable[[], object] = lambda: None
    _begin: float = field(default_factory=time.monotonic, init=False)
    _begin_at: datetime = field(default_factory=lambda: datetime.now(UTC), init=False)

    def start(self, *, at_once: bool = False) -> None:
        """Wait for the first time, or fire at once and wait for the next one."""
        if at_once:
            _clock.run(lambda: self._fire(self._begin_at))
        else:
            self._wait(self._begin_at)

    def _wait(self, after: datetime) -> None:
        at = self.timetable.find_next(after)
        if at is None:
            self.finish()
            return
        due = self._begin + config.scale_seconds((at - self._begin_at).total_seconds())
        _clock.run(lambda: self._fire(at), after=max(due - time.monotonic(), _SHORTEST_SECONDS))

    def _fire(self, at: datetime) -> None:
        if self.is_current():
            self.fire(at)
            self._wait(at)


def start(backend: Any, rule: Any) -> None:
    """Run a rule's schedule until the rule is deleted or replaced."""
    if not rule.scheduled_expression:
        return
    timetable = parse(rule.scheduled_expression)

    def fire(at: datetime) -> None:
        if rule.state == "ENABLED":
            event = describe("aws.events", "Scheduled Event", [rule.arn], {}, rule.region_name)
            rule.deliver(event | {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}"})

    Run(timetable, fire, lambda: backend.event_buses[rule.event_bus_name].rules.get(rule.name) is rule).start()
