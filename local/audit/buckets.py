"""Bucket policies with their conditions; moto applies a conditional Deny to everybody."""

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from local.audit import needs
from local.audit.policies import decide, parse
from local.calls import current
from local.refusals import RefusedError

MOTO_NAMES = ("moto.s3.models.FakeBucket.get_permission", "moto.iam.access_control.PermissionResult")


def install() -> None:
    """Evaluate bucket policies here, wherever moto asks what one says."""
    FakeBucket.get_permission = _permission


def _permission(bucket: Any, action: str, resource: str) -> Any:
    """What a bucket's policy says to everybody; statements for named principals are left to the audit of roles."""
    call = current()
    if bucket.policy is None or call is None:
        return PermissionResult.NEUTRAL
    statements = [
        statement for statement in parse(bucket.policy.decode()) if statement.get("Principal") in ("*", {"AWS": "*"})
    ]
    verdict = decide(statements, action, resource, needs.context(call))
    if verdict.allowed is None:
        raise RefusedError("NotImplemented", f"The policy of bucket {bucket.name}: {verdict.reason}", 501)
    if verdict.allowed:
        return PermissionResult.PERMITTED
    return PermissionResult.DENIED if verdict.reason.startswith("explicit") else PermissionResult.NEUTRAL
