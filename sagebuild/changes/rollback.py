"""Describes what a rollback would change."""

from __future__ import annotations

from dataclasses import dataclass

from sagebuild.builds.lock import PipelineState
from sagebuild.cost.prices import date_prices
from sagebuild.cost.spent import Cost
from sagebuild.errors import BuildRunningError
from sagebuild.launch.triggers import PREVIOUS
from sagebuild.names import parse_resource_name
from sagebuild.plan.rollback import find_target
from sagebuild.running.endpoint import Endpoint
from sagebuild.service import Service


@dataclass(frozen=True)
class Rollback:
    """The effect of a rollback.

    Parameters
    ----------
    number
        The build whose model would be live again.
    build
        The number of the build that does the rollback.
    replaces
        The build whose model is live; None if no model is live, or if no build made the live model.
    live
        The live endpoint configuration; empty if there is no endpoint.
    cost
        No training; the price of the restored endpoint.
    """

    number: int
    build: int
    replaces: int | None
    live: str
    cost: Cost


def describe_rollback(
    service: Service, state: PipelineState, endpoint: Endpoint | None, number: int | None
) -> Rollback:
    """Describe a rollback to a build; None for the previous one.

    Raises
    ------
    BuildRunningError
        A build runs.
    BuildNotFoundError, NotGoodBuildError, ModelGoneError, AlreadyLiveError, RollbackError
        See `find_target`.
    """
    if state.running:
        raise BuildRunningError(
            f"Build {state.running} is running, and a rollback does not wait for its end; "
            "stop the build, or roll back when it has ended."
        )
    target = find_target(service, PREVIOUS if number is None else str(number), endpoint)
    live = endpoint.config if endpoint else ""
    return Rollback(
        target.number,
        state.last_number + 1,
        parse_resource_name(service, live),
        live,
        Cost(None, 0.0, target.endpoint_hourly_cost, date_prices(), ()),
    )
