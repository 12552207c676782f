"""A rollback as it is asked for by voice: told before it is done, and done while what was told still holds."""

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
    """What a rollback would change.

    Parameters
    ----------
    number
        The build whose model would be live again.
    replaces
        The build whose model is live; None if there is none, or what is live is of no build.
    live
        The endpoint configuration that is live; empty: no endpoint.
    """

    number: int
    replaces: int | None
    live: str


def plan_rollback(service: Service, wanted: str) -> RollbackPlan:
    """What a rollback to a build, or to "previous", would change; nothing is started.

    Raises
    ------
    BuildRunningError
        A build runs or is about to, which a rollback does not wait for.
    BuildNotFoundError, NotGoodBuildError, ModelGoneError, AlreadyLiveError, RollbackError
        As `find_target` raises them.
    """
    state = read_state(service)
    if state.running or state.pending:
        raise BuildRunningError("A build is running, and a rollback does not wait for its end.")
    endpoint = describe_endpoint(service)
    target = find_target(service, wanted, endpoint)
    live = endpoint.config if endpoint else ""
    return RollbackPlan(target.number, parse_resource_name(service, live) if live else None, live)


def apply_rollback(service: Service, number: int, live: str, trigger: Trigger) -> Launched | None:
    """Start a rollback that was planned.

    Parameters
    ----------
    number, live
        As the plan had them.

    Returns
    -------
    Launched or None
        None if something else is live by now; nothing was started then.

    Raises
    ------
    BuildRunningError
        A build has been started meanwhile.
    """
    endpoint = describe_endpoint(service)
    if (endpoint.config if endpoint else "") != live:
        return None
    return request_rollback(service, number, trigger)
