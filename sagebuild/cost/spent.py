"""Estimates what a build costs before, during and after it, from the prices of its instances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sagebuild.builds.records import BuildRecord, StepJob, now
from sagebuild.running.job import count_paid_seconds
from sagebuild.running.step_jobs import describe_step_jobs
from sagebuild.service import Service
from sagebuild.units import SECONDS_PER_HOUR

NEVER_COUNTED = "Storage, data transfer, requests, logs, taxes, the free tier and discounts are left out."


@dataclass(frozen=True)
class Cost:
    """An estimate in US dollars; None where a price is unknown.

    Parameters
    ----------
    spent
        The cost of the training and of the other jobs, until now or until their end; None also before there is a
        build.
    maximum
        The most that they can cost.
    endpoint_hourly
        The cost of the endpoint per hour.
    prices_date
        The date of the prices, in ISO format; empty for a build that was not planned yet.
    left_out
        One sentence for each cost that the estimate does not include.
    has_steps
        Whether ``spent`` and ``maximum`` include processing, evaluation and transform jobs.
    trains
        Whether ``spent`` and ``maximum`` include a training.
    """

    spent: float | None
    maximum: float | None
    endpoint_hourly: float | None
    prices_date: str
    left_out: tuple[str, ...]
    has_steps: bool = False
    trains: bool = True

    def __str__(self) -> str:
        return format_cost(self)


def describe_cost(service: Service, record: BuildRecord, at: datetime | None = None) -> Cost:
    """Return the cost of a build before, during or after it.

    Parameters
    ----------
    at
        The time until which a running training counts; default now.
    """
    spent = record.cost
    if not record.has_ended and record.training_hourly_cost is not None and record.prices_date:
        until = at or now()
        described = replace(record, step_jobs=describe_step_jobs(service, record, until))
        spent = price_seconds(described, count_paid_seconds(service, record, until))
    left_out, hourly = tuple(record.cost_left_out), record.endpoint_hourly_cost
    return Cost(
        spent,
        record.cost_max,
        hourly,
        record.prices_date,
        left_out,
        has_steps=bool(record.step_jobs),
        trains=includes_training(record),
    )


def includes_training(record: BuildRecord) -> bool:
    """Return False if a build was planned without a training."""
    return record.training_hourly_cost != 0


def name_jobs(*, trains: bool, has_steps: bool) -> str:
    """Name the jobs that a cost is of."""
    if not has_steps:
        return "training"
    return "training and the other jobs" if trains else "its jobs"


def price_seconds(record: BuildRecord, seconds: float) -> float | None:
    """Return the cost of a build's jobs in US dollars; None if a price is unknown.

    Parameters
    ----------
    record
        With the jobs beside the training when last described.
    seconds
        Of the training, per instance.
    """
    hourly, steps = record.training_hourly_cost, price_step_jobs(record.step_jobs)
    return None if hourly is None or steps is None else round(hourly * seconds / SECONDS_PER_HOUR + steps, 6)


def price_step_jobs(jobs: Iterable[StepJob]) -> float | None:
    """Return the cost of the jobs beside the training so far in US dollars; None if the price of one is unknown."""
    total = 0.0
    for job in jobs:
        if job.seconds and job.hourly_cost is None:
            return None
        total += (job.hourly_cost or 0) * job.seconds / SECONDS_PER_HOUR
    return total


def format_cost(cost: Cost) -> str:
    """Format an estimate as one sentence, plus one for each cost of this build that it does not include."""
    if not cost.prices_date:
        return "not known before the build is planned."
    parts = [_format_jobs(cost)]
    if cost.endpoint_hourly:
        parts.append(f"the endpoint costs about {format_dollars(cost.endpoint_hourly)} an hour while it is up")
    estimate = (
        f"{'; '.join(parts)}; at prices of {cost.prices_date}, without storage, transfer, requests and discounts."
    )
    return " ".join([estimate, *(sentence for sentence in cost.left_out if sentence != NEVER_COUNTED)])


def _format_jobs(cost: Cost) -> str:
    if cost.spent is None and cost.maximum is None:
        return f"no price of {'its jobs' if cost.has_steps else 'the training'} is known"
    jobs = name_jobs(trains=cost.trains, has_steps=cost.has_steps)
    most = f"at most {format_dollars(cost.maximum)}" if cost.maximum else ""
    if cost.spent is None:
        return f"{most or 'nothing'} for {jobs}"
    return f"{format_amount(cost.spent)} for {jobs}" + (f" ({most} was planned)" if most else "")


def format_amount(estimate: float) -> str:
    """Format an estimated amount for a sentence: "about $0.46", "less than $0.01", "nothing"."""
    amount = format_dollars(estimate) if estimate else "nothing"
    return f"about {amount}" if amount.startswith("$") else amount


def format_dollars(amount: float) -> str:
    """Format an amount: "$0.46", "$1,234", "less than $0.01"."""
    if 0 < amount < 0.005:
        return "less than $0.01"
    return f"${amount:,.2f}" if amount < 1000 else f"${amount:,.0f}"
