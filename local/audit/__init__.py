"""Audits IAM: the calls of each role and user, whether policies allow them, and the permissions that none has used.

By default the audit records, and prints each permission that is missing. With ``--enforce-iam`` it refuses calls that
are denied or undecided. It evaluates inline and attached identity policies, trust policies, the policies of buckets,
queues and topics, and the policies and grants of KMS keys. It evaluates no other resource policies, permissions
boundaries or session policies; for a role or user with a boundary every call is undecided. The account's owner may do
everything.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from moto.iam.models import IAMBackend, iam_backends

from local import accounts, calls, config, database, partitions
from local.audit import buckets, cross_account, documents, keys, permissions, trust
from local.audit.permissions import Permission
from local.audit.policies import Verdict, decide, grants, parse
from local.callers import Caller
from local.calls import Call
from local.console import print_line
from local.errors import RefusedError

MOTO_NAMES = (
    "moto.iam.models.IAMBackend",
    "moto.iam.models.Group",
    "moto.iam.models.IAMBackend.get_roles",
    "moto.iam.models.Role.permissions_boundary",
    "moto.iam.models.User",
    "moto.iam.models.iam_backends",
    *buckets.MOTO_NAMES,
    *cross_account.MOTO_NAMES,
)

_DENIED_CODES = {"sns": "AuthorizationError", "sqs": "AccessDenied"}

_ROLE_IS_GONE = Verdict(False, "the role does not exist")
_NO_POLICIES = Verdict(False, "the role or user has no policies")
_lock = threading.Lock()
_statements_of: dict[str, list[dict[str, Any]]] = {}  # by the name of the caller
_pending: Counter[str] = Counter()  # rows that are yet to be written to the database
_MOST_PENDING = 500
_printed: set[str] = set()


def install() -> None:
    """Audit every call from now on."""
    IAMBackend.get_roles = _list_roles
    calls.add_check(check)
    calls.add_check(documents.check)
    calls.add_check(cross_account.check)
    buckets.install()


def check(call: Call) -> None:
    """Record the permissions that a call needs, and whether the policies allow them.

    Raises
    ------
    RefusedError
        With ``--enforce-iam``, when they do not allow one.
    """
    if call.caller.arn is not None:
        _check_caller(call)
    for holders in keys.of_jobs(call):
        _check_holders(call, holders)
    for each in trust.of(call):
        record(each.caller, each.needed, each.verdict)
        if config.current().enforce_iam and not each.verdict.allowed:
            raise each.refusal


def _check_caller(call: Call) -> None:
    for needed in permissions.of(call):
        verdict = _decide(call.caller, call, needed)
        record(call.caller.name, needed, verdict)
        if config.current().enforce_iam and not verdict.allowed:
            _refuse(call, call.caller, needed, verdict)


def _check_holders(call: Call, holders: dict[Caller, Permission]) -> None:
    """Record the first holder whose permission is allowed, or all if none is; the account's owner may do everything."""
    verdicts = {holder: _decide(holder, call, needed) for holder, needed in holders.items() if holder.arn}
    first = next((holder for holder, verdict in verdicts.items() if verdict.allowed), None)
    for holder in verdicts if first is None else [first]:
        record(holder.name, holders[holder], verdicts[holder])
    if first is None and len(verdicts) == len(holders) and config.current().enforce_iam:
        holder, verdict = next(iter(verdicts.items()))
        _refuse(call, holder, holders[holder], verdict)


def _decide(caller: Caller, call: Call, needed: Permission) -> Verdict:
    """Whether a role or user has a permission that a call needs; its grants are remembered."""
    context = permissions.context(call, caller) | needed.context
    statements, undecided = _policies(caller)
    if statements:  # a deleted function may still write logs in a deleted role
        with _lock:
            _statements_of[caller.name] = statements
    verdict = undecided or decide(statements, needed.action, needed.resource, context)
    if needed.action.startswith("kms:"):
        return keys.combine(caller, needed, context, verdict)
    return trust.combine(call, verdict) if call.action == "sts:AssumeRole" else verdict


def check_role(role_arn: str, needed: Permission) -> Verdict:
    """Record a permission that a service uses in a role without a call of an API; return whether it is allowed."""
    statements, undecided = _policies(Caller(role_arn))
    verdict = undecided or decide(statements, needed.action, needed.resource, needed.context)
    record(Caller(role_arn).name, needed, verdict)
    return verdict


def record(caller: str, needed: Permission, verdict: Verdict) -> None:
    """Record a permission that a caller or a service needed; print a line for the first time that it is not allowed."""
    # As JSON, because names can have characters that are not valid in UTF-8.
    row = json.dumps([caller, needed.action, needed.resource or "?", verdict.allowed, verdict.reason])
    with _lock:
        _pending[row] += 1
        is_new = not verdict.allowed and row not in _printed
        if is_new:
            _printed.add(row)
    if len(_pending) >= _MOST_PENDING:
        _write_pending()
    # The last lines of a function's log may come after its role is deleted, as in each removal of a stack.
    is_late_log = verdict == _ROLE_IS_GONE and needed.action.startswith("logs:")
    if is_new and not is_late_log:
        would = "AWS would deny" if verdict.allowed is False else "AWS might deny"
        word = "denied, as by AWS" if config.current().enforce_iam else would
        print_line(f"local: {word}: {caller} {needed.action} on {needed.resource or '?'}: {verdict.reason}")


def _write_pending() -> None:
    with database.opened() as made, _lock:
        made.executemany(
            "INSERT INTO made VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET count = count + excluded.count",
            _pending.items(),
        )
        _pending.clear()


def calls_made() -> list[dict[str, Any]]:
    """Every permission that a role or a service has needed so far.

    Returns
    -------
    list
        ``role`` (or a service's principal), ``action``, ``resource`` ("?" when unknown), ``allowed`` (null when
        undecided), ``reason`` (why it is not allowed) and ``count``.
    """
    _write_pending()
    with database.opened() as made:
        rows = [(*json.loads(row), count) for row, count in made.execute("SELECT * FROM made")]
    names = ("role", "action", "resource", "allowed", "reason", "count")
    return [dict(zip(names, row, strict=True)) for row in sorted(rows, key=lambda row: row[:3])]


def unused_grants() -> list[dict[str, str]]:
    """The permissions of all roles that no call has needed; a deleted role is included if it made a call."""
    with _lock:
        statements = dict(_statements_of)
    statements |= {name: list(_statements(role)) for name, role in _roles().items()}
    granted = {name: set(grants(each)) for name, each in statements.items()}
    needed = [(call["role"], call["action"], call["resource"]) for call in calls_made()]
    rows = [
        {"role": role, "action": grant.names[0], "resource": grant.names[1]}
        for role, held in granted.items()
        for grant in held
        if not any(name == role and grant.covers(action, resource) for name, action, resource in needed)
    ]
    return sorted(rows, key=lambda row: (row["role"], row["action"], row["resource"]))


def clear() -> None:
    """Forget every call."""
    with database.opened() as made, _lock:
        made.execute("DELETE FROM made")
        _pending.clear()
        _printed.clear()
        _statements_of.clear()


def _list_roles(backend: IAMBackend) -> Any:
    """A copy: moto's view of the roles fails when another thread creates a role while it is read."""
    return list(backend.roles.values())


def _roles() -> dict[str, Any]:
    """The roles of all accounts, by the names of callers."""
    backends = [each[partitions.current()] for each in list(iam_backends.values())]
    return {Caller(role.arn).name: role for backend in backends for role in backend.get_roles()}


def _policies(caller: Caller) -> tuple[list[dict[str, Any]], Verdict | None]:
    """The statements of a role's or user's policies, and the verdict if it does not depend on them."""
    arn = caller.arn or ""
    backend, name = iam_backends[accounts.of_arn(arn)][partitions.current()], arn.rpartition("/")[2]
    known = backend.users.values() if caller.user_arn else backend.get_roles()
    identity = next((each for each in known if each.name == name and each.arn == arn), None)
    if identity is None:
        return [], Verdict(False, "the user does not exist") if caller.user_arn else _ROLE_IS_GONE
    statements = list(_statements(identity))
    if getattr(identity, "permissions_boundary", None):
        return statements, Verdict(None, "permissions boundaries are not evaluated here")
    return statements, None if statements else _NO_POLICIES


def _statements(identity: Any) -> Iterator[dict[str, Any]]:
    """The statements of a role's, user's or group's inline and attached policies; a user's groups count."""
    inline = identity.policies.values()
    for document in (*inline, *(_default_document(policy) for policy in identity.managed_policies.values())):
        yield from parse(document)
    for group in iam_backends[accounts.of_arn(identity.arn)][partitions.current()].groups.values():
        if identity in group.users:
            yield from _statements(group)


def _default_document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


def _refuse(call: Call, caller: Caller, needed: Permission, verdict: Verdict) -> None:
    xml = call.protocol in ("query", "rest-xml", "ec2")
    code = _DENIED_CODES.get(call.service, "AccessDenied" if xml else "AccessDeniedException")
    account, name = accounts.of_arn(caller.arn or ""), (caller.arn or "").rpartition("/")[2]
    assumed = f"arn:{partitions.current()}:sts::{account}:assumed-role/{name}/{caller.session}"
    session = caller.user_arn or assumed
    target = f"{needed.action} on resource: {needed.resource or '?'}"
    message = f"User: {session} is not authorized to perform: {target} because {verdict.reason}"
    raise RefusedError(code, message, 400 if call.protocol == "json" else 403)
