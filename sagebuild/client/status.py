"""The status of a pipeline: its newest build, the build that follows, and its endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.lock import Pending, PipelineState, list_states, read_state
from sagebuild.client.build import Build
from sagebuild.client.descriptions import count_requests
from sagebuild.client.pipeline_rows import describe_newest
from sagebuild.names import name_endpoint
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service
from sagebuild.view.steps import Steps

_SHOWN = 10  # pipelines in the sentence about the others


@dataclass(frozen=True)
class PipelineStatus:
    """The newest build with its steps, the requests that wait for it to end, and the endpoint.

    Parameters
    ----------
    others
        The states of the stack's other pipelines, with the status of the default pipeline.
    """

    build: Build
    steps: Steps
    pending: Pending | None
    endpoint: Endpoint | None
    endpoint_name: str
    others: tuple[PipelineState, ...] = ()

    @property
    def lines(self) -> list[str]:
        """A sentence for each of them."""
        lines = [str(self.build)]
        if current := self.steps.current:
            lines.append(f"Its step {current.name} has been running for {current.seconds:.0f} s.")
        if self.pending:
            lines.append(f"Another build follows, for {count_requests(self.pending.count)}.")
        lines.append(f"Endpoint {self.endpoint_name}: {self.endpoint or 'none yet'}.")
        return [*lines, describe_others(self.others)] if self.others else lines

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "build": self.build.to_dict(),
            "steps": self.steps.to_list(),
            "endpoint": self.endpoint.to_dict() if self.endpoint else None,
            "waiting": bool(self.pending),
        }

    def __repr__(self) -> str:
        return "\n".join(self.lines)


def read_status(service: Service, build: Build) -> PipelineStatus:
    """Read a pipeline's status; ``build`` is its newest build."""
    steps = build.steps()
    # For the default pipeline, one query instead of one read gives the states of the others too.
    state, *others = [read_state(service)] if service.pipeline else list_states(service)
    return PipelineStatus(
        build, steps, state.pending, describe_endpoint(service), name_endpoint(service), tuple(others)
    )


def mention_others(service: Service, sentence: str) -> str:
    """Add the stack's other pipelines to a sentence about the default one."""
    others = [] if service.pipeline else list_states(service)[1:]
    return f"{sentence} {describe_others(others)}" if others else sentence


def describe_others(states: Sequence[PipelineState]) -> str:
    """Return a sentence that names pipelines, each with its running build or the outcome of its newest one."""
    shown = [f"{state.pipeline} ({describe_newest(state)})" for state in states[:_SHOWN]]
    more = f" and {len(states) - _SHOWN} more" if len(states) > _SHOWN else ""
    return f"Other pipelines: {', '.join(shown)}{more}; 'sagebuild pipelines' lists them."
