"""Says once, in plain words, what became of a build."""

from __future__ import annotations

from botocore.exceptions import ClientError

from sagebuild.errors import AwsUnavailableError
from sagebuild.names import console_url, name_endpoint
from sagebuild.records import BuildRecord, now, update_build
from sagebuild.service import Service, aws_call

_VERBS = {"succeeded": "succeeded", "failed": "failed", "stopped": "was stopped"}


def notify_once(service: Service, record: BuildRecord) -> bool:
    """Publish a build's one notification, unless that was done.

    The claim is written first, so that an event delivered twice is told once; a failed publication gives it back.

    Returns
    -------
    bool
        Whether this call published it.
    """
    claim = now().isoformat()
    if not update_build(service, record.number, only_if={"notified_at": ""}, notified_at=claim):
        return False
    try:
        with aws_call(f"send the notification of build {record.number}"):
            service.sns.publish(
                TopicArn=service.setting("RESULTS_TOPIC_ARN"),
                Subject=f"{service.stack_name}: {_name_kind(record)} {record.number} {_VERBS[record.status]}"[:100],
                Message=write_message(service, record),
                MessageAttributes={"outcome": {"DataType": "String", "StringValue": record.status}},
            )
    except (AwsUnavailableError, ClientError):
        update_build(service, record.number, only_if={"notified_at": claim}, notified_at="")
        raise
    return True


def write_message(service: Service, record: BuildRecord) -> str:
    """The text of the notification: what happened, why, how long, and what is live now."""
    step = f", in the step {record.step}" if record.step else ""
    lines = [
        f"Build {record.number} of {service.stack_name}{_tell_kind(record)} {_VERBS[record.status]} "
        f"after {format_seconds(record.seconds)}{step}.",
        f"Reason: {record.reason}" if record.reason else "",
        _tell_trigger(record),
        _tell_training(record),
        _tell_endpoint(service, record),
        *(f"Note: {note}" for note in record.notes),
        f"Details: {console_url(service, record.number)}",
    ]
    return "\n".join(line for line in lines if line)


def format_seconds(seconds: float) -> str:
    """A time span as a person says it, by its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "hour"), (minutes, "minute"), (rest, "second"))
    said = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in units if count]
    return " ".join(said[:2]) or "0 seconds"


def _tell_trigger(record: BuildRecord) -> str:
    more = f", which stood for {record.requests} requests" if record.requests > 1 else ""
    return f"Started by: {record.trigger.kind}{more}."


def _name_kind(record: BuildRecord) -> str:
    return "rollback" if record.trigger.rollback else "build"


def _tell_kind(record: BuildRecord) -> str:
    """What it is, if not a build like others."""
    if not record.trigger.rollback:
        return ""
    target = record.restores or record.trigger.rollback
    return f", a rollback to {f'build {target}' if str(target).isdecimal() else 'the previous build'},"


def _tell_training(record: BuildRecord) -> str:
    if record.trigger.rollback:
        return ""
    if not record.job_status:
        return "Training: none was started."
    if record.tuning_job:
        return _tell_tuning(record)
    metrics = ", ".join(f"{name} {value:g}" for name, value in sorted(record.metrics.items()))
    return (
        f"Training: {record.job_status}, {format_seconds(record.job_seconds)} paid for"
        f"{f'; {metrics}' if metrics else ''} ({record.training_job})."
    )


def _tell_tuning(record: BuildRecord) -> str:
    """How many trainings completed, and the best one with what it was given."""
    said = (
        f"Tuning: {record.job_status}, {record.trainings_completed} of {record.trainings} trainings completed, "
        f"{format_seconds(record.job_seconds)} paid for"
    )
    if not record.training_job:
        return f"{said} ({record.tuning_job})."
    metrics = ", ".join(f"{name} {value:g}" for name, value in sorted(record.metrics.items()))
    given = ", ".join(f"{name} {value}" for name, value in sorted(record.best_hyperparameters.items()))
    return f"{said}; the best has {metrics} with {given} ({record.training_job})."


def _tell_endpoint(service: Service, record: BuildRecord) -> str:
    name = name_endpoint(service)
    if not record.live_after:
        return f"Endpoint: there is no endpoint {name}."
    untouched = not record.has_succeeded and record.live_after != record.endpoint_config
    if untouched or record.live_after == record.live_before:
        return f"Endpoint: {name} serves what it served before, {record.live_after}."
    if record.restores:
        return (
            f"Endpoint: {name} serves the model of build {record.restores} again, {record.live_after}; before, "
            f"{record.live_before or 'nothing'}."
        )
    before = f"; before, {record.live_before}" if record.live_before else ""
    return f"Endpoint: {name} now serves {record.live_after}{before}."
