"""The summary of a pipeline in its state: the newest build that has ended, and the live build.

So one query of the states lists all pipelines, without reading records and endpoints of each.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.errors import BuildNotFoundError
from sagebuild.names import parse_resource_name
from sagebuild.service import Service


@dataclass(frozen=True)
class Summary:
    """What was known of a pipeline when its newest build ended.

    Parameters
    ----------
    number
        The newest build that has ended.
    outcome
        Its outcome: "succeeded", "failed", "stopped" or "withheld".
    ended_at
        When it ended; ISO 8601 in UTC.
    cost
        The estimated cost of its training in US dollars; None without a known price.
    live
        The build whose model the endpoint served after that; None without an endpoint.
    live_since
        When the live build ended; empty without an endpoint.
    endpoint_hourly_cost
        The estimated cost of the endpoint in US dollars; None without an endpoint or a known price.
    """

    number: int
    outcome: str
    ended_at: str
    cost: float | None = None
    live: int | None = None
    live_since: str = ""
    endpoint_hourly_cost: float | None = None


def summarize(service: Service, record: BuildRecord) -> Summary:
    """Summarize a pipeline after its newest ended build, whose record says which configuration is live."""
    summary = Summary(record.number, record.status, record.ended_at, record.cost)
    live = parse_resource_name(service, record.live_after) if record.live_after else None
    if live is None:
        return summary
    found = record if live == record.number else _find_build(service, live)
    since, cost = (found.ended_at, found.endpoint_hourly_cost) if found else ("", None)
    return Summary(record.number, record.status, record.ended_at, record.cost, live, since, cost)


def _find_build(service: Service, number: int) -> BuildRecord | None:
    try:
        return read_build(service, number)
    except BuildNotFoundError:
        return None
