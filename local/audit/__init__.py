"""Which role did what, whether its policies allowed it, and what they allow that nothing ever needed.

By default the audit only watches; with ``--enforce-iam`` a call that is not allowed, or of which that cannot be said,
is refused. Identity policies are evaluated (inline and attached). Not evaluated are trust policies, resource policies,
permissions boundaries and session policies: a role that has a boundary is reported as undecided. The account's owner,
that is whoever signs with no role's key, may do everything.
"""

import threading
from collections import Counter
from typing import Any

from moto.iam.models import iam_backends

from local import calls, config
from local.audit import buckets, needs
from local.audit.needs import Need
from local.audit.policies import Grant, Verdict, decide, grants, parse
from local.calls import Call
from local.refusals import RefusedError

MOTO_NAMES = (
    "moto.iam.models.IAMBackend.get_roles",
    "moto.iam.models.Role.permissions_boundary",
    "moto.iam.models.iam_backends",
    *buckets.MOTO_NAMES,
)

_DENIED_CODES = {"sns": "AuthorizationError", "sqs": "AccessDenied"}

_lock = threading.Lock()
_made: Counter[tuple[str, Need, Verdict]] = Counter()
_granted: dict[str, set[Grant]] = {}


def install() -> None:
    """Watch every call from now on."""
    calls.before(check)
    buckets.install()


def check(call: Call) -> None:
    """Note what a role's call needs, and whether its policies allow that.

    Raises
    ------
    RefusedError
        With ``--enforce-iam``, when they do not.
    """
    if call.caller.role_arn is None:
        return
    name, context = call.caller.name, needs.context(call)
    statements, undecided = _policies(name)
    for need in needs.of(call):
        verdict = undecided or decide(statements, need.action, need.resource, context | need.context)
        with _lock:
            _made[name, need, verdict] += 1
            # A function's last log lines may come after its role has gone, which then says nothing any more.
            if statements:
                _granted[name] = set(grants(statements))
        if config.current().enforce_iam and not verdict.allowed:
            _refuse(call, need, verdict)


def calls_made() -> list[dict[str, Any]]:
    """Every permission that a role has needed so far, with how often and whether it had it.

    Returns
    -------
    list
        ``role``, ``action``, ``resource`` ("?" when it is not derived), ``allowed`` (null when that cannot be said),
        ``reason`` (why it is not allowed) and ``count``.
    """
    with _lock:
        made = list(_made.items())
    rows = [
        {
            "role": role,
            "action": need.action,
            "resource": need.resource or "?",
            "allowed": verdict.allowed,
            "reason": verdict.reason,
            "count": count,
        }
        for (role, need, verdict), count in made
    ]
    return sorted(rows, key=lambda row: (row["role"], row["action"], row["resource"]))


def unused_grants() -> list[dict[str, str]]:
    """What the policies of the roles allow and no call has needed; a deleted role counts if it ever made a call."""
    with _lock:
        made = list(_made)
        granted = dict(_granted)
    for role in _roles().values():
        granted[role.name] = set(grants(_policies(role.name)[0]))
    needed = [(role, need.action, need.resource or "?") for role, need, _ in made]
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


def _roles() -> dict[str, Any]:
    return {role.name: role for role in iam_backends[config.ACCOUNT]["aws"].get_roles()}


def _policies(name: str) -> tuple[list[dict[str, Any]], Verdict | None]:
    """The statements of a role's policies, and the verdict when they do not settle it."""
    role = _roles().get(name)
    if role is None:
        return [], Verdict(False, "the role does not exist")
    documents = [*role.policies.values(), *(_default_document(policy) for policy in role.managed_policies.values())]
    boundary = Verdict(None, "a permissions boundary is not understood") if role.permissions_boundary else None
    return [statement for document in documents for statement in parse(document)], boundary


def _default_document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


def _refuse(call: Call, need: Need, verdict: Verdict) -> None:
    xml = call.protocol in ("query", "rest-xml", "ec2")
    code = _DENIED_CODES.get(call.service, "AccessDenied" if xml else "AccessDeniedException")
    session = f"arn:aws:sts::{config.ACCOUNT}:assumed-role/{call.caller.name}/{call.caller.session}"
    target = f"{need.action} on resource: {need.resource or '?'}"
    message = f"User: {session} is not authorized to perform: {target} because {verdict.reason}"
    raise RefusedError(code, message, 400 if call.protocol == "json" else 403)
