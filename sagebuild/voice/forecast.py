"""Predicts how long the running build will take."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from sagebuild.builds.records import list_builds
from sagebuild.service import Service

_COMPARED_BUILDS = 9  # Older builds had other data and other parameters.


@dataclass(frozen=True)
class Estimate:
    """The time that the running build still needs.

    Parameters
    ----------
    seconds_left
        Negative if the build takes longer than earlier builds did; None if no earlier build succeeded.
    awaits_approval
        True if the build waits for approval, so that the time depends on a person.
    """

    number: int
    seconds_left: float | None
    awaits_approval: bool = False


def estimate_time(service: Service) -> Estimate | None:
    """Subtract the elapsed time from the median of the last builds that succeeded; None if no build runs."""
    records = list_builds(service)
    if not records or records[0].has_ended:
        return None
    durations = [record.seconds for record in records if record.has_succeeded][:_COMPARED_BUILDS]
    left = median(durations) - records[0].seconds if durations else None
    return Estimate(records[0].number, left, records[0].awaits_approval)
