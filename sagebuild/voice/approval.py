"""The build that waits for a person's yes, as it is asked about by voice: one metric, what is live, and the cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sagebuild.builds.records import BuildRecord
from sagebuild.cost.spent import describe_cost
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.service import Service
from sagebuild.steps.approval import find_waiting


@dataclass(frozen=True)
class Waiting:
    """A build that waits for a yes or a no.

    Parameters
    ----------
    metric
        The one that the gate looks at, or the first; empty if the training told none.
    value, live
        What it is of the new model, and of the one that is live, where that is known.
    spent
        What its training has cost, in US dollars; None if no price is known.
    until
        When it is too late for a yes.
    """

    number: int
    metric: str
    value: float | None
    live: float | None
    spent: float | None
    until: datetime


def describe_waiting(service: Service) -> Waiting | None:
    """The build that waits for an answer, if one does."""
    record = find_waiting(service)
    if record is None:
        return None
    metric = _choose_metric(service, record)
    return Waiting(
        number=record.number,
        metric=metric,
        value=record.metrics.get(metric),
        live=record.live_metrics.get(metric),
        spent=describe_cost(service, record).spent,
        until=datetime.fromisoformat(record.approval_until),
    )


def _choose_metric(service: Service, record: BuildRecord) -> str:
    parameters = parse_overridden(record.parameters, record.overrides, service.setting("FRAMEWORK"))
    asked = [gate.metric for gate in (parameters.mustimprove, parameters.qualitygate) if gate]
    compared = sorted(record.metrics.keys() & record.live_metrics.keys())
    return next((name for name in (*asked, *compared, *sorted(record.metrics)) if name in record.metrics), "")
