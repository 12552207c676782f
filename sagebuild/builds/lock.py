"""The lock: which build of the stack is running, and which one is pending.

It is one item of the builds table, with ``kind`` = "stack". Each change is conditional on the version that the caller
read. So two callers cannot both take the lock, and no request is added while another caller frees the lock.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any

from sagebuild.builds.items import from_item, to_item
from sagebuild.builds.records import BuildRecord, Trigger, build_key
from sagebuild.service import Service, aws_call

_KEY = {"kind": {"S": "stack"}, "number": {"N": "0"}}
# The number of fingerprints kept. It covers two batches of the launch queue; SQS redelivers within minutes.
_REMEMBERED = 1000
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html: another write came first.
_REFUSED = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)


@dataclass(frozen=True)
class Pending:
    """The pending build, which starts when the running one ends.

    Parameters
    ----------
    trigger
        The trigger of its first request.
    count
        The number of its requests.
    since
        The time of its first request.
    kinds
        The number of requests of each kind of trigger.
    overrides
        The parameters that the requests set, as JSON; empty without any.
    """

    trigger: Trigger
    count: int
    since: str
    kinds: Mapping[str, int] = field(default_factory=dict)
    overrides: str = ""


@dataclass(frozen=True)
class StackState:
    """The running and the pending build, and the last number given.

    ``version`` counts the changes. ``seen`` holds the fingerprints of the last requests, to recognise repeated ones.
    """

    last_number: int = 0
    running: int | None = None
    pending: Pending | None = None
    version: int = 0
    seen: str = ""


def fingerprint_request(request_id: str) -> str:
    """Return a hash of a request's id in eleven characters; two requests of a stack are unlikely to share one."""
    return b64encode(blake2b(request_id.encode("utf-8", "replace"), digest_size=8).digest()).decode().rstrip("=")


def remember(seen: str, fingerprints: Iterable[str]) -> str:
    """Return the seen fingerprints and the new ones, without the oldest beyond 1,000."""
    return " ".join([*seen.split(), *fingerprints][-_REMEMBERED:])


def read_state(service: Service) -> StackState:
    """Return the state, by a consistent read."""
    with aws_call("read the builds table"):
        item = service.dynamodb.get_item(TableName=service.settings.builds_table, Key=_KEY, ConsistentRead=True).get(
            "Item"
        )
    if not item:
        return StackState()
    plain = from_item(item)
    stored = plain["pending"]
    pending = Pending(**stored | {"trigger": Trigger(**stored["trigger"])}) if stored else None
    return StackState(plain["last_number"], plain["running"], pending, plain["version"], plain.get("seen", ""))


def change_state(service: Service, seen: StackState, wanted: StackState, record: BuildRecord | None = None) -> bool:
    """Replace the state, and write a new build's first record in the same transaction.

    Parameters
    ----------
    seen
        The state that `read_state` returned.
    wanted
        The new state; its version is set here.
    record
        The record of the build that takes the lock.

    Returns
    -------
    bool
        False when another caller changed the state in between; nothing was written. Also False when botocore repeated
        a call whose answer was lost: the next read then has the caller's own request in ``seen``.
    """
    put = _put(
        service,
        _KEY | to_item(asdict(replace(wanted, version=seen.version + 1))),
        ConditionExpression="version = :seen" if seen.version else "attribute_not_exists(version)",
        **({"ExpressionAttributeValues": {":seen": {"N": str(seen.version)}}} if seen.version else {}),
    )
    from botocore.exceptions import ClientError

    with aws_call("update the builds table"):
        try:
            if record:
                item = build_key(record.number) | to_item(asdict(record))
                first = _put(service, item, ConditionExpression="attribute_not_exists(kind)")
                service.dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Put": first}])
            else:
                service.dynamodb.put_item(**put)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            return False
    return True


def _put(service: Service, item: dict[str, Any], **condition: Any) -> Any:
    return {"TableName": service.settings.builds_table, "Item": item, **condition}
