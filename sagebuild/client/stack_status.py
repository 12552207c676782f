"""The status of a stack: its newest build, the build that follows, and its endpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sagebuild.builds.lock import Pending, read_state
from sagebuild.client.build import Build
from sagebuild.client.descriptions import count_requests, describe_outcome
from sagebuild.client.steps import Steps
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service


@dataclass(frozen=True)
class StackStatus:
    """The newest build with its steps, the requests that wait for it to end, and the endpoint."""

    build: Build
    steps: Steps
    pending: Pending | None
    endpoint: Endpoint | None
    stack_name: str

    @property
    def lines(self) -> list[str]:
        """A sentence for each of them."""
        lines = [describe_outcome(self.build.record)]
        if current := self.steps.current:
            lines.append(f"Its step {current.name} has been running for {current.seconds:.0f} s.")
        if self.pending:
            lines.append(f"Another build follows, for {count_requests(self.pending.count)}.")
        serves = f"{self.endpoint.status}, serves {self.endpoint.config}" if self.endpoint else "none yet"
        return [*lines, f"Endpoint {self.stack_name}: {serves}."]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "build": self.build.to_dict(),
            "steps": self.steps.to_list(),
            "endpoint": asdict(self.endpoint) if self.endpoint else None,
            "waiting": bool(self.pending),
        }

    def __repr__(self) -> str:
        return "\n".join(self.lines)


def read_stack_status(service: Service, build: Build) -> StackStatus:
    """Read a stack's status; ``build`` is its newest build."""
    steps, pending = build.steps(), read_state(service).pending
    return StackStatus(build, steps, pending, describe_endpoint(service), service.stack_name)
