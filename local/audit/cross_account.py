"""Calls and messages from one account to another: the policy of the bucket, event bus or role must allow them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html. AWS also asks
for a policy of the calling role or user, which the audit of its own account evaluates. Unlike those, these refusals do
not depend on --enforce-iam: without them, accounts would not be separate.
"""

import json
from collections.abc import Sequence
from typing import Any

from moto.events.models import events_backends
from moto.s3.models import s3_backends

from local import accounts, partitions
from local.audit import permissions, trust
from local.audit.conditions import Context
from local.audit.permissions import Permission
from local.audit.policies import Verdict, decide, parse
from local.audit.principals import names_account, names_identity
from local.calls import Call
from local.errors import RefusedError

MOTO_NAMES = (
    "moto.events.models.EventBus.policy",
    "moto.events.models.EventsBackend.describe_event_bus",
    "moto.events.models.events_backends",
    "moto.s3.models.s3_backends",
)


def check(call: Call) -> None:
    """Refuse a call for a bucket or role of another account that the policy of the bucket or role does not allow.

    Raises
    ------
    RefusedError
        As S3 and STS do.
    """
    if call.action == "sts:AssumeRole":
        _check_role(call)
    if call.prefix != "s3":
        return
    if call.caller.is_anonymous:
        _check_anonymous(call)
        return
    for needed in permissions.of(call):
        bucket = (needed.resource or "").rpartition(":")[2].partition("/")[0]
        owner = s3_backends.bucket_accounts.get(bucket, ("", call.account))[1]
        if owner == call.account or not needed.action.startswith("s3:"):
            continue
        verdict = _decide_for_bucket(call, needed, bucket, owner)
        if not verdict.allowed:
            reason = f"Access Denied: {needed.action} on {needed.resource}: {verdict.reason}"
            raise RefusedError("AccessDenied", reason, 403)


def _check_anonymous(call: Call) -> None:
    """Refuse an unsigned call, unless the bucket's policy allows it for everybody; S3 reports a missing bucket."""
    for needed in permissions.of(call):
        bucket = (needed.resource or "").rpartition(":")[2].partition("/")[0]
        verdict = Verdict(False, "it needs a signature")
        if bucket in s3_backends.bucket_accounts:
            verdict = _decide_for_bucket(call, needed, bucket, s3_backends.bucket_accounts[bucket][1])
        elif bucket.strip("*") and call.action != "s3:CreateBucket":
            continue
        if not verdict.allowed:
            reason = f"Access Denied: {needed.action} on {needed.resource} without a signature: {verdict.reason}"
            raise RefusedError("AccessDenied", reason, 403)


def _check_role(call: Call) -> None:
    role = str(call.parameters.get("RoleArn", ""))
    if accounts.of_arn(role) == call.account:
        return
    caller = call.caller.arn or f"arn:{partitions.current()}:iam::{call.account}:root"
    verdict = trust.decide_alone(call, caller)
    if not verdict.allowed:
        # The wording: https://repost.aws/knowledge-center/iam-assume-role-error
        message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"
        raise RefusedError("AccessDenied", message, 403)


def _decide_for_bucket(call: Call, needed: Permission, bucket: str, owner: str) -> Verdict:
    found = s3_backends[owner][partitions.current()].buckets[bucket]
    statements = parse(found.policy.decode()) if found.policy else []
    context = permissions.context(call) | needed.context
    account = "" if call.caller.is_anonymous else call.account
    return _decide(statements, needed, account, call.caller.arn or "", context, f"bucket {bucket}")


def check_bus(bus_arn: str, event: dict[str, Any], sender: str) -> Verdict:
    """Return whether the policy of another account's bus lets an account put an event on it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    account, region, name = accounts.of_arn(bus_arn), bus_arn.split(":")[3], bus_arn.partition("event-bus/")[2]
    if account == sender:
        return Verdict(True)
    bus = events_backends[account][region].event_buses.get(name)
    if bus is None:
        return Verdict(False, "there is no such event bus")
    context: Context = {"events:source": event["source"], "events:detail-type": event["detail-type"]}
    needed = Permission("events:PutEvents", bus_arn)
    return _decide(json.loads(bus.policy or "{}").get("Statement", []), needed, sender, "", context, bus_arn)


def _decide(
    statements: Sequence[Any], needed: Permission, account: str, identity: str, context: Context, owner: str
) -> Verdict:
    with accounts.acting_in(account):
        chosen = [
            each
            for each in statements
            if names_account(each.get("Principal")) or names_identity(each.get("Principal"), identity)
        ]
    verdict = decide(chosen, needed.action, needed.resource, context)
    if verdict.allowed is False and not verdict.reason.startswith("explicit"):
        return Verdict(False, f"no statement of the policy of {owner} allows it for {account or 'everybody'}")
    return verdict
