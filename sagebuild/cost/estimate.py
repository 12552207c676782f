"""Estimates a build before it costs anything: the maximum of its jobs, and its endpoint per hour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.cost.budget import limit_to_maxcost
from sagebuild.cost.prices import date_prices, find_hosting_price, find_image_build_price
from sagebuild.cost.spent import NEVER_COUNTED, Cost, format_dollars
from sagebuild.cost.step_price import StepPrice, price_steps
from sagebuild.cost.training_price import TrainingPrice, price_training
from sagebuild.images.byod import list_image_builds
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import Bodies
from sagebuild.requests.hooks import list_config_functions
from sagebuild.requests.training import build_bodies
from sagebuild.units import SECONDS_PER_HOUR


class CostPlan(TypedDict):
    """The cost attributes of a build's record; amounts in US dollars, None without a known price."""

    cost_max: float | None
    training_hourly_cost: float | None
    endpoint_hourly_cost: float | None
    prices_date: str
    cost_left_out: list[str]


def plan_cost(context: BuildContext[BuildParameters], bodies: Bodies) -> CostPlan:
    """Estimate the cost of a build's requests, for its record.

    Parameters
    ----------
    bodies
        The requests as they will be sent.
    """
    price, steps = price_training(context, bodies), price_steps(context, bodies)
    total = None if price.maximum is None or steps.maximum is None else price.maximum + steps.maximum
    endpoint = _price_endpoint(context.service.region, bodies) if context.parameters.deployEndpoint else 0.0
    return {
        "cost_max": _round(total),
        "training_hourly_cost": _round(price.hourly),
        "endpoint_hourly_cost": _round(endpoint),
        "prices_date": date_prices(),
        "cost_left_out": [
            *_list_left_out(context, bodies, price),
            *_list_left_out_of_steps(context, steps),
            NEVER_COUNTED,
        ],
    }


def estimate_cost(context: BuildContext[BuildParameters], bodies: Bodies | None = None) -> Cost:
    """Estimate the cost of a build that has not started.

    Parameters
    ----------
    bodies
        The requests as they will be sent. None builds them from the document. That calls no AWS service, so it leaves
        out the user's own functions.
    """
    left_out = []
    if bodies is None:
        bodies = limit_to_maxcost(context, build_bodies(context, None, None)).bodies
        if functions := list_config_functions(context.service):
            left_out.append(f"Your own functions may change the requests: {', '.join(functions)}.")
    plan = plan_cost(context, bodies)
    left_out += plan["cost_left_out"]
    has_steps = bool(
        context.parameters.processing or context.parameters.evaluation or context.parameters.batchtransform
    )
    hourly, prices_date = plan["endpoint_hourly_cost"], plan["prices_date"]
    trains = bool(price_training(context, bodies).trainings)
    return Cost(None, plan["cost_max"], hourly, prices_date, tuple(left_out), has_steps=has_steps, trains=trains)


def _price_endpoint(region: str, bodies: Bodies) -> float | None:
    """Return the hourly price of the endpoint's first instances in US dollars; None if a price is unknown."""
    total = 0.0
    for variant in bodies["endpointConfig"]["ProductionVariants"]:
        price = find_hosting_price(region, variant.get("InstanceType", ""))
        if price is None:
            return None
        total += price.hourly * variant.get("InitialInstanceCount", 1)
    return total


def _list_left_out(context: BuildContext[BuildParameters], bodies: Bodies, price: TrainingPrice) -> Iterator[str]:
    """Yield sentences about costs that the estimate leaves out, and about prices that it assumes."""
    service, parameters = context.service, context.parameters
    for kind in price.unknown:
        yield f"The price of training on {kind} in {service.region} is not known."
    for kind in price.substituted:
        yield f"Training on {kind} is estimated at the hosting price of the same instance type."
    if parameters.spot and price.trainings:
        until = "" if price.trainings > 1 else " until it has ended"
        yield f"Spot training is estimated at the full price{until}; it usually costs far less."
    if price.keep_alive_seconds and price.hourly:
        kept = price.hourly * price.keep_alive_seconds / SECONDS_PER_HOUR
        yield f"Keeping the training instances (keepalive) costs up to {format_dollars(kept)} more for each training."
    if images := len(list_image_builds(parameters)):
        minute = find_image_build_price(service.region)
        amount = f" at {format_dollars(minute)} a minute each" if minute else ""
        yield f"The image builds, {images}{amount}, are left out."
    for name, what in (("git_config", "the source from git"), ("hubsecret", "the model from the hub")):
        if getattr(parameters, name, None):
            yield f"Copying {what} in CodeBuild is left out; it ends after two hours at most."
    if service.settings.preprocess_state_machine or service.settings.postprocess_state_machine:
        yield "Your own state machines are left out."
    yield from _list_left_out_of_endpoint(context, bodies)


def _list_left_out_of_steps(context: BuildContext[BuildParameters], steps: StepPrice) -> Iterator[str]:
    for kind in steps.unknown:
        yield f"The price of processing on {kind} in {context.service.region} is not known."
    if steps.hourly and not steps.unknown:
        yield "Processing, evaluation and batch transform are estimated at the training price of the same type."


def _list_left_out_of_endpoint(context: BuildContext[BuildParameters], bodies: Bodies) -> Iterator[str]:
    region, parameters = context.service.region, context.parameters
    if not parameters.deployEndpoint:
        return
    for variant in bodies["endpointConfig"]["ProductionVariants"]:
        kind = variant.get("InstanceType")
        if not kind:
            yield "The serverless endpoint is billed by use and by provisioned concurrency; both are left out."
        elif find_hosting_price(region, kind) is None:
            yield f"The price of hosting on {kind} in {region} is not known."
    if parameters.autoscaling:
        least, most = parameters.autoscaling.minimum, parameters.autoscaling.maximum
        yield f"The endpoint's price is for its first instances; autoscaling keeps between {least} and {most}."
    if parameters.inferencecomponent:
        scales = parameters.autoscaling and not parameters.autoscaling.minimum
        free = " Without a copy the endpoint costs nothing." if scales else ""
        yield f"Copies of the model may share an instance; an update of the model needs up to twice as many.{free}"


def _round(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 6)
