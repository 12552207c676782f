"""Says once, in plain words, what became of a build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, Trigger, describe_record, now, update_build
from sagebuild.cost.spent import describe_cost, tell_cost
from sagebuild.errors import AwsUnavailableError
from sagebuild.names import console_url, name_endpoint, name_resource
from sagebuild.service import Service, aws_call

# Longer than one publication takes with all its retries: who has claimed it for so long has died.
CLAIM = timedelta(seconds=90)

# What became of a build, as it reads behind "build 12".
VERBS = {"succeeded": "succeeded", "failed": "failed", "stopped": "was stopped", "withheld": "was not deployed"}
# Who subscribes with these gets the facts as JSON; everybody else, mail above all, the text.
_MACHINES = ("firehose", "http", "https", "lambda", "sqs")
# Of the record: the document is long and a person's own, the rest is of no use outside.
_UNTOLD = ("parameters", "scaling_before", "notice_claimed_at", "notice_claimed_by", "notified_at")


def notify_once(service: Service, record: BuildRecord, at: datetime, claimant: str) -> bool:
    """Publish a build's one notification, unless that was done.

    SNS and the table know no common transaction, so it is claimed, published, and then marked as told. Whoever dies in
    between leaves a claim that runs out, and the message is published again: never none, and in the one case of a death
    between publication and mark a second one, which says so and bears the same id.

    Parameters
    ----------
    record
        As it was just read.
    at
        The time that claims are judged by.
    claimant
        Who tells. Lambda tries an invocation again under the same id, and only when the earlier try is over; so a claim
        of one's own is one of a try that died.

    Returns
    -------
    bool
        Whether this call published it.
    """
    earlier = record.notice_claimed_at
    if record.notified_at or (_is_claimed(record, at) and record.notice_claimed_by != claimant):
        return False
    unclaimed, claim = {"notified_at": "", "notice_claimed_at": earlier}, at.isoformat()
    if not update_build(service, record.number, only_if=unclaimed, notice_claimed_at=claim, notice_claimed_by=claimant):
        return False
    try:
        _publish(service, record, repeated=bool(earlier))
    except (AwsUnavailableError, ClientError):
        update_build(service, record.number, only_if={"notice_claimed_at": claim}, notice_claimed_at=earlier)
        raise
    return update_build(service, record.number, notified_at=now().isoformat())


def _is_claimed(record: BuildRecord, at: datetime) -> bool:
    return bool(record.notice_claimed_at) and at - datetime.fromisoformat(record.notice_claimed_at) < CLAIM


def _publish(service: Service, record: BuildRecord, *, repeated: bool) -> None:
    text = write_message(service, record)
    if repeated:
        text += "\nThis may be the second message about this build: it is not certain that the first one left."
    subject = f"{service.stack_name}: {_name_kind(record)} {record.number} {VERBS[record.status]}"
    publish_facts(service, subject, build_facts(service, record, text, console_url(service, record.number)))


def publish_facts(service: Service, subject: str, facts: Mapping[str, Any]) -> None:
    """Send people the ``text`` of these facts and machines all of them; ``id`` and ``outcome`` are attributes, too.

    Parameters
    ----------
    facts
        What `build_facts` gives, or more.
    """
    with aws_call(f"send the message {facts['id']}"):
        service.sns.publish(
            TopicArn=service.settings.results_topic_arn,
            Subject=subject[:100],
            MessageStructure="json",
            Message=json.dumps({"default": facts["text"]} | dict.fromkeys(_MACHINES, json.dumps(facts))),
            MessageAttributes={name: {"DataType": "String", "StringValue": facts[name]} for name in ("id", "outcome")},
        )


def build_facts(service: Service, record: BuildRecord, text: str, console: str) -> dict[str, Any]:
    """What machines are told: all that the record knows under the record's own names, and the text for people.

    ``id`` is the same in every message about a build, and in no other.
    """
    return {
        "id": name_resource(service, record.number),
        "stack": service.stack_name,
        "endpoint": name_endpoint(service),
        "outcome": record.status,
        "seconds": round(record.seconds),
        "console": console,
        "text": text,
        "build": {name: value for name, value in describe_record(record).items() if name not in _UNTOLD},
    }


def count_listeners(service: Service) -> int:
    """How many confirmed subscriptions hear the notifications, up to the hundred that SNS tells at once."""
    with aws_call("look who hears the notifications"):
        found = service.sns.list_subscriptions_by_topic(TopicArn=service.settings.results_topic_arn)["Subscriptions"]
    return sum(subscription["SubscriptionArn"].startswith("arn:") for subscription in found)


def write_message(service: Service, record: BuildRecord) -> str:
    """The text of the notification: what happened, why, how long, and what is live now."""
    step = f", in the step {record.step}" if record.step else ""
    lines = [
        f"Build {record.number} of {service.stack_name}{_tell_kind(record)} {VERBS[record.status]} "
        f"after {format_seconds(record.seconds)}{step}.",
        f"Reason: {record.reason}" if record.reason else "",
        _tell_trigger(record),
        _tell_training(record),
        _tell_approval(record),
        f"Cost: {tell_cost(describe_cost(service, record))}" if record.prices_date else "",
        _tell_endpoint(service, record),
        *(f"Note: {note}" for note in record.notes),
        _tell_next(service, record),
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


def tell_metrics(metrics: Mapping[str, float]) -> str:
    """Names and values, as in "accuracy 0.91, loss 0.2"."""
    return ", ".join(f"{name} {value:g}" for name, value in sorted(metrics.items()))


def _tell_approval(record: BuildRecord) -> str:
    if record.approval != "approved":  # who said no is the reason
        return ""
    said = f": {record.approval_comment}" if record.approval_comment else ""
    return f"Approved by: {record.approval_by}{said}."


def _tell_trigger(record: BuildRecord) -> str:
    said = f"Started by: {describe_requests(record.trigger, record.requests, record.request_kinds)}"
    waited = f"; the first came at {tell_moment(record.requested_since)}" if record.requested_since else ""
    return f"{said}{waited}." + (f"\nFor this build alone: {record.overrides}" if record.overrides else "")


def _tell_next(service: Service, record: BuildRecord) -> str:
    """Which requests have come while the build ran; they start the next one."""
    state = read_state(service)
    pending = state.pending if state.running == record.number else None
    if not pending:
        return ""
    who = describe_requests(pending.trigger, pending.count, pending.kinds)
    return f"Next: a build follows, asked for by {who}; the first came at {tell_moment(pending.since)}."


def describe_requests(trigger: Trigger, count: int, kinds: Mapping[str, int]) -> str:
    """What asked for a build: the first trigger, and how many there were of each kind if it was not the only one."""
    first = f"{trigger.kind} ({trigger.detail})" if trigger.detail else trigger.kind
    if count == 1:
        return first
    each = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return f"{first}, the first of {count} requests" + (f" ({each})" if each else "")


def tell_moment(iso: str) -> str:
    """A moment of a record for a person to read."""
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S} UTC"


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
    metrics = tell_metrics(record.metrics)
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
    metrics = tell_metrics(record.metrics)
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
