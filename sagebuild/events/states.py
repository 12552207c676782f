"""The states of a build, and the changes between them, found in the stream of the builds table.

Every function, the skill and the client change a build by a write to its item. So the stream has each change once, with
the item before and after it, whatever made the change and whatever failed after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sagebuild.builds.lock import Pending, PipelineState, to_state
from sagebuild.builds.records import BuildRecord, to_record

State = Literal[
    "pending",
    "dropped",
    "launching",
    "running",
    "waiting",
    "stopping",
    "succeeded",
    "failed",
    "stopped",
    "withheld",
]
ENDED: tuple[State, ...] = ("succeeded", "failed", "stopped", "withheld")


@dataclass(frozen=True)
class Change:
    """A change of a build's state.

    Parameters
    ----------
    id
        The same if the stream repeats the change.
    at
        The time of the write.
    pipeline
        The pipeline's name; empty for the default pipeline.
    previous
        The state before; None for a build that is new.
    record
        The build after the change. Of a build that is pending or dropped, only what its requests say.
    """

    id: str
    at: datetime
    pipeline: str
    state: State
    previous: State | None
    record: BuildRecord


def read_change(entry: Mapping[str, Any]) -> Change | None:
    """Return the change of state in an entry of the stream; None if the write changed no build's state.

    Parameters
    ----------
    entry
        A record of the event of DynamoDB's stream, with the item before and after the write.
    """
    images = entry["dynamodb"]
    if "NewImage" not in images:  # the removal of a pipeline deletes its records
        return None
    after, before = images["NewImage"], images.get("OldImage")
    kind, _, pipeline = after["kind"]["S"].partition("#")
    if kind == "build":
        record = to_record(after)
        state, previous = find_state(record), find_state(to_record(before)) if before else _find_first(record)
    elif kind == "stack":
        found = _find_pending(to_state(after), to_state(before) if before else None)
        if found is None:
            return None
        (state, previous, record), pipeline = found, to_state(after).pipeline
    else:
        return None
    if state == previous:
        return None
    at = datetime.fromtimestamp(images["ApproximateCreationDateTime"], UTC)
    return Change(entry["eventID"], at, pipeline, state, previous, record)


def find_state(record: BuildRecord) -> State:
    """Return the state of a build that has a record."""
    if record.awaits_approval:
        return "waiting"
    return cast(State, record.status)


def _find_first(record: BuildRecord) -> State | None:
    return "pending" if record.requested_since else None


def _find_pending(after: PipelineState, before: PipelineState | None) -> tuple[State, State | None, BuildRecord] | None:
    """Return the change of the pending build, which has no record yet; None if it stays or starts."""
    was = before.pending if before else None
    if after.pending and not was:
        return "pending", None, _describe_pending(after, after.pending)
    if was and before and not after.pending and before.last_number == after.last_number:
        return "dropped", "pending", _describe_pending(after, was)
    return None


def _describe_pending(state: PipelineState, pending: Pending) -> BuildRecord:
    """Return the record that the pending build would have: it gets the next number."""
    return BuildRecord(
        state.last_number + 1,
        pending.trigger,
        created_at=pending.since,
        requests=pending.count,
        request_kinds=dict(pending.kinds),
        requested_since=pending.since,
        overrides=pending.overrides,
        project_commit=pending.commit,
    )
