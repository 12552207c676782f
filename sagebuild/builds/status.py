"""Describes the status of a build: its outcome, or its current step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sagebuild.builds.lock import Pending, read_state
from sagebuild.builds.records import BuildRecord, list_builds
from sagebuild.errors import NoBuildsError
from sagebuild.names import console_url, execution_arn
from sagebuild.service import Service, aws_call

# Enough to reach back from any event to the entry of its state, past the retries of one task.
_MAX_EVENTS = 50


@dataclass(frozen=True)
class BuildStatus:
    """The status of one build.

    Parameters
    ----------
    outcome
        "running", "succeeded", "failed", "stopped" or "withheld".
    step
        The current state's name, or the one in which the build failed; None before the first and after success.
    reason
        One sentence, for a build that failed, was stopped or was withheld.
    waiting
        The pending build, of a running build.
    awaits_approval
        Whether the build waits for an approval.
    restores
        Of a rollback, the number of the build whose model it deploys; else 0.
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
    """Describe the newest build.

    Raises
    ------
    NoBuildsError
        The stack has never started a build.
    """
    builds = list_builds(service, limit=1)
    if not builds:
        raise NoBuildsError(f"No build was ever started in {service.label}.")
    return describe_build(service, builds[0])


def describe_build(service: Service, record: BuildRecord) -> BuildStatus:
    """Describe a build from its record; of a running build, read the current step."""
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
    """Return the name of the task or wait state that the build entered last; empty before the first."""
    with aws_call(f"read the history of build {number}"):
        try:
            events = service.stepfunctions.get_execution_history(
                executionArn=execution_arn(service, number),
                reverseOrder=True,
                maxResults=_MAX_EVENTS,
                includeExecutionData=False,
            )["events"]
        except service.stepfunctions.exceptions.ExecutionDoesNotExist:
            return ""
    entered = (event for event in events if event["type"] in {"TaskStateEntered", "WaitStateEntered"})
    return next((event["stateEnteredEventDetails"]["name"] for event in entered), "")
