"""Reckons, before anything is paid, what a build can cost at most: its training by the hour and its endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sagebuild.cost.prices import date_prices, find_hosting_price, find_image_build_price, find_training_price
from sagebuild.cost.spent import NEVER_COUNTED, Cost, format_dollars
from sagebuild.images.byod import list_images_to_build
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.kinds import SECONDS_PER_HOUR
from sagebuild.service import Service

# CreateTrainingJob's own, for a person's function that leaves it out.
DEFAULT_RUNTIME = 86400

Bodies = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class TrainingRun:
    """What the training asks SageMaker for, as far as it has a price.

    Parameters
    ----------
    instances
        How many of each type.
    hourly
        What they cost together, for each hour of a training; None if one of them has no known price.
    max_seconds
        How long a training may take.
    trainings
        How many there are; 0 without any.
    keep_alive_seconds
        How long the instances are kept, and paid for, after it.
    stands_in, unknown
        The types that have another price in place of their own, and those that have none.
    """

    instances: Mapping[str, int] = field(default_factory=dict)
    hourly: float | None = 0.0
    max_seconds: int = 0
    trainings: int = 0
    keep_alive_seconds: int = 0
    stands_in: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def maximum(self) -> float | None:
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
        "cost_max": _round(run.maximum),
        "training_hourly_cost": _round(run.hourly),
        "endpoint_hourly_cost": _round(_price_endpoint(service.region, bodies) if parameters.deployEndpoint else 0.0),
        "prices_date": date_prices(),
        "cost_left_out": [*_list_left_out(service, parameters, bodies, run, images), NEVER_COUNTED],
    }


def estimate_cost(service: Service, parameters: BuildParameters) -> Cost:
    """What a build of this document would cost, without asking AWS anything; a person's own functions may change it."""
    plan = plan_cost(service, parameters, _sketch_bodies(parameters), len(list_images_to_build(parameters)))
    left_out = tuple(plan["cost_left_out"])
    return Cost(None, plan["cost_max"], plan["endpoint_hourly_cost"], plan["prices_date"], left_out)


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


def _sketch_bodies(parameters: BuildParameters) -> Bodies:
    """As much of the requests as has a price."""
    training = {
        "ResourceConfig": {
            "InstanceType": parameters.traininstancetype,
            "InstanceCount": parameters.traininstancecount,
            "KeepAlivePeriodInSeconds": parameters.keepalive or 0,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": round(parameters.trainmaxrun * SECONDS_PER_HOUR)},
    }
    instances = {"InstanceType": parameters.hostinstancetype, "InitialInstanceCount": parameters.hostinstancecount}
    bodies: dict[str, dict[str, Any]] = {
        "endpointConfig": {"ProductionVariants": [{} if parameters.serverless else instances]}
    }
    if parameters.has_training and parameters.configtrain == "SAGEMAKERHPO":
        bodies["tuning"] = {"TrainingJobDefinition": training}
    elif parameters.has_training:
        bodies["training"] = training
    return bodies


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
        until = "" if run.trainings > 1 else " until it has ended"
        yield f"Spot training is reckoned at the full price{until}, and is usually far cheaper."
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
