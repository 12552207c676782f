"""Finds the prices of a build's processing and evaluation jobs from the instances and time limits in their requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from sagebuild.cost.prices import find_training_price
from sagebuild.parameters.kinds import SECONDS_PER_HOUR
from sagebuild.requests.bodies import Bodies, read_kind

# CreateProcessingJob's default in seconds: sagemaker.core.processing of the SDK, max_runtime_in_seconds.
DEFAULT_RUNTIME = 86400


@dataclass(frozen=True)
class StepPrice:
    """The prices of a build's processing and evaluation jobs.

    Parameters
    ----------
    hourly
        US dollars for an hour of each job, by its name; None if the price of its instance type is unknown.
    maximum
        US dollars for all jobs, each at its time limit; None if a price is unknown.
    unknown
        The instance types without a price.
    """

    hourly: dict[str, float | None] = field(default_factory=dict)
    maximum: float | None = 0.0
    unknown: tuple[str, ...] = ()


def price_steps(region: str, bodies: Bodies) -> StepPrice:
    """Return the prices of the processing and evaluation jobs in a build's requests.

    AWS lists processing at the price of training on the same instance type: https://aws.amazon.com/sagemaker/pricing/
    """
    hourly: dict[str, float | None] = {}
    maximum, unknown = 0.0, list[str]()
    for kind, body in bodies.items():
        if read_kind(kind) != "processing":
            continue
        cluster = body["ProcessingResources"]["ClusterConfig"]
        price = find_training_price(region, cluster["InstanceType"])
        cost = hourly[kind.partition(":")[2]] = price.hourly * cluster["InstanceCount"] if price else None
        seconds = body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME)
        if cost is None:
            unknown.append(cluster["InstanceType"])
        maximum += (cost or 0) * seconds / SECONDS_PER_HOUR
    return StepPrice(hourly, None if unknown else maximum, tuple(dict.fromkeys(unknown)))
