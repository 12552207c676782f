"""The builds of a pipeline for a table that a person pages, filters and searches, with the live model beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sagebuild.builds.records import BuildRecord, list_builds
from sagebuild.names import parse_resource_name
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service
from sagebuild.steps.gate import find_config_metrics

_BATCH = 100  # records read at once
# A search that finds little stops after so many records and says where; the next one goes on from there.
MOST_SEARCHED = 2000


@dataclass(frozen=True)
class BuildFilter:
    """Which builds to list.

    Parameters
    ----------
    text
        A text in the number, trigger, reason, commit, overrides or metrics' names, in any case; empty: all.
    outcome
        A status, such as "failed"; empty: all.
    before
        Only builds with a lower number; 0: all.
    """

    text: str = ""
    outcome: str = ""
    before: int = 0

    def matches(self, record: BuildRecord) -> bool:
        """Return False when a build is not in the list."""
        return (not self.outcome or record.status == self.outcome) and self.text.lower() in _collect_text(record)


@dataclass(frozen=True)
class FoundBuilds:
    """A page of builds, newest first.

    Parameters
    ----------
    older
        The value of `BuildFilter.before` for the next page; 0 if there are no older builds.
    """

    records: tuple[BuildRecord, ...]
    older: int


@dataclass(frozen=True)
class LiveModel:
    """The endpoint and the model that it serves.

    Parameters
    ----------
    number
        The build that made its configuration; None without an endpoint, or if no build of the pipeline made it.
    metrics
        Of the live model.
    """

    endpoint: Endpoint | None
    number: int | None
    metrics: Mapping[str, float]


def find_builds(service: Service, wanted: BuildFilter, limit: int = 50) -> FoundBuilds:
    """List the builds that match, without reading more than is needed to fill the page."""
    found: list[BuildRecord] = []
    for number, record in enumerate(_read_records(service, wanted.before), 1):
        if wanted.matches(record):
            found.append(record)
        if len(found) == limit or number == MOST_SEARCHED:
            return FoundBuilds(tuple(found), record.number if record.number > 1 else 0)
    return FoundBuilds(tuple(found), 0)


def read_live_model(service: Service) -> LiveModel:
    """Read which model is live."""
    endpoint = describe_endpoint(service)
    if endpoint is None:
        return LiveModel(None, None, {})
    metrics = find_config_metrics(service, endpoint.config) or {}
    return LiveModel(endpoint, parse_resource_name(service, endpoint.config), metrics)


def _read_records(service: Service, before: int) -> Iterator[BuildRecord]:
    while records := list_builds(service, _BATCH, before):
        yield from records
        before = records[-1].number


def _collect_text(record: BuildRecord) -> str:
    trigger = f"{record.trigger.kind} {record.trigger.detail}"
    commits = f"{record.project_commit} {record.source_commit}"
    metrics = " ".join(record.metrics)
    words = (str(record.number), record.status, trigger, record.reason, commits, record.overrides, metrics)
    return " ".join(words).lower()
