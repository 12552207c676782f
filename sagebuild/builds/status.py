"""Tells how a build is doing: its outcome, or the step at which it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sagebuild.builds.lock import Pending, read_state
from sagebuild.builds.records import BuildRecord, list_builds
from sagebuild.errors import NoBuildsError
from sagebuild.names import console_url, execution_arn
from sagebuild.service import Service, aws_call

# Enough to reach from any event back to the entry of its state, past the retries of one task.
_EVENTS_LOOKED_AT = 50


@dataclass(frozen=True)
class BuildStatus:
    """One build, as it is told to a person.

    Parameters
    ----------
    outcome
        "running", "succeeded", "failed", "stopped" or "withheld".
    step
        The title of the state in which it is, or in which it failed; None before the first and after success.
    reason
        One plain sentence, for a build that was stopped or withheld, or has failed.
    waiting
        What asked for a build while this one runs; they are one build that follows.
    awaits_approval
        Whether it goes on once a person has said yes.
    restores
        Of a rollback, the build whose model it makes live again; else 0.
    """

    number: int
    outcome: str
    step: str | None
    started_at: datetime
    ended_at: datetime | None
    reason: str | None
    console_url: str
    waiting: Pending | None = None
    awaits_approval: bool = False
    restores: int = 0


def describe_latest_build(service: Service) -> BuildStatus:
    """The newest build.

    Raises
    ------
    NoBuildsError
        There was none yet.
    """
    builds = list_builds(service, limit=1)
    if not builds:
        raise NoBuildsError(f"No build was ever started in {service.stack_name}.")
    return describe_build(service, builds[0])


def describe_build(service: Service, record: BuildRecord) -> BuildStatus:
    """A build's record, and for a running one the step at which it is."""
    step = record.step if record.has_ended else find_step(service, record.number)
    return BuildStatus(
        number=record.number,
        outcome=record.status if record.has_ended else "running",
        step=step or None,
        started_at=datetime.fromisoformat(record.created_at),
        ended_at=datetime.fromisoformat(record.ended_at) if record.has_ended else None,
        reason=record.reason or None,
        console_url=console_url(service, record.number),
        waiting=None if record.has_ended else read_state(service).pending,
        awaits_approval=record.awaits_approval,
        restores=record.restores,
    )


def find_step(service: Service, number: int) -> str:
    """The title of the task that the build entered last, or "" before the first."""
    with aws_call(f"read the history of build {number}"):
        try:
            events = service.stepfunctions.get_execution_history(
                executionArn=execution_arn(service, number),
                reverseOrder=True,
                maxResults=_EVENTS_LOOKED_AT,
                includeExecutionData=False,
            )["events"]
        except service.stepfunctions.exceptions.ExecutionDoesNotExist:
            return ""
    entered = (event for event in events if event["type"] in {"TaskStateEntered", "WaitStateEntered"})
    return next((event["stateEnteredEventDetails"]["name"] for event in entered), "")
