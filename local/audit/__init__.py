"""Audits IAM: the calls of each role, whether its policies allow them, and the permissions that it never used.

By default the audit only records. With ``--enforce-iam`` it refuses calls that are denied or undecided. It evaluates
inline and attached identity policies, and the policies of buckets, queues and topics. It evaluates no trust policies,
other resource policies, permissions boundaries or session policies; for a role with a boundary every call is undecided.
The account's owner (any signature without a role's key) may do everything.
"""

import threading
from collections import Counter
from typing import Any

from moto.iam.models import IAMBackend, iam_backends

from local import calls, config
from local.audit import buckets, permissions
from local.audit.permissions import Permission
from local.audit.policies import Grant, Verdict, decide, grants, parse
from local.calls import Call
from local.errors import RefusedError

MOTO_NAMES = (
    "moto.iam.models.IAMBackend",
    "moto.iam.models.IAMBackend.get_roles",
    "moto.iam.models.Role.permissions_boundary",
    "moto.iam.models.iam_backends",
    *buckets.MOTO_NAMES,
)

_DENIED_CODES = {"sns": "AuthorizationError", "sqs": "AccessDenied"}

_lock = threading.Lock()
_made: Counter[tuple[str, Permission, Verdict]] = Counter()
_granted: dict[str, set[Grant]] = {}


def install() -> None:
    """Audit every call from now on."""
    IAMBackend.get_roles = _list_roles
    calls.add_check(check)
    buckets.install()


def check(call: Call) -> None:
    """Record the permissions that a role's call needs, and whether its policies allow them.

    Raises
    ------
    RefusedError
        With ``--enforce-iam``, when they do not allow one.
    """
    if call.caller.role_arn is None:
        return
    name, context = call.caller.name, permissions.context(call)
    statements, undecided = _policies(name)
    for needed in permissions.of(call):
        verdict = undecided or decide(statements, needed.action, needed.resource, context | needed.context)
        with _lock:
            _made[name, needed, verdict] += 1
            if statements:  # a deleted function may still write logs in a deleted role
                _granted[name] = set(grants(statements))
        if config.current().enforce_iam and not verdict.allowed:
            _refuse(call, needed, verdict)


def record(caller: str, needed: Permission, verdict: Verdict) -> None:
    """Record a permission that a service needed, which is not the call of a role."""
    with _lock:
        _made[caller, needed, verdict] += 1


def calls_made() -> list[dict[str, Any]]:
    """Every permission that a role or a service has needed so far.

    Returns
    -------
    list
        ``role`` (or a service's principal), ``action``, ``resource`` ("?" when unknown), ``allowed`` (null when
        undecided), ``reason`` (why it is not allowed) and ``count``.
    """
    with _lock:
        made = list(_made.items())
    rows = [
        {
            "role": role,
            "action": needed.action,
            "resource": needed.resource or "?",
            "allowed": verdict.allowed,
            "reason": verdict.reason,
            "count": count,
        }
        for (role, needed, verdict), count in made
    ]
    return sorted(rows, key=lambda row: (row["role"], row["action"], row["resource"]))


def unused_grants() -> list[dict[str, str]]:
    """The permissions of all roles that no call has needed; a deleted role is included if it made a call."""
    with _lock:
        made = list(_made)
        granted = dict(_granted)
    for role in _roles().values():
        granted[role.name] = set(grants(_policies(role.name)[0]))
    needed = [(role, permission.action, permission.resource or "?") for role, permission, _ in made]
    rows = [
        {"role": role, "action": grant.names[0], "resource": grant.names[1]}
        for role, held in granted.items()
        for grant in held
        if not any(name == role and grant.covers(action, resource) for name, action, resource in needed)
    ]
    return sorted(rows, key=lambda row: (row["role"], row["action"], row["resource"]))


def clear() -> None:
    """Forget every call."""
    with _lock:
        _made.clear()
        _granted.clear()


def _list_roles(backend: IAMBackend) -> Any:
    """A copy: moto's view of the roles fails when another thread creates a role while it is read."""
    return list(backend.roles.values())


def _roles() -> dict[str, Any]:
    return {role.name: role for role in iam_backends[config.ACCOUNT]["aws"].get_roles()}


def _policies(name: str) -> tuple[list[dict[str, Any]], Verdict | None]:
    """The statements of a role's policies, and the verdict if it does not depend on them."""
    role = _roles().get(name)
    if role is None:
        return [], Verdict(False, "the role does not exist")
    documents = [*role.policies.values(), *(_default_document(policy) for policy in role.managed_policies.values())]
    boundary = Verdict(None, "permissions boundaries are not evaluated here") if role.permissions_boundary else None
    return [statement for document in documents for statement in parse(document)], boundary


def _default_document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


def _refuse(call: Call, needed: Permission, verdict: Verdict) -> None:
    xml = call.protocol in ("query", "rest-xml", "ec2")
    code = _DENIED_CODES.get(call.service, "AccessDenied" if xml else "AccessDeniedException")
    session = f"arn:aws:sts::{config.ACCOUNT}:assumed-role/{call.caller.name}/{call.caller.session}"
    target = f"{needed.action} on resource: {needed.resource or '?'}"
    message = f"User: {session} is not authorized to perform: {target} because {verdict.reason}"
    raise RefusedError(code, message, 400 if call.protocol == "json" else 403)
