"""What a planned change depends on; a change is refused if any of it is different now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from sagebuild.builds.lock import PipelineState, read_state
from sagebuild.launch.triggers import Expected
from sagebuild.names import parse_resource_name
from sagebuild.parameters.store import read_version
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service


@dataclass(frozen=True)
class Live:
    """The live model.

    Parameters
    ----------
    config
        The endpoint configuration; empty if there is no endpoint.
    number
        The build that made it; None if no build did, or if there is no endpoint.
    """

    config: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Basis:
    """What a planned change depends on; None for each thing that it does not depend on.

    Parameters
    ----------
    last_number
        The number of the newest build.
    running
        The number of the running build; 0 if none runs.
    pending_overrides
        The parameters of the pending build, as JSON, because a new request is merged into it; empty without any.
    live_config
        The live endpoint configuration; empty if there is no endpoint.
    document_version
        The version of the parameter document in SSM.
    """

    last_number: int | None = None
    running: int | None = None
    pending_overrides: str | None = None
    live_config: str | None = None
    document_version: int | None = None

    @property
    def expected(self) -> Expected:
        """The state of the pipeline in which the launch takes the request."""
        return Expected(self.last_number or 0, self.running or 0, self.pending_overrides or "")


@dataclass(frozen=True)
class Difference:
    """One thing that a change depended on and that is different now.

    Parameters
    ----------
    what
        "build", "live" or "document".
    sentence
        Says in English what has changed.
    """

    what: str
    sentence: str


def describe_live(service: Service, endpoint: Endpoint | None) -> Live:
    """Describe the live model of an endpoint."""
    if endpoint is None:
        return Live()
    return Live(endpoint.config, parse_resource_name(service, endpoint.config))


def bind_to_state(state: PipelineState) -> Basis:
    """Return the basis of a change that starts a build."""
    overrides = state.pending.overrides if state.pending else ""
    return Basis(state.last_number, state.running or 0, overrides)


def find_differences(service: Service, planned: Basis) -> list[Difference]:
    """Read what a change depends on, and return what is different now."""
    return list(_compare(planned, _read_again(service, planned)))


def _read_again(service: Service, planned: Basis) -> Basis:
    state = Basis() if planned.last_number is None else bind_to_state(read_state(service))
    return Basis(
        state.last_number,
        state.running,
        state.pending_overrides,
        None if planned.live_config is None else describe_live(service, describe_endpoint(service)).config,
        None if planned.document_version is None else read_version(service),
    )


def _compare(planned: Basis, current: Basis) -> Iterator[Difference]:
    changed = {
        field.name
        for field in fields(Basis)
        if getattr(planned, field.name) not in (None, getattr(current, field.name))
    }
    if "last_number" in changed:
        yield Difference("build", f"Build {current.last_number} has started since the change was planned.")
    elif "running" in changed:
        yield Difference("build", f"Build {planned.running} has ended since the change was planned.")
    elif "pending_overrides" in changed:
        yield Difference("build", "The pending build has other parameters since the change was planned.")
    if "live_config" in changed:
        yield Difference(
            "live", f"The endpoint serves {current.live_config or 'nothing'} since the change was planned."
        )
    if "document_version" in changed:
        yield Difference("document", "The parameter document has changed since the change was planned.")
