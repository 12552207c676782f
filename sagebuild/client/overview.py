"""How a stack is at this moment: its newest build, what follows it, what is live."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sagebuild.builds.lock import Pending, read_state
from sagebuild.client.steps import Steps
from sagebuild.client.watching import describe_outcome
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service

if TYPE_CHECKING:
    from sagebuild.client.build import Build


@dataclass(frozen=True)
class Overview:
    """The newest build with its steps, the requests that wait for its end, and the endpoint."""

    build: Build
    steps: Steps
    pending: Pending | None
    endpoint: Endpoint | None
    stack_name: str

    @property
    def lines(self) -> list[str]:
        """A sentence for each of them."""
        told = [describe_outcome(self.build)]
        if current := self.steps.current:
            told.append(f"It is at the step {current.name}, for {current.seconds:.0f} s now.")
        if self.pending:
            requests = "1 request" if self.pending.count == 1 else f"{self.pending.count} requests"
            told.append(f"Another build follows, for {requests}.")
        served = f"{self.endpoint.status}, serves {self.endpoint.config}" if self.endpoint else "none yet"
        return [*told, f"Endpoint {self.stack_name}: {served}."]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "build": self.build.to_dict(),
            "steps": self.steps.to_list(),
            "endpoint": asdict(self.endpoint) if self.endpoint else None,
            "waiting": bool(self.pending),
        }

    def __repr__(self) -> str:
        return "\n".join(self.lines)


def describe_overview(service: Service, build: Build) -> Overview:
    """How a stack is, its newest build given."""
    steps, pending = build.steps(), read_state(service).pending
    return Overview(build, steps, pending, describe_endpoint(service), service.stack_name)
