"""Holds a build to its ``maxcost``: refused where that cannot be known, else ended by SageMaker's own time limit."""

from __future__ import annotations

from typing import Any

from sagebuild.cost.estimate import Bodies, TrainingRun, read_training
from sagebuild.cost.spent import format_dollars
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.kinds import SECONDS_PER_HOUR
from sagebuild.plan.preflight import Findings
from sagebuild.service import Service

# What a training needs to start and to say anything: less is money for nothing.
LEAST_SECONDS = 300


def hold_maxcost(
    service: Service, parameters: BuildParameters, bodies: dict[str, dict[str, Any]], findings: Findings
) -> tuple[dict[str, dict[str, Any]], float | None]:
    """Shorten the training to what ``maxcost`` pays for, all trainings of a tuning job counted.

    A spot training's MaxWaitTimeInSeconds is left alone: waiting for capacity costs nothing.

    Returns
    -------
    tuple
        The requests, and maxcost if it shortened the training.
    """
    run = read_training(service.region, parameters, bodies)
    if parameters.maxcost is None or not run.trainings:
        return bodies, None
    if run.hourly is None:
        findings.problems.append(
            f"maxcost cannot be held: no price of training on {', '.join(run.unknown)} in {service.region} is known; "
            "take maxcost out, or train on another type."
        )
        return bodies, None
    affordable = int(parameters.maxcost / run.hourly * SECONDS_PER_HOUR / run.trainings)
    if affordable < LEAST_SECONDS:
        findings.problems.append(_refuse(parameters.maxcost, affordable, run))
        return bodies, None
    if affordable >= run.max_seconds:
        return bodies, None
    findings.notes.append(
        f"maxcost ({format_dollars(parameters.maxcost)}) ends {_name(run)} after {affordable // 60} minutes, sooner "
        "than trainmaxrun does."
    )
    return _shorten(bodies, affordable), parameters.maxcost


def explain_maxcost(limit: float) -> str:
    """Why a training ended that ``maxcost`` had shortened."""
    return (
        f"The training was stopped when it had cost the {format_dollars(limit)} of maxcost; raise maxcost, or train "
        "less or on a cheaper type."
    )


def _refuse(maxcost: float, affordable: int, run: TrainingRun) -> str:
    assert run.hourly is not None
    least = run.hourly * run.trainings * LEAST_SECONDS / SECONDS_PER_HOUR
    return (
        f"maxcost is {maxcost:g}, which pays for {affordable} seconds of {_name(run)} at "
        f"{format_dollars(run.hourly)} an hour; it must be at least {least + 0.005:.2f}, which pays for "
        f"{LEAST_SECONDS // 60} minutes."
    )


def _name(run: TrainingRun) -> str:
    return "the training" if run.trainings == 1 else f"each of {run.trainings} trainings"


def _shorten(bodies: Bodies, seconds: int) -> dict[str, dict[str, Any]]:
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
