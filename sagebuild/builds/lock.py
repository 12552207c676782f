"""The state of each pipeline: which build is running, which one is pending, and which are not finished.

A state is one item of the builds table, with ``kind`` = "stack", so that one query reads all pipelines of the stack. It
is also the pipeline's lock. Each change is conditional on the version that the caller read. So two callers cannot both
take the lock, and no request is added while another caller frees the lock.

The fingerprints of the last requests, thousands of characters, are in an item of their own, with ``kind`` = "seen".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any

from sagebuild.builds.items import from_item, to_item
from sagebuild.builds.records import BuildRecord, Trigger, build_key
from sagebuild.builds.summary import Summary
from sagebuild.names import hash_pipeline
from sagebuild.service import Service, aws_call

# The number of fingerprints kept. It covers two batches of the launch queue; SQS redelivers within minutes.
_REMEMBERED = 2000
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
    commit
        The git commit of the project that was applied before the last request that names one; empty without any.
    """

    trigger: Trigger
    count: int
    since: str
    kinds: Mapping[str, int] = field(default_factory=dict)
    overrides: str = ""
    commit: str = ""


@dataclass(frozen=True)
class PipelineState:
    """The running and the pending build of a pipeline, and the last number given.

    Parameters
    ----------
    version
        Counts the changes; 0 if nothing was ever written.
    unfinished
        The builds whose end is not confirmed: they run, their notification is not published, or they did not succeed
        and ended a short time ago. None in a state of version 0.1, which did not store it.
    removed_at
        When the removal of the pipeline or of the whole stack began; it launches no more builds, and a build that
        ends restores no endpoint. Empty for any other pipeline.
    pipeline
        The pipeline's name; empty for the default pipeline.
    summary
        Of the newest ended build and the live one; None before the first end, and in a state of version 0.1.
    spoken
        Other names by which people call the pipeline when they speak: the parameter ``spokennames``.
    """

    last_number: int = 0
    running: int | None = None
    pending: Pending | None = None
    version: int = 0
    unfinished: tuple[int, ...] | None = ()
    created_at: str = ""
    removed_at: str = ""
    pipeline: str = ""
    summary: Summary | None = None
    spoken: tuple[str, ...] = ()

    @property
    def newest_ended(self) -> int:
        """The number of the newest build that has released the lock; 0 before the first."""
        return self.running - 1 if self.running else self.last_number

    @property
    def exists(self) -> bool:
        """Whether it is the default pipeline, or one that was created."""
        return not self.pipeline or self.version > 0


def fingerprint_request(request_id: str) -> str:
    """Return a hash of a request's id in eleven characters; two requests of a pipeline are unlikely to share one."""
    return b64encode(blake2b(request_id.encode(errors="replace"), digest_size=8).digest()).decode()[:11]


def remember(seen: Iterable[str], fingerprints: Iterable[str]) -> str:
    """Return the seen fingerprints and the new ones, without the oldest beyond 2,000."""
    return " ".join([*seen, *fingerprints][-_REMEMBERED:])


def read_state(service: Service) -> PipelineState:
    """Return the pipeline's state, by a consistent read."""
    item = _read_item(service, "stack")
    return to_state(item) if item else PipelineState(pipeline=service.pipeline)


def list_states(service: Service) -> list[PipelineState]:
    """Return the states of all pipelines of the stack, the default one first, the others by name.

    That is one query for thousands of pipelines, by a consistent read.
    """
    states = [to_state(item) for item in list_items(service, "stack")]
    if not any(state.pipeline == "" for state in states):
        states.append(PipelineState())
    return sorted(states, key=lambda state: state.pipeline.casefold())


def list_items(service: Service, kind: str) -> list[Any]:
    """Return the items of a kind that has one for each pipeline, by one consistent query."""
    with aws_call("list the pipelines"):
        pages = service.dynamodb.get_paginator("query").paginate(
            TableName=service.settings.builds_table,
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]


def read_seen(service: Service, state: PipelineState) -> list[str]:
    """Return the fingerprints of the last requests, oldest first.

    Parameters
    ----------
    state
        As it was just read. A change after that makes `change_state` fail, so that no request counts twice.
    """
    item = _read_item(service, "seen")
    if not item and state.unfinished is None:
        item = _read_item(service, "stack")  # version 0.1 kept them there
    return item["seen"]["S"].split() if "seen" in item else []


def change_state(
    service: Service,
    seen: PipelineState,
    wanted: PipelineState,
    record: BuildRecord | None = None,
    fingerprints: str | None = None,
) -> bool:
    """Replace the state, and write a new build's first record and the fingerprints in the same transaction.

    Parameters
    ----------
    seen
        The state that `read_state` returned.
    wanted
        The new state; its version is set here.
    record
        The record of the build that takes the lock.
    fingerprints
        Of the last requests, as `remember` returned them; None leaves them unchanged.

    Returns
    -------
    bool
        False when another caller changed the state in between; nothing was written. Also False when botocore repeated
        a call whose answer was lost: the next read then has the caller's own request among the fingerprints.
    """
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(version)"}
    if seen.version:
        values = {":seen": {"N": str(seen.version)}}
        condition = {"ConditionExpression": "version = :seen", "ExpressionAttributeValues": values}
    item = state_key(service, "stack") | to_item(asdict(replace(wanted, version=seen.version + 1)))
    put = _put(service, item, **condition)
    more = []
    if record:
        item = build_key(service, record.number) | to_item(asdict(record))
        more.append(_put(service, item, ConditionExpression="attribute_not_exists(kind)"))
    if fingerprints is not None:
        more.append(_put(service, state_key(service, "seen") | {"seen": {"S": fingerprints}}))
    return _write(service, put, more)


def delete_state(service: Service) -> None:
    """Delete a pipeline's items, its state last, with which the pipeline no longer exists."""
    with aws_call("delete the pipeline's state"):
        for kind in ("change", "uses", "seen", "stack"):
            service.dynamodb.delete_item(TableName=service.settings.builds_table, Key=state_key(service, kind))


def _write(service: Service, put: Any, more: list[Any]) -> bool:
    from botocore.exceptions import ClientError

    with aws_call("update the builds table"):
        try:
            if more:
                service.dynamodb.transact_write_items(TransactItems=[{"Put": each} for each in (put, *more)])
            else:
                service.dynamodb.put_item(**put)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            return False
    return True


def state_key(service: Service, kind: str) -> dict[str, Any]:
    """Return the table's key of a pipeline's item: its state, its fingerprints, or what it uses of the quotas."""
    number = int(hash_pipeline(service.pipeline), 16) if service.pipeline else 0
    return {"kind": {"S": kind}, "number": {"N": str(number)}}


def _read_item(service: Service, kind: str) -> Any:
    with aws_call("read the builds table"):
        return service.dynamodb.get_item(
            TableName=service.settings.builds_table, Key=state_key(service, kind), ConsistentRead=True
        ).get("Item", {})


def to_state(item: Mapping[str, Any]) -> PipelineState:
    """Return the state in an item of the builds table, which any version of sagebuild wrote."""
    plain = from_item(item)
    stored, unfinished, summary = plain["pending"], plain.get("unfinished"), plain.get("summary")
    return PipelineState(
        plain["last_number"],
        plain["running"],
        Pending(**stored | {"trigger": Trigger(**stored["trigger"])}) if stored else None,
        plain["version"],
        None if unfinished is None else tuple(unfinished),
        plain.get("created_at", ""),
        plain.get("removed_at", ""),
        plain.get("pipeline", ""),
        Summary(**summary) if summary else None,
        tuple(plain.get("spoken", ())),
    )


def _put(service: Service, item: dict[str, Any], **condition: Any) -> Any:
    return {"TableName": service.settings.builds_table, "Item": item, **condition}
