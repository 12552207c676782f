"""The detail of the event ``Build State Change``: version 1, from which docs/ has its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sagebuild.events.states import Change, State
from sagebuild.events.texts import list_next_steps, write_description, write_title
from sagebuild.names import console_url, name_endpoint
from sagebuild.service import Service

SOURCE = "sagebuild"
DETAIL_TYPE = "Build State Change"
# An event has at most 256 KB: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html. The record, from
# which these come, may have 400 KB.
_LONGEST_TEXT = 4000  # characters
_MOST_METRICS = 100


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class TriggerOfBuild(_Part):
    """What started the build."""

    kind: str = Field(description='Such as "upload", "schedule" or "voice".')
    detail: str = Field(description="A file, a commit, the name of an alarm.")
    rollback: str = Field(description='Of a rollback, "previous" or the number of a build; else empty.')
    requests: int = Field(description="The number of requests that the build covers.")


class Approval(_Part):
    """The approval of a build that asked for one."""

    answer: Literal["", "approved", "rejected"] = Field(description="Empty while the build waits.")
    by: str = Field(description='Such as "voice", "command" or "model registry".')
    comment: str
    until: str = Field(description="When the time for an answer is up; ISO 8601 in UTC.")


class Message(_Part):
    """The change for people, in the markup of chat applications: ``&``, ``<`` and ``>`` are escaped."""

    title: str
    description: str = Field(description="Lines with the reason, the metrics beside the live model's, cost and link.")
    next_steps: list[str] = Field(description="Commands, such as the one that approves the model.")
    text: str = Field(description="All of it in one text.")


class BuildStateChange(_Part):
    """One change of a build's state."""

    version: Literal["1"] = Field(default="1", description="Of this schema. A new field does not change it.")
    id: str = Field(description="Of the change. EventBridge may deliver an event twice; the id is then the same.")
    stack: str = Field(description="The name of the CloudFormation stack.")
    pipeline: str = Field(description="Empty for the default pipeline.")
    build: int = Field(description="The build's number in its pipeline.")
    state: State
    previous: State | None = Field(description="The state before; null for a new build.")
    at: datetime = Field(description="When the state changed; in seconds.")
    trigger: TriggerOfBuild
    restores: int = Field(description="Of a rollback, the number of the build whose model it deploys; else 0.")
    origin: dict[str, Any] | None = Field(description="Of a promoted model, the stack and the build that trained it.")
    step: str = Field(description="The step in which a build failed or was stopped.")
    reason: str = Field(description="One sentence for each outcome but success.")
    metrics: dict[str, float]
    live_metrics: dict[str, float] = Field(description="Of the model that was live when the gate compared them.")
    cost: float | None = Field(description="Of the jobs so far, an estimate in US dollars; null if unknown.")
    approval: Approval | None
    endpoint: str = Field(description="The name of the pipeline's endpoint.")
    endpoint_config: str = Field(description="The endpoint configuration of the build.")
    live_before: str = Field(description="The endpoint configuration before the build; empty without an endpoint.")
    live_after: str = Field(description="The one after a build that has ended.")
    artifacts: str = Field(description="The S3 address of the trained model.")
    model_package: str = Field(description="The ARN in the model registry.")
    console: str = Field(description="The address of the build's execution in the AWS console.")
    message: Message


def describe_change(service: Service, change: Change) -> BuildStateChange:
    """Describe a change of a build's state.

    Parameters
    ----------
    service
        Bound to the build's pipeline.
    """
    record = change.record
    return BuildStateChange(
        id=change.id,
        stack=service.stack_name,
        pipeline=service.pipeline,
        build=record.number,
        state=change.state,
        previous=change.previous,
        at=change.at,
        trigger=TriggerOfBuild(
            kind=record.trigger.kind,
            detail=record.trigger.detail[:_LONGEST_TEXT],
            rollback=record.trigger.rollback,
            requests=record.requests,
        ),
        restores=record.restores,
        origin=record.origin or None,
        step=record.step,
        reason=record.reason[:_LONGEST_TEXT],
        metrics=_limit(record.metrics),
        live_metrics=_limit(record.live_metrics),
        cost=record.cost,
        approval=_describe_approval(change),
        endpoint=name_endpoint(service),
        endpoint_config=record.endpoint_config,
        live_before=record.live_before,
        live_after=record.live_after,
        artifacts=record.artifacts,
        model_package=record.model_package,
        console=console_url(service, record.number),
        message=_write_message(service, change),
    )


def _describe_approval(change: Change) -> Approval | None:
    record = change.record
    if not record.approval_until:
        return None
    answer: Any = record.approval
    return Approval(answer=answer, by=record.approval_by, comment=record.approval_comment, until=record.approval_until)


def _write_message(service: Service, change: Change) -> Message:
    title, description = write_title(service, change), write_description(service, change)
    steps = list_next_steps(service, change)
    return Message(title=title, description=description, next_steps=steps, text="\n".join([title, description, *steps]))


def _limit(metrics: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(metrics.items())[:_MOST_METRICS])
