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
        The newest build with metrics that was not stopped; None if there is none.
    other
        The build to compare with; None if there is none, `number` if the newest build is itself the live one.
    metrics
        Each shared metric: its value in `other`, and in `number`.
    """

    number: int | None
    other: int | None
    metrics: dict[str, tuple[float, float]]


def compare_builds(service: Service, *, with_live: bool) -> Comparison:
    """Compare the newest build with metrics with the build before it that has any, or with the live build."""
    records = list_builds(service, limit=50)
    # A stopped training has not reached its final metrics.
    measured = [record for record in records if record.metrics and record.status != "stopped"]
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
    """Find the build whose endpoint configuration was live when the last build ended.

    A rollback has no configuration of its own, so it is never that build.
    """
    live = next((record.live_after for record in records if record.has_ended), "")
    builds = (record for record in records if not record.trigger.rollback)
    return next((record for record in builds if live and record.endpoint_config == live), None)
