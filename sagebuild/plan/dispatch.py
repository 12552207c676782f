"""Reads the record of a launched build, and plans it as a build, as a promotion or as a rollback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import read_build
from sagebuild.errors import BuildNotFoundError, PipelineNotFoundError
from sagebuild.plan.build import BuildPlan, plan_build
from sagebuild.plan.rollback import RollbackPlan, plan_rollback
from sagebuild.promotion.receiving import receive_promotion
from sagebuild.service import Service

_ADVICE = (
    "Start builds by voice, on the command line or through the launch topic, not by starting an execution yourself."
)


def plan_input(stack: Service, content: Mapping[str, Any]) -> BuildPlan | RollbackPlan:
    """Plan the build or rollback that an execution's input names.

    Raises
    ------
    BuildNotFoundError
        The input names no launched build, as that of an execution which a person started.
    SagebuildError
        See `plan`.
    """
    number, pipeline = content.get("number"), content.get("pipeline", "")
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(pipeline, str):
        raise BuildNotFoundError(f"The execution's input names no build. {_ADVICE}")
    return plan(stack.for_pipeline(pipeline), number)


def plan(service: Service, number: int) -> BuildPlan | RollbackPlan:
    """Plan the build or rollback with this number.

    Raises
    ------
    BuildNotFoundError
        No launched build has that number, or it has ended.
    PipelineNotFoundError
        The pipeline or the stack is being removed.
    SagebuildError
        See `plan_build`, `plan_rollback` and `receive_promotion`.
    """
    try:
        record = read_build(service, number)
    except BuildNotFoundError:
        raise BuildNotFoundError(f"Build {number} was not launched. {_ADVICE}") from None
    if record.has_ended:
        raise BuildNotFoundError(f"Build {number} has ended; start a new build.")
    if read_state(service).removed_at:  # its launch began before the removal
        raise PipelineNotFoundError(f"The pipeline {service.label} is being removed; no build starts.")
    if record.trigger.rollback:
        return plan_rollback(service, record)
    return plan_build(service, receive_promotion(service, record) if record.origin else record)
