"""Publishes one notification at the end of each build, as text for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, describe_record, now, update_build
from sagebuild.errors import AwsUnavailableError
from sagebuild.names import console_url, name_endpoint, name_resource
from sagebuild.notifications.fitting import write_fitting
from sagebuild.notifications.words import write_message, write_subject
from sagebuild.service import Service, aws_call

# Longer than one publication takes: the holder of an older claim has died.
CLAIM = timedelta(seconds=90)

# Not in the facts: the document is long and the user's own, the others have no use outside.
_LEFT_OUT = (
    "parameters",
    "scaling_before",
    "component_before",
    "notice_claimed_at",
    "notice_claimed_by",
    "notified_at",
)
REPEATED = "\nThis message may be a repeat: it is not known whether the first one was sent."


def notify_once(service: Service, record: BuildRecord, at: datetime, claimant: str) -> bool:
    """Publish a build's one notification, unless it was published.

    SNS cannot publish within a DynamoDB transaction. So the notification is claimed in the record, published, and
    marked as published. A caller that dies in between leaves a claim that expires, and the next caller publishes. If
    the caller died between publication and mark, or if SNS's answer was lost, that is a second message: it says that it
    may be a repeat, and has the same id. So each claim covers a single call of SNS, which botocore does not retry.

    Parameters
    ----------
    record
        As it was just read.
    at
        The time by which claims expire.
    claimant
        The id of the Lambda invocation. Lambda retries an invocation under the same id once the earlier try has ended,
        so an own claim belongs to a try that died.

    Returns
    -------
    bool
        False when it was published before, or another caller holds the claim.
    """
    earlier = record.notice_claimed_at
    if record.notified_at or (_is_claimed(record, at) and record.notice_claimed_by != claimant):
        return False
    unclaimed, claim = {"notified_at": "", "notice_claimed_at": earlier}, at.isoformat()
    if not update_build(service, record.number, only_if=unclaimed, notice_claimed_at=claim, notice_claimed_by=claimant):
        return False
    try:
        _publish(service, record, is_repeated=bool(earlier))
    except (AwsUnavailableError, ClientError) as error:
        if isinstance(error, ClientError) or error.throttled:  # SNS refused the message, so it was not sent
            update_build(service, record.number, only_if={"notice_claimed_at": claim}, notice_claimed_at=earlier)
        raise
    return update_build(service, record.number, notified_at=now().isoformat())


def _is_claimed(record: BuildRecord, at: datetime) -> bool:
    return bool(record.notice_claimed_at) and at - datetime.fromisoformat(record.notice_claimed_at) < CLAIM


def _publish(service: Service, record: BuildRecord, *, is_repeated: bool) -> None:
    text = write_message(service, record) + (REPEATED if is_repeated else "")
    facts = build_facts(service, record, text, console_url(service, record.number))
    publish_facts(service, write_subject(service, record), facts)


def publish_facts(service: Service, subject: str, facts: Mapping[str, Any]) -> None:
    """Publish the ``text`` of the facts to people and all facts to machines.

    ``id`` and ``outcome`` are message attributes, too, and ``pipeline`` if it is not the default one.

    Parameters
    ----------
    facts
        As `build_facts` returns them.
    """
    # SNS allows no empty attribute.
    attributes = {name: facts[name] for name in ("id", "outcome", "pipeline") if facts[name]}
    with aws_call(f"send the message {facts['id']}"):
        service.sns.publish(
            TopicArn=service.settings.results_topic_arn,
            Subject=subject[:100],
            MessageStructure="json",
            Message=write_fitting(facts, attributes),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )


def build_facts(service: Service, record: BuildRecord, text: str, console: str) -> dict[str, Any]:
    """Build the JSON for machines: the record under its own names, and the text for people.

    ``id`` is the same in every message about the end of a build, and in no other message.
    """
    return {
        "id": name_resource(service, record.number),
        "stack": service.stack_name,
        "pipeline": service.pipeline,
        "endpoint": name_endpoint(service),
        "outcome": record.status,
        "seconds": round(record.seconds),
        "console": console,
        "text": text,
        "build": {name: value for name, value in describe_record(record).items() if name not in _LEFT_OUT},
    }


def count_listeners(service: Service) -> int:
    """Count the confirmed subscriptions to the notifications; at most 100, one page of SNS."""
    with aws_call("list the subscriptions to the notifications"):
        found = service.sns.list_subscriptions_by_topic(TopicArn=service.settings.results_topic_arn)["Subscriptions"]
    return sum(subscription["SubscriptionArn"].startswith("arn:") for subscription in found)
