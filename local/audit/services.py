"""Audits the messages that AWS's services send: whether the policy of the queue or topic allows them."""

import json
from typing import Any

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local import accounts, audit
from local.audit.conditions import Context
from local.audit.permissions import Permission
from local.audit.policies import Verdict, decide
from local.audit.principals import names_service

MOTO_NAMES = (
    "moto.sns.models.Topic.policy",
    "moto.sns.models.sns_backends",
    "moto.sqs.models.Queue.policy",
    "moto.sqs.models.sqs_backends",
)
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "SNS:Publish"}


def check(service: str, source_arn: str, receiver: str) -> Verdict:
    """Record a message of a service to a queue or topic, and return whether the receiver's policy allows it.

    Parameters
    ----------
    service
        The principal, such as ``sns.amazonaws.com``.
    source_arn
        The topic, rule, bucket or alarm that sends the message.
    receiver
        The ARN of the queue or topic; one that does not exist needs no permission.
    """
    kind, region = receiver.split(":")[2:4]
    document = _read_policy(kind, region, receiver)
    if document is None:
        return Verdict(True)
    statements = [each for each in document.get("Statement", []) if names_service(each.get("Principal"), service)]
    verdict = decide(statements, _ACTIONS[kind], receiver, _context(service, source_arn))
    if verdict.allowed is False and not verdict.reason.startswith("explicit"):
        verdict = Verdict(False, f"no statement of the receiver's policy allows it for {source_arn}")
    audit.record(service, Permission(f"{kind}:{_ACTIONS[kind].partition(':')[2]}", receiver), verdict)
    return verdict


def _read_policy(kind: str, region: str, receiver: str) -> dict[str, Any] | None:
    """The policy's document, empty if there is none; None if there is no such queue or topic."""
    if kind == "sns":
        found = sns_backends[accounts.of_arn(receiver)][region].topics.get(receiver)
    else:
        found = sqs_backends[accounts.of_arn(receiver)][region].queues.get(receiver.rpartition(":")[2])
    return None if found is None else json.loads(found.policy or "{}")


def _context(service: str, source_arn: str) -> Context:
    # The policy with which SNS creates a topic has AWS:SourceOwner, a key that CloudWatch sends:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    account = accounts.of_arn(source_arn)
    owner = account if service == "cloudwatch.amazonaws.com" else ""
    keys: Context = {"aws:SourceArn": source_arn, "aws:SourceAccount": account, "aws:SecureTransport": "true"}
    return keys | {"aws:SourceOwner": owner}
