"""Keeps a build within ``maxcost``: sets the training's time limit so that SageMaker stops it at that cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.cost.spent import format_dollars
from sagebuild.cost.step_price import price_steps
from sagebuild.cost.training_price import TrainingPrice, price_training
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import Bodies
from sagebuild.units import SECONDS_PER_HOUR

# A shorter training starts and ends before it prints a metric.
LEAST_SECONDS = 300


@dataclass(frozen=True)
class Limited:
    """A build's requests within ``maxcost``.

    Parameters
    ----------
    bodies
        The requests, with a shorter time limit if ``maxcost`` needs it.
    limit
        ``maxcost`` in US dollars, if it shortened the training.
    problem
        Why ``maxcost`` cannot be kept; empty if it can.
    note
        A sentence about a shortened training; empty without one.
    """

    bodies: Bodies
    limit: float | None = None
    problem: str = ""
    note: str = ""


def limit_to_maxcost(context: BuildContext[BuildParameters], bodies: Bodies) -> Limited:
    """Shorten the training to the time that ``maxcost`` pays for; all trainings of a tuning job share that time.

    The jobs beside the training (processing, evaluation and batch transform) come first: their maximum, at their own
    time limits, is reserved. So the build
    keeps within ``maxcost`` whatever each job takes, and no job is stopped because an earlier one took long. A spot
    training's MaxWaitTimeInSeconds stays: waiting for capacity costs nothing.
    """
    maxcost, region = context.parameters.maxcost, context.service.region
    price, steps = price_training(context, bodies), price_steps(context, bodies)
    if maxcost is None or not (price.trainings or steps.hourly):
        return Limited(bodies)
    if steps.maximum is None:
        return Limited(
            bodies,
            problem=f"maxcost cannot be kept: the price of processing on {', '.join(steps.unknown)} in {region} is not "
            "known; remove maxcost, or give the jobs another instancetype.",
        )
    if steps.maximum > maxcost:
        return Limited(
            bodies,
            problem=f"maxcost is {maxcost:g}, and the jobs beside the training can cost up to "
            f"{format_dollars(steps.maximum)} by their maxrun; raise maxcost, or lower their maxrun.",
        )
    if not price.trainings:
        return Limited(bodies)
    if price.hourly is None:
        return Limited(
            bodies,
            problem=f"maxcost cannot be kept: the price of training on {', '.join(price.unknown)} in {region} is not "
            "known; remove maxcost, or train on another instance type.",
        )
    affordable = int((maxcost - steps.maximum) / price.hourly * SECONDS_PER_HOUR / price.trainings)
    if affordable < LEAST_SECONDS:
        return Limited(bodies, problem=_refuse(maxcost, affordable, price, steps.maximum))
    if affordable >= price.max_seconds:
        return Limited(bodies)
    reserved = f", of which {format_dollars(steps.maximum)} is for the other jobs," if steps.maximum else ""
    note = (
        f"maxcost ({format_dollars(maxcost)}){reserved} ends {_name(price)} after {affordable // 60} minutes, before "
        "trainmaxrun does."
    )
    return Limited(_shorten(bodies, affordable), maxcost, note=note)


def _refuse(maxcost: float, affordable: int, price: TrainingPrice, reserved: float) -> str:
    assert price.hourly is not None
    least = reserved + price.hourly * price.trainings * LEAST_SECONDS / SECONDS_PER_HOUR
    steps = f" after {format_dollars(reserved)} for the other jobs" if reserved else ""
    return (
        f"maxcost is {maxcost:g}, which pays for {affordable} seconds of {_name(price)} at "
        f"{format_dollars(price.hourly)} an hour{steps}; it must be at least {least + 0.005:.2f}, which pays for "
        f"{LEAST_SECONDS // 60} minutes."
    )


def _name(price: TrainingPrice) -> str:
    return "the training" if price.trainings == 1 else f"each of {price.trainings} trainings"


def _shorten(bodies: Bodies, seconds: int) -> Bodies:
    shortened = dict(bodies)
    if "training" in bodies:
        shortened["training"] = _limit(bodies["training"], seconds)
    else:
        definition = _limit(bodies["tuning"]["TrainingJobDefinition"], seconds)
        shortened["tuning"] = bodies["tuning"] | {"TrainingJobDefinition": definition}
    return shortened


def _limit(training: dict[str, Any], seconds: int) -> dict[str, Any]:
    condition = training.get("StoppingCondition", {}) | {"MaxRuntimeInSeconds": seconds}
    return training | {"StoppingCondition": condition}
