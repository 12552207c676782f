"""Writes text about a build: the notification, and the phrases that the client and the skill share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.cost.spent import describe_cost, format_cost
from sagebuild.names import console_url, name_endpoint
from sagebuild.service import Service

# The outcome of a build, as it reads after "build 12".
VERBS = {"succeeded": "succeeded", "failed": "failed", "stopped": "was stopped", "withheld": "was not deployed"}


def write_subject(service: Service, record: BuildRecord) -> str:
    """Write the subject of the notification, such as "sagebuild-dev: build 12 succeeded"."""
    return f"{service.label}: {name_kind(record)} {record.number} {VERBS[record.status]}"


def name_kind(record: BuildRecord) -> str:
    """Return "build", or the word for one that trains nothing: "rollback" or "promotion"."""
    return "rollback" if record.trigger.rollback else "promotion" if record.origin else "build"


def write_message(service: Service, record: BuildRecord) -> str:
    """Write the text of the notification: the outcome, its reason, the duration, and the live configuration."""
    step = f", in the step {record.step}" if record.step else ""
    lines = [
        f"Build {record.number} of {service.label}{_write_kind(service, record)} {VERBS[record.status]} "
        f"after {format_seconds(record.seconds)}{step}.",
        f"Reason: {record.reason}" if record.reason else "",
        _write_trigger(record),
        _write_steps(record),
        _write_training(record),
        _write_evaluation(record),
        _write_approval(record),
        _write_transform(record),
        f"Cost: {format_cost(describe_cost(service, record))}" if record.prices_date else "",
        write_endpoint(service, record),
        *(f"Note: {note}" for note in record.notes),
        _write_next(service, record),
        f"Details: {console_url(service, record.number)}",
    ]
    return "\n".join(line for line in lines if line)


def describe_requests(trigger: Trigger, count: int, kinds: Mapping[str, int]) -> str:
    """Describe what started a build: its first trigger, and of several requests how many of each kind there were."""
    first = f"{trigger.kind} ({trigger.detail})" if trigger.detail else trigger.kind
    if count == 1:
        return first
    each = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return f"{first}, the first of {count} requests" + (f" ({each})" if each else "")


def format_metrics(metrics: Mapping[str, float]) -> str:
    """Format names and values, such as "accuracy 0.91, loss 0.2"."""
    return ", ".join(f"{name} {value:g}" for name, value in sorted(metrics.items()))


def format_moment(iso: str) -> str:
    """Format a time of a record, such as "2026-11-27 12:00:00 UTC"."""
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S} UTC"


def format_seconds(seconds: float) -> str:
    """Format a time span by its two largest units, such as "1 hour 5 minutes"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "hour"), (minutes, "minute"), (rest, "second"))
    counts = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in units if count]
    return " ".join(counts[:2]) or "0 seconds"


def _write_kind(service: Service, record: BuildRecord) -> str:
    if record.promoted_from:
        account = record.origin["account"]
        where = f" in account {account}" if account != service.account else ""
        return f", promoted from {record.promoted_from}{where},"
    if not record.trigger.rollback:
        return ""
    target = record.restores or record.trigger.rollback
    return f", a rollback to {f'build {target}' if str(target).isdecimal() else 'the previous build'},"


def _write_trigger(record: BuildRecord) -> str:
    trigger = describe_requests(record.trigger, record.requests, record.request_kinds)
    waited = f"; first requested at {format_moment(record.requested_since)}" if record.requested_since else ""
    overrides = f"\nParameters for this build only: {record.overrides}" if record.overrides else ""
    return f"Started by: {trigger}{waited}.{overrides}"


def describe_step_jobs(record: BuildRecord, kinds: Collection[str] = ("processing", "transform")) -> str:
    """Describe the jobs beside the training, such as "split Completed, 40 seconds; evaluation Completed, ..."."""
    return "; ".join(
        f"{job.name} {job.status}, {format_seconds(job.seconds)}"
        if job.job
        else f"{job.name} of build {job.outputs_of}"
        for job in record.step_jobs
        if job.kind in kinds and (job.status or not job.job)
    )


def _write_steps(record: BuildRecord) -> str:
    described = describe_step_jobs(record, ("processing",))
    return f"Processing: {described}." if described else ""


def _write_evaluation(record: BuildRecord) -> str:
    return f"Evaluation: {format_metrics(record.evaluation_metrics)}." if record.evaluation_metrics else ""


def _write_transform(record: BuildRecord) -> str:
    for job in record.step_jobs:
        if job.output and job.status:
            where = f"; the results are in {job.output}" if job.status == "Completed" else ""
            return f"Batch transform: {job.status}, {format_seconds(job.seconds)}{where}."
    return ""


def _list_training_metrics(record: BuildRecord) -> dict[str, float]:
    return {name: value for name, value in record.metrics.items() if name not in record.evaluation_metrics}


def _write_training(record: BuildRecord) -> str:
    if record.trigger.rollback:
        return ""
    if record.origin and record.metrics:
        return f"Training: none; promoted with {format_metrics(record.metrics)}."
    if not record.job_status:
        return "Training: none."
    if record.tuning_job:
        return _write_tuning(record)
    own = _list_training_metrics(record)
    metrics = f"; {format_metrics(own)}" if own else ""
    return (
        f"Training: {record.job_status}, {format_seconds(record.job_seconds)} billed{metrics} ({record.training_job})."
    )


def _write_tuning(record: BuildRecord) -> str:
    trainings = f"{record.trainings_completed} of {record.trainings} trainings completed"
    tuning = f"Tuning: {record.job_status}, {trainings}, {format_seconds(record.job_seconds)} billed"
    if not record.training_job:
        return f"{tuning} ({record.tuning_job})."
    chosen = ", ".join(f"{name} {value}" for name, value in sorted(record.best_hyperparameters.items()))
    best = format_metrics(_list_training_metrics(record))
    return f"{tuning}; the best has {best} with {chosen} ({record.training_job})."


def _write_approval(record: BuildRecord) -> str:
    if record.approval != "approved":  # a rejection is the reason
        return ""
    comment = f": {record.approval_comment}" if record.approval_comment else ""
    return f"Approved by: {record.approval_by}{comment}."


def write_endpoint(service: Service, record: BuildRecord) -> str:
    """Write what the endpoint serves after a build that has ended."""
    name = name_endpoint(service)
    if not record.live_after:
        return f"Endpoint: {name} does not exist."
    is_untouched = not record.has_succeeded and record.live_after != record.endpoint_config
    if is_untouched or record.live_after == record.live_before:
        return f"Endpoint: {name} still serves {record.live_after}, as before this build."
    before = f"; before, it served {record.live_before}" if record.live_before else ""
    if record.restores:
        return f"Endpoint: {name} serves the model of build {record.restores} again ({record.live_after}){before}."
    return f"Endpoint: {name} now serves {record.live_after}{before}."


def _write_next(service: Service, record: BuildRecord) -> str:
    state = read_state(service)
    pending = state.pending if state.running == record.number else None
    if not pending:
        return ""
    trigger = describe_requests(pending.trigger, pending.count, pending.kinds)
    return f"Next: another build starts, requested by {trigger}; first requested at {format_moment(pending.since)}."
