"""Bucket policies with their conditions; moto ignores the condition of a Deny."""

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from local.audit import permissions
from local.audit.policies import decide, parse
from local.calls import current
from local.errors import RefusedError

MOTO_NAMES = ("moto.s3.models.FakeBucket.get_permission", "moto.iam.access_control.PermissionResult")


def install() -> None:
    """Replace moto's evaluation of bucket policies."""
    FakeBucket.get_permission = _evaluate


def _evaluate(bucket: Any, action: str, resource: str) -> Any:
    """The verdict of the bucket policy's statements for every principal; those for named principals are skipped."""
    call = current()
    if bucket.policy is None or call is None:
        return PermissionResult.NEUTRAL
    statements = [
        statement for statement in parse(bucket.policy.decode()) if statement.get("Principal") in ("*", {"AWS": "*"})
    ]
    verdict = decide(statements, action, resource, permissions.context(call))
    if verdict.allowed is None:
        raise RefusedError("NotImplemented", f"The policy of bucket {bucket.name}: {verdict.reason}", 501)
    if verdict.allowed:
        return PermissionResult.PERMITTED
    return PermissionResult.DENIED if verdict.reason.startswith("explicit") else PermissionResult.NEUTRAL
