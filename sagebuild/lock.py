"""One build at a time: which build of the stack runs, and which one waits to follow it.

In the builds table the partition ``kind`` = "stack" holds that one item. Every change of it is conditional on the
version that the caller saw, so that two callers in the same millisecond cannot both have the lock.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from sagebuild.items import from_item, to_item
from sagebuild.records import BuildRecord, Trigger, build_key
from sagebuild.service import Service, aws_call

_KEY = {"kind": {"S": "stack"}, "number": {"N": "0"}}


@dataclass(frozen=True)
class Pending:
    """The one build that follows the running one: its first trigger, how many it stands for, and since when."""

    trigger: Trigger
    count: int
    since: str


@dataclass(frozen=True)
class StackState:
    """Which build runs, which waits, what number was given last; ``version`` counts the changes."""

    last_number: int = 0
    running: int | None = None
    pending: Pending | None = None
    version: int = 0


def read_state(service: Service) -> StackState:
    """The state as of this moment (a consistent read)."""
    with aws_call("read the builds table"):
        item = service.dynamodb.get_item(TableName=service.setting("BUILDS_TABLE"), Key=_KEY, ConsistentRead=True).get(
            "Item"
        )
    if not item:
        return StackState()
    plain = from_item(item)
    waiting = plain["pending"]
    pending = Pending(Trigger(**waiting["trigger"]), waiting["count"], waiting["since"]) if waiting else None
    return StackState(plain["last_number"], plain["running"], pending, plain["version"])


def change_state(service: Service, seen: StackState, wanted: StackState, record: BuildRecord | None = None) -> bool:
    """Replace the state that was seen, and with it write a new build's first record: both or neither.

    Parameters
    ----------
    seen
        What `read_state` gave.
    wanted
        What shall be; its version is set here.
    record
        The record of the build that now gets the lock.

    Returns
    -------
    bool
        False if somebody else changed the state in between; nothing was written then.
    """
    state = asdict(replace(wanted, version=seen.version + 1))
    writes: list[Any] = [
        _put(
            service,
            _KEY | to_item(state),
            ConditionExpression="version = :seen" if seen.version else "attribute_not_exists(version)",
            **({"ExpressionAttributeValues": {":seen": {"N": str(seen.version)}}} if seen.version else {}),
        )
    ]
    if record:
        item = build_key(record.number) | to_item(asdict(record))
        writes.append(_put(service, item, ConditionExpression="attribute_not_exists(kind)"))
    with aws_call("update the builds table"):
        try:
            service.dynamodb.transact_write_items(TransactItems=writes)
        except service.dynamodb.exceptions.TransactionCanceledException:
            return False
    return True


def _put(service: Service, item: dict[str, Any], **condition: Any) -> dict[str, Any]:
    return {"Put": {"TableName": service.setting("BUILDS_TABLE"), "Item": item, **condition}}
