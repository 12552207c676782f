"""One build at a time: which build of the stack runs, and which one waits to follow it.

In the builds table the partition ``kind`` = "stack" holds that one item. Every change of it is conditional on the
version that the caller saw, so that two callers in the same millisecond cannot both have the lock, and none can note a
request behind the back of one that frees the lock.
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
# As many as two batches of the launch queue hold; what is delivered again is so within minutes.
_REMEMBERED = 1000
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html: somebody else was faster.
_REFUSED = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)


@dataclass(frozen=True)
class Pending:
    """The one build that follows the running one.

    Parameters
    ----------
    trigger
        The first that asked for it.
    count
        How many requests it stands for.
    since
        When the first came.
    kinds
        How many requests came of each kind of trigger.
    overrides
        The parameters that they set, JSON; empty: none.
    """

    trigger: Trigger
    count: int
    since: str
    kinds: Mapping[str, int] = field(default_factory=dict)
    overrides: str = ""


@dataclass(frozen=True)
class StackState:
    """Which build runs, which waits, what number was given last; ``version`` counts the changes.

    ``seen`` are the prints of the requests counted last, by which one that is delivered again is known.
    """

    last_number: int = 0
    running: int | None = None
    pending: Pending | None = None
    version: int = 0
    seen: str = ""


def fingerprint_request(request_id: str) -> str:
    """A request's id in eleven characters, of which no two requests of a stack's life are likely to have the same."""
    return b64encode(blake2b(request_id.encode("utf-8", "replace"), digest_size=8).digest()).decode().rstrip("=")


def remember(seen: str, prints: Iterable[str]) -> str:
    """The prints with those of these requests, the oldest forgotten."""
    return " ".join([*seen.split(), *prints][-_REMEMBERED:])


def read_state(service: Service) -> StackState:
    """The state as of this moment (a consistent read)."""
    with aws_call("read the builds table"):
        item = service.dynamodb.get_item(TableName=service.settings.builds_table, Key=_KEY, ConsistentRead=True).get(
            "Item"
        )
    if not item:
        return StackState()
    plain = from_item(item)
    waiting = plain["pending"]
    pending = Pending(**waiting | {"trigger": Trigger(**waiting["trigger"])}) if waiting else None
    return StackState(plain["last_number"], plain["running"], pending, plain["version"], plain.get("seen", ""))


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
        False if somebody else changed the state in between; nothing was written then. False, too, where AWS's library
        repeated a call of which the answer was lost: whoever reads the state again finds its own request in ``seen``.
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
