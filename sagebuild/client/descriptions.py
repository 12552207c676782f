"""Describes a build's record in words: labelled fields, a table row, the outcome in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sagebuild.builds.records import BuildRecord
from sagebuild.cost.spent import format_dollars, includes_training, name_jobs
from sagebuild.notifications.words import (
    VERBS,
    describe_requests,
    describe_step_jobs,
    format_metrics,
    format_moment,
    format_seconds,
)
from sagebuild.service import Service
from sagebuild.steps.approval import describe_request

_VALUE_LENGTH = 24  # characters
COLUMNS = ("build", "outcome", "started (UTC)", "took", "started by", "metrics", "reason")  # of `describe_row`


def describe_fields(record: BuildRecord) -> dict[str, str]:
    """Return a build's fields as labelled text; empty ones are left out."""
    fields = {
        "outcome": record.status,
        "step": record.step,
        "reason": record.reason,
        "started": format_moment(record.created_at),
        "took": format_seconds(record.seconds),
        "started by": describe_requests(record.trigger, record.requests, record.request_kinds),
        "rollback to": describe_target(record),
        "promoted from": record.promoted_from,
        "checksum": record.origin.get("checksum", ""),
        "overrides": record.overrides,
        "project": record.project_commit,
        "commit": record.source_commit,
        "jobs": describe_step_jobs(record),
        "training": record.training_job,
        "tuning": _describe_tuning(record),
        "image": record.training_image,
        "metrics": format_metrics(record.metrics),
        "best values": format_values(record.best_hyperparameters),
        "live metrics": format_metrics(record.live_metrics),
        "report": next((job.report for job in record.step_jobs if job.report and job.has_ended), ""),
        "results": next((job.output for job in record.step_jobs if job.status == "Completed" and job.output), ""),
        "approval": _describe_approval(record),
        "cost": describe_cost_briefly(record),
        "model": record.artifacts,
        "live before": record.live_before,
        "live after": record.live_after,
        "notes": "\n".join(record.notes),
    }
    return {name: value for name, value in fields.items() if value}


def describe_row(record: BuildRecord) -> Sequence[str]:
    """Return a build's cells in a table of builds, as `COLUMNS` names them."""
    target = describe_target(record)
    kind = f"rollback to {target}" if target else f"{record.promoted_from} promoted" if record.promoted_from else ""
    reason = record.reason or kind
    return (
        str(record.number),
        record.status,
        record.created_at[:16].replace("T", " "),
        str(timedelta(seconds=round(record.seconds))),
        record.trigger.kind,
        format_metrics(record.metrics),
        " ".join(reason.partition("\n\n")[0].split()),  # the rest is lines of a log
    )


def suggest(service: Service, command: str) -> str:
    """Return a command for the user to run: "sagebuild watch 4", or "sagebuild watch 4 --pipeline fraud"."""
    return f"sagebuild {command}" + (f" --pipeline {service.pipeline}" if service.pipeline else "")


def describe_outcome(service: Service, record: BuildRecord) -> str:
    """Return a build's state or outcome in one or two sentences."""
    name = name_build(record)
    if record.status == "waiting":
        return f"{name} waits for the running build to end; it covers {count_requests(record.requests)}."
    if record.awaits_approval:
        yes, no = (suggest(service, f"{answer} {record.number}") for answer in ("approve", "reject"))
        return f"{describe_request(record)} Yes: {yes}. No: {no}."
    if not record.has_ended:
        return f"{name} has been running for {format_seconds(record.seconds)}."
    step = f", at the step {record.step}" if record.step else ""
    reason = f" {record.reason}" if record.reason else ""
    return f"{name} {VERBS[record.status]} after {format_seconds(record.seconds)}{step}.{reason}"


def describe_cost_briefly(record: BuildRecord) -> str:
    """Return the cost of the jobs, or its maximum, in a few words; `sagebuild cost` adds the rest."""
    jobs = name_jobs(trains=includes_training(record), has_steps=bool(record.step_jobs))
    if record.cost is not None:
        return f"about {format_dollars(record.cost)} of {jobs}".replace("about less", "less")
    return f"at most {format_dollars(record.cost_max)} of {jobs}" if record.cost_max is not None else ""


def name_build(record: BuildRecord) -> str:
    """Return a build's name for a sentence: "Build 4", or "Build 5, a rollback to build 3,"."""
    target = describe_target(record)
    return f"Build {record.number}" + (f", a rollback to {target}," if target else "")


def describe_target(record: BuildRecord) -> str:
    """Return the build that a rollback restores, in words; empty if the record is no rollback."""
    if not record.trigger.rollback:
        return ""
    target = str(record.restores or record.trigger.rollback)
    return f"build {target}" if target.isdecimal() else "the previous build"


def count_requests(count: int) -> str:
    """Return "1 request" or "3 requests"."""
    return "1 request" if count == 1 else f"{count} requests"


def format_values(hyperparameters: Mapping[str, str]) -> str:
    """Format hyperparameters, such as "penalty l2, rate 0.1", with long numbers and texts shortened."""
    return ", ".join(f"{name} {shorten_value(value)}" for name, value in sorted(hyperparameters.items()))


def shorten_value(value: str) -> str:
    """Return a value with four significant digits if it is a long number, and a long text shortened."""
    try:
        short = f"{float(value):.4g}"
    except ValueError:
        return value if len(value) <= _VALUE_LENGTH else f"{value[:_VALUE_LENGTH]}..."
    return short if len(short) < len(value) and not value.lstrip("-").isdecimal() else value


def _describe_tuning(record: BuildRecord) -> str:
    progress = f" ({record.trainings_completed} of {record.trainings} trials completed)" if record.trainings else ""
    return f"{record.tuning_job}{progress}" if record.tuning_job else ""


def _describe_approval(record: BuildRecord) -> str:
    if not record.approval:
        return f"requested, until {format_moment(record.approval_until)}" if record.awaits_approval else ""
    comment = f": {record.approval_comment}" if record.approval_comment else ""
    return f"{record.approval} by {record.approval_by}{comment}"
