"""The price of a build's training: its instances and its time limit, read from the requests as they will be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sagebuild.builds.context import BuildContext
from sagebuild.cost.prices import find_training_price
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.kinds import SECONDS_PER_HOUR
from sagebuild.requests.bodies import Bodies

# CreateTrainingJob's default in seconds, where a person's own function leaves the limit out.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
DEFAULT_RUNTIME = 86400


@dataclass(frozen=True)
class TrainingPrice:
    """The training of a build, as far as the price table knows it.

    Parameters
    ----------
    instances
        The count of each instance type.
    hourly
        US dollars for an hour of one training; None if the price of one of its types is not known.
    max_seconds
        The time limit of one training.
    trainings
        How many trainings there are; 0 for a build that trains nothing.
    keep_alive_seconds
        How long a warm pool keeps the instances after a training, at the same price.
    substituted, unknown
        The types priced as an endpoint's instance, and the types without any price.
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
        """US dollars that all trainings cost at most; None if the price is not known."""
        return None if self.hourly is None else self.hourly * self.max_seconds / SECONDS_PER_HOUR * self.trainings


def price_training(context: BuildContext[BuildParameters], bodies: Bodies) -> TrainingPrice:
    """The price of the training job, or of the tuning job, of these requests."""
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
