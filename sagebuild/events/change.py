"""The detail of the event ``Build State Change``: version 1, from which docs/ has its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from sagebuild.events.states import Change, State
from sagebuild.events.texts import list_next_steps, write_description, write_title
from sagebuild.names import console_url, name_endpoint
from sagebuild.service import Service

SOURCE = "sagebuild"
DETAIL_TYPE = "Build State Change"
# A rule may send the event to a topic, whose messages have at most 256 KB unless its owner allows more:
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html. The record, from which these come, may have 400 KB.
_LONGEST_TEXT = 4000  # characters
_MOST_METRICS = 100


class _Part:
    # For pydantic, which makes the JSON Schema from the fields and the sentences below them. The function does without
    # pydantic, whose import would take a third of its cold start.
    __pydantic_config__: ClassVar[dict[str, bool]] = {
        "json_schema_serialization_defaults_required": True,
        "use_attribute_docstrings": True,
    }


@dataclass(frozen=True, kw_only=True)
class TriggerOfBuild(_Part):
    """What started the build."""

    kind: str
    """Such as "upload", "schedule" or "voice"."""
    detail: str
    """A file, a commit, the name of an alarm."""
    rollback: str
    """Of a rollback, "previous" or the number of a build; else empty."""
    requests: int
    """The number of requests that the build covers."""


@dataclass(frozen=True, kw_only=True)
class Approval(_Part):
    """The approval of a build that asked for one."""

    answer: Literal["", "approved", "rejected"]
    """Empty while the build waits."""
    by: str
    """Such as "voice", "command" or "model registry"."""
    comment: str
    until: str
    """When the time for an answer is up; ISO 8601 in UTC."""


@dataclass(frozen=True, kw_only=True)
class Message(_Part):
    """The change for people, in the markup of chat applications: ``&``, ``<`` and ``>`` are escaped."""

    title: str
    description: str
    """Lines with the reason, the metrics beside the live model's, cost and link."""
    next_steps: list[str]
    """Commands, such as the one that approves the model."""
    text: str
    """All of it in one text."""


@dataclass(frozen=True, kw_only=True)
class BuildStateChange(_Part):
    """One change of a build's state."""

    version: Literal["1"] = "1"
    """Of this schema. A new field does not change it."""
    id: str
    """Of the change. EventBridge may deliver an event twice; the id is then the same."""
    stack: str
    """The name of the CloudFormation stack."""
    pipeline: str
    """Empty for the default pipeline."""
    build: int
    """The build's number in its pipeline."""
    state: State
    previous: State | None
    """The state before; null for a new build."""
    at: datetime
    """When the state changed; in seconds."""
    trigger: TriggerOfBuild
    restores: int
    """Of a rollback, the number of the build whose model it deploys; else 0."""
    origin: dict[str, Any] | None
    """Of a promoted model, the stack and the build that trained it."""
    step: str
    """The step in which a build failed or was stopped."""
    reason: str
    """One sentence for each outcome but success."""
    metrics: dict[str, float]
    live_metrics: dict[str, float]
    """Of the model that was live when the gate compared them."""
    cost: float | None
    """Of the jobs so far, an estimate in US dollars; null if unknown."""
    approval: Approval | None
    endpoint: str
    """The name of the pipeline's endpoint."""
    endpoint_config: str
    """The endpoint configuration of the build."""
    live_before: str
    """The endpoint configuration before the build; empty without an endpoint."""
    live_after: str
    """The one after a build that has ended."""
    artifacts: str
    """The S3 address of the trained model."""
    model_package: str
    """The ARN in the model registry."""
    console: str
    """The address of the build's execution in the AWS console."""
    message: Message


def write_detail(service: Service, change: Change) -> str:
    """Return the JSON text of the detail of the event about a change; `service` is bound to the build's pipeline."""
    detail = asdict(describe_change(service, change))
    detail["at"] = change.at.isoformat().replace("+00:00", "Z")
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"))


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
        cost=None if record.cost is None else float(record.cost),  # the table stores 2.0 as 2
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
    return {name: float(value) for name, value in sorted(metrics.items())[:_MOST_METRICS]}
