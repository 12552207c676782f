"""Describes the build that waits for approval: its metric, the live model's, and the cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sagebuild.builds.records import BuildRecord
from sagebuild.cost.spent import Cost, describe_cost
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.service import Service
from sagebuild.steps.approval import find_waiting


@dataclass(frozen=True)
class Waiting:
    """A build that waits for approval.

    Parameters
    ----------
    metric
        The metric of the quality gate, else the first; empty if the build has none.
    value, live
        The metric of the new model and of the live model; None if unknown.
    cost
        What the build has cost so far.
    until
        The deadline of the approval.
    """

    number: int
    metric: str
    value: float | None
    live: float | None
    cost: Cost
    until: datetime

    @property
    def spent(self) -> float | None:
        """The cost of the training so far, in US dollars; None if the price is unknown."""
        return self.cost.spent


def describe_waiting(service: Service) -> Waiting | None:
    """Describe the build that waits; None if none waits."""
    record = find_waiting(service)
    if record is None:
        return None
    metric = _choose_metric(service, record)
    return Waiting(
        number=record.number,
        metric=metric,
        value=record.metrics.get(metric),
        live=record.live_metrics.get(metric),
        cost=describe_cost(service, record),
        until=datetime.fromisoformat(record.approval_until),
    )


def _choose_metric(service: Service, record: BuildRecord) -> str:
    parameters = parse_overridden(record.parameters, record.overrides, service.settings.framework)
    asked = [gate.metric for gate in (parameters.mustimprove, parameters.qualitygate) if gate]
    compared = sorted(record.metrics.keys() & record.live_metrics.keys())
    return next((name for name in (*asked, *compared, *sorted(record.metrics)) if name in record.metrics), "")
