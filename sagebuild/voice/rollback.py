"""Plans a rollback, and starts it only if the plan still holds."""

from __future__ import annotations

from dataclasses import dataclass

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger
from sagebuild.errors import BuildRunningError
from sagebuild.launch.start import Launched
from sagebuild.names import parse_resource_name
from sagebuild.plan.rollback import find_target, request_rollback
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service


@dataclass(frozen=True)
class RollbackPlan:
    """The effect of a rollback.

    Parameters
    ----------
    number
        The build whose model would be live again.
    replaces
        The build whose model is live; None if no model is live, or if no build made the live model.
    live
        The live endpoint configuration; empty if there is no endpoint.
    """

    number: int
    replaces: int | None
    live: str


def plan_rollback(service: Service, wanted: str) -> RollbackPlan:
    """Plan a rollback to a build, or to "previous". This starts nothing.

    Raises
    ------
    BuildRunningError
        A build runs or is pending.
    BuildNotFoundError, NotGoodBuildError, ModelGoneError, AlreadyLiveError, RollbackError
        See `find_target`.
    """
    state = read_state(service)
    if state.running or state.pending:
        raise BuildRunningError("A build is running; stop it, or roll back after it has ended.")
    endpoint = describe_endpoint(service)
    target = find_target(service, wanted, endpoint)
    live = endpoint.config if endpoint else ""
    return RollbackPlan(target.number, parse_resource_name(service, live) if live else None, live)


def apply_rollback(service: Service, number: int, live: str, trigger: Trigger) -> Launched | None:
    """Start a rollback as planned.

    Parameters
    ----------
    number, live
        From the plan.

    Returns
    -------
    Launched or None
        None if a different endpoint configuration is live now; nothing was started.

    Raises
    ------
    BuildRunningError
        A build has started since.
    """
    endpoint = describe_endpoint(service)
    if (endpoint.config if endpoint else "") != live:
        return None
    return request_rollback(service, number, trigger)
