"""Compares the metrics of a run on this machine with those of the live model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagebuild.builds.records import read_build
from sagebuild.client.aws_errors import translating_errors
from sagebuild.errors import BuildNotFoundError
from sagebuild.names import parse_resource_name
from sagebuild.running.endpoint import describe_endpoint

if TYPE_CHECKING:
    from sagebuild.client.pipeline import Pipeline


@dataclass(frozen=True)
class LiveModel:
    """The build whose model is live, and its metrics.

    Parameters
    ----------
    build
        The build's number; None if no build of the pipeline made what is live.
    """

    build: int | None
    metrics: Mapping[str, float]

    def compare(self, metrics: Mapping[str, float]) -> Iterator[str]:
        """Yield a line for each metric of a run, with that of the live model."""
        if self.build is None:
            yield "No model of a build is live."
        for name, value in metrics.items():
            live = self.metrics.get(name)
            known = f"{live:g}, {value - live:+.4g}" if live is not None else "not measured"
            yield f"{name}: {value:g}" + (f" (live, build {self.build}: {known})" if self.build is not None else "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"build": self.build, "metrics": dict(self.metrics)}


def read_live_model(pipeline: Pipeline) -> LiveModel:
    """Return the live model of a pipeline."""
    service = pipeline.service
    with translating_errors():
        endpoint = describe_endpoint(service)
        number = parse_resource_name(service, endpoint.config) if endpoint and endpoint.config else None
        if number is None:
            return LiveModel(None, {})
        try:
            return LiveModel(number, read_build(service, number).metrics)
        except BuildNotFoundError:
            return LiveModel(number, {})
