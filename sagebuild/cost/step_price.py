"""Finds the prices of a build's processing, evaluation and transform jobs: instances and time limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sagebuild.builds.context import BuildContext
from sagebuild.cost.prices import find_training_price
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import Bodies, Body, read_kind
from sagebuild.units import SECONDS_PER_HOUR

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


def price_steps(context: BuildContext[BuildParameters], bodies: Bodies) -> StepPrice:
    """Return the prices of the processing, evaluation and transform jobs in a build's requests.

    AWS lists processing and batch transform at the price of training on the same instance type:
    https://aws.amazon.com/sagemaker/pricing/, and a bill of AWS's own with all of them:
    https://github.com/aws-samples/sagemaker-ssh-helper/blob/main/Sample_Costs.md
    """
    hourly: dict[str, float | None] = {}
    maximum, unknown = 0.0, list[str]()
    for name, cluster, seconds in _list_jobs(context, bodies):
        price = find_training_price(context.service.region, cluster["InstanceType"])
        cost = hourly[name] = price.hourly * cluster["InstanceCount"] if price else None
        if cost is None:
            unknown.append(cluster["InstanceType"])
        maximum += (cost or 0) * seconds / SECONDS_PER_HOUR
    return StepPrice(hourly, None if unknown else maximum, tuple(dict.fromkeys(unknown)))


def _list_jobs(context: BuildContext[BuildParameters], bodies: Bodies) -> Iterator[tuple[str, Body, float]]:
    """Yield each job's name, its instances and its time limit in seconds."""
    for kind, body in bodies.items():
        if read_kind(kind) == "processing":
            seconds = body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME)
            yield kind.partition(":")[2], body["ProcessingResources"]["ClusterConfig"], seconds
        elif kind == "transform" and context.parameters.batchtransform:
            yield kind, body["TransformResources"], context.parameters.batchtransform.maxrun * SECONDS_PER_HOUR
