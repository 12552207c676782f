"""What a build costs, before, during and after: an estimate from the prices of instances, honest about the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sagebuild.job import count_paid_seconds
from sagebuild.parameters import BuildParameters
from sagebuild.prices import date_prices, find_hosting_price, find_image_build_price, find_training_price
from sagebuild.records import BuildRecord, now
from sagebuild.service import Service

SECONDS_PER_HOUR = 3600
# CreateTrainingJob's own, for a person's function that leaves it out.
DEFAULT_RUNTIME = 86400
NEVER_COUNTED = "Storage, data transfer, requests, logs, taxes, the free tier and discounts are left out."

Bodies = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Cost:
    """An estimate, in US dollars; None where no price is known.

    Parameters
    ----------
    spent
        What the build's training has come to, by now or by its end.
    most
        What it can come to at most.
    endpoint_hourly
        What the endpoint costs for each hour that it is up.
    prices_of
        The day of the prices, as an ISO date; empty for a build that was not planned yet.
    left_out
        What these leave out, a sentence each.
    """

    spent: float | None
    most: float | None
    endpoint_hourly: float | None
    prices_of: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class TrainingRun:
    """What the training asks SageMaker for, as far as it has a price.

    Parameters
    ----------
    instances
        How many of each type.
    hourly
        What they cost together, for each hour of a training; None if one of them has no known price.
    trainings
        How many there are, of a tuning job.
    """

    instances: Mapping[str, int] = field(default_factory=dict)
    hourly: float | None = 0.0
    max_seconds: int = 0
    trainings: int = 0
    keep_alive_seconds: int = 0
    stands_in: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def most(self) -> float | None:
        """What it can cost."""
        return None if self.hourly is None else self.hourly * self.max_seconds / SECONDS_PER_HOUR * self.trainings


def plan_cost(service: Service, parameters: BuildParameters, bodies: Bodies, images: int) -> dict[str, Any]:
    """What a build's record tells of its cost before anything is paid.

    Parameters
    ----------
    bodies
        The requests as they will be made.
    images
        How many images it builds.
    """
    run = read_training(service.region, parameters, bodies)
    return {
        "cost_most": _round(run.most),
        "training_hourly_cost": _round(run.hourly),
        "endpoint_hourly_cost": _round(_price_endpoint(service.region, bodies) if parameters.deployEndpoint else 0.0),
        "prices_of": date_prices(),
        "cost_left_out": [*_list_left_out(service, parameters, bodies, run, images), NEVER_COUNTED],
    }


def describe_cost(service: Service, record: BuildRecord, at: datetime | None = None) -> Cost:
    """What a build has cost and will cost: before it starts, while it runs, or after.

    Parameters
    ----------
    at
        The time until which a running training is counted; None: now.
    """
    spent = record.cost
    if not record.has_ended and record.training_hourly_cost is not None and record.prices_of:
        spent = price_seconds(record, count_paid_seconds(service, record, at or now()))
    return Cost(spent, record.cost_most, record.endpoint_hourly_cost, record.prices_of, tuple(record.cost_left_out))


def price_seconds(record: BuildRecord, seconds: float) -> float | None:
    """What so many seconds of a build's training cost; None if its price is not known."""
    return None if record.training_hourly_cost is None else _round(record.training_hourly_cost * seconds / 3600)


def tell_cost(cost: Cost) -> str:
    """The estimate in one plain sentence, and a further one for each thing of this build that it leaves out."""
    if not cost.prices_of:
        return "not known before the build is planned."
    parts = [_tell_training(cost)]
    if cost.endpoint_hourly:
        parts.append(f"the endpoint costs about {format_dollars(cost.endpoint_hourly)} an hour while it is up")
    said = f"{'; '.join(parts)}; by prices of {cost.prices_of}, without storage, transfer, requests and discounts."
    return " ".join([said, *(sentence for sentence in cost.left_out if sentence != NEVER_COUNTED)])


def _tell_training(cost: Cost) -> str:
    if cost.spent is None and cost.most is None:
        return "no price of the training is known"
    if not cost.spent and not cost.most:
        return "nothing for training"
    most = "" if cost.most is None else f"at most {format_dollars(cost.most)} was planned"
    if cost.spent is None:
        return f"training: {most}"
    return f"about {format_dollars(cost.spent)} of training" + (f" ({most})" if most else "")


def format_dollars(amount: float) -> str:
    """An amount as a person says it: "$0.46", "$1,234", "less than $0.01"."""
    if 0 < amount < 0.005:
        return "less than $0.01"
    return f"${amount:,.2f}" if amount < 1000 else f"${amount:,.0f}"


def read_training(region: str, parameters: BuildParameters, bodies: Bodies) -> TrainingRun:
    """What the training, or the tuning job, of these requests asks for."""
    tuning = bodies.get("tuning", {})
    training = bodies.get("training") or tuning.get("TrainingJobDefinition")
    if not training:
        return TrainingRun()
    limits = tuning.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    trainings = limits.get("MaxNumberOfTrainingJobs", parameters.tuning_trainings) if tuning else 1
    resources = training.get("ResourceConfig", {})
    instances: dict[str, int] = {}
    for group in resources.get("InstanceGroups") or [resources]:
        kind = group.get("InstanceType", "")
        instances[kind] = instances.get(kind, 0) + group.get("InstanceCount", 1)
    prices = {kind: find_training_price(region, kind) for kind in instances}
    unknown = tuple(kind for kind, price in prices.items() if price is None)
    return TrainingRun(
        instances=instances,
        hourly=None if unknown else sum(instances[kind] * price.hourly for kind, price in prices.items() if price),
        max_seconds=training.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME),
        trainings=trainings,
        keep_alive_seconds=resources.get("KeepAlivePeriodInSeconds", 0),
        stands_in=tuple(kind for kind, price in prices.items() if price and price.stands_in),
        unknown=unknown,
    )


def _price_endpoint(region: str, bodies: Bodies) -> float | None:
    """What the endpoint costs an hour with the instances that it starts with; None if that is not known."""
    total = 0.0
    for variant in bodies["endpointConfig"]["ProductionVariants"]:
        price = find_hosting_price(region, variant.get("InstanceType", ""))
        if price is None:
            return None
        total += price.hourly * variant.get("InitialInstanceCount", 1)
    return total


def _list_left_out(
    service: Service, parameters: BuildParameters, bodies: Bodies, run: TrainingRun, images: int
) -> Iterator[str]:
    """What the figures of this build leave out, or what they rest on."""
    for kind in run.unknown:
        yield f"No price of training on {kind} in {service.region} is known."
    for kind in run.stands_in:
        yield f"Training on {kind} is reckoned at the price of an endpoint's instance of that type."
    if parameters.spot and run.trainings:
        yield "Spot training is reckoned at the full price until it has ended, and is usually far cheaper."
    if run.keep_alive_seconds and run.hourly:
        kept = run.hourly * run.keep_alive_seconds / SECONDS_PER_HOUR
        yield f"Keeping the training instances (keepalive) costs up to {format_dollars(kept)} more for each training."
    if images:
        minute = find_image_build_price(service.region)
        price = f" at {format_dollars(minute)} a minute each" if minute else ""
        yield f"The image builds, {images}{price}, are left out."
    if service.optional_setting("PREPROCESS_STATE_MACHINE") or service.optional_setting("POSTPROCESS_STATE_MACHINE"):
        yield "Your own state machines are left out."
    yield from _list_of_endpoint(service.region, parameters, bodies)


def _list_of_endpoint(region: str, parameters: BuildParameters, bodies: Bodies) -> Iterator[str]:
    if not parameters.deployEndpoint:
        return
    for variant in bodies["endpointConfig"]["ProductionVariants"]:
        kind = variant.get("InstanceType")
        if not kind:
            yield "The serverless endpoint is paid for by use, and by the concurrency that is kept warm; both left out."
        elif find_hosting_price(region, kind) is None:
            yield f"No price of an endpoint's {kind} in {region} is known."
    if parameters.autoscaling:
        least, most = parameters.autoscaling.minimum, parameters.autoscaling.maximum
        yield f"The endpoint's price is that of its first instances; autoscaling keeps from {least} to {most}."


def _round(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 6)
