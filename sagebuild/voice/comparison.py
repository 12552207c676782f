"""Compares a build's metrics with those of the build before it, or of the one that is live."""

from __future__ import annotations

from dataclasses import dataclass

from sagebuild.builds.records import BuildRecord, list_builds
from sagebuild.service import Service


@dataclass(frozen=True)
class Comparison:
    """Two builds' metrics.

    Parameters
    ----------
    number
        The newest build that has metrics.
    other
        The build that it is compared with; None if there is none, `number` if it is that one itself.
    metrics
        Each metric that both have: the value of `other`, and that of `number`.
    """

    number: int | None
    other: int | None
    metrics: dict[str, tuple[float, float]]


def compare_builds(service: Service, *, with_live: bool) -> Comparison:
    """Compare the newest build that has metrics with the last one before it that has, or with the live one."""
    records = list_builds(service, limit=50)
    measured = [record for record in records if record.metrics]
    if not measured:
        return Comparison(None, None, {})
    newest = measured[0]
    other = _find_live(records) if with_live else next(iter(measured[1:]), None)
    if other is None:
        return Comparison(newest.number, None, {})
    shared = sorted(newest.metrics.keys() & other.metrics.keys())
    return Comparison(
        newest.number, other.number, {name: (other.metrics[name], newest.metrics[name]) for name in shared}
    )


def _find_live(records: list[BuildRecord]) -> BuildRecord | None:
    """The build whose endpoint configuration the last one that ended has found live; a rollback has none of its own."""
    live = next((record.live_after for record in records if record.has_ended), "")
    builds = (record for record in records if not record.trigger.rollback)
    return next((record for record in builds if live and record.endpoint_config == live), None)
