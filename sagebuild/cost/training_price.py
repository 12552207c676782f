"""Finds the price of a build's training from the instances and time limits in its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sagebuild.builds.context import BuildContext
from sagebuild.cost.prices import find_training_price
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import Bodies
from sagebuild.units import SECONDS_PER_HOUR

# CreateTrainingJob's default in seconds, for a request in which the user's function leaves the limit out.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
DEFAULT_RUNTIME = 86400


@dataclass(frozen=True)
class TrainingPrice:
    """The price of a build's training, and what determines it.

    Parameters
    ----------
    instances
        The number of instances of each type, in one training.
    hourly
        US dollars for an hour of one training; None if the price of an instance type is unknown.
    max_seconds
        The time limit of one training, in seconds.
    trainings
        The number of trainings; 0 for a build that trains nothing.
    keep_alive_seconds
        How long a warm pool keeps the instances after a training, in seconds, at the same price.
    substituted, unknown
        The instance types at the hosting price of the same type, and those without any price.
    """

    instances: Mapping[str, int] = field(default_factory=dict)
    hourly: float | None = 0.0
    max_seconds: int = 0
    trainings: int = 0
    keep_alive_seconds: int = 0
    substituted: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def maximum(self) -> float | None:
        """Maximum cost of all trainings in US dollars; None if a price is unknown."""
        return None if self.hourly is None else self.hourly * self.max_seconds / SECONDS_PER_HOUR * self.trainings


def price_training(context: BuildContext[BuildParameters], bodies: Bodies) -> TrainingPrice:
    """Return the price of the training or tuning job in a build's requests."""
    tuning = bodies.get("tuning", {})
    training = bodies.get("training") or tuning.get("TrainingJobDefinition")
    if not training:
        return TrainingPrice()
    limits = tuning.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    trainings = limits.get("MaxNumberOfTrainingJobs", context.parameters.tuning_trainings) if tuning else 1
    resources = training.get("ResourceConfig", {})
    instances: dict[str, int] = {}
    for group in resources.get("InstanceGroups") or [resources]:
        kind = group.get("InstanceType", "")
        instances[kind] = instances.get(kind, 0) + group.get("InstanceCount", 1)
    prices = {kind: find_training_price(context.service.region, kind) for kind in instances}
    unknown = tuple(kind for kind, price in prices.items() if price is None)
    return TrainingPrice(
        instances=instances,
        hourly=None if unknown else sum(instances[kind] * price.hourly for kind, price in prices.items() if price),
        max_seconds=training.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME),
        trainings=trainings,
        keep_alive_seconds=resources.get("KeepAlivePeriodInSeconds", 0),
        substituted=tuple(kind for kind, price in prices.items() if price and price.stands_in),
        unknown=unknown,
    )
