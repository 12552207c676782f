"""Describes what a build would do that starts now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.builds.lock import PipelineState
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import Cost
from sagebuild.errors import InvalidValueError, ParameterError
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.parameters.overrides import check_overrides
from sagebuild.service import Service
from sagebuild.steps.approval import asks_approval


@dataclass(frozen=True)
class NextBuild:
    """The effect of a build that would start now.

    Parameters
    ----------
    number
        The number that the build would have.
    running
        The running build that it would follow; None if none runs.
    trains, deploys
        `trains` is True if the build runs a paid training, `deploys` if it changes the endpoint.
    instance_type, instance_count, maximum_hours
        The instances of each training, and its time limit.
    trainings
        The number of trainings; 1 unless the build tunes.
    processing_jobs, evaluates, transforms
        The other paid jobs: the number of processing jobs, and whether there are an evaluation and a batch transform.
    gate
        The metric of the quality gate; empty without a gate.
    asks_approval
        Whether the build waits for an approval before it deploys.
    waiting
        The number of requests that wait for the same build already.
    cost
        The estimate, in US dollars.
    """

    number: int
    running: int | None
    trains: bool
    deploys: bool
    instance_type: str
    instance_count: int
    maximum_hours: float
    trainings: int
    processing_jobs: int = 0
    evaluates: bool = False
    transforms: bool = False
    gate: str = ""
    asks_approval: bool = False
    waiting: int = 0
    cost: Cost | None = None

    @property
    def cost_max(self) -> float | None:
        """The maximum cost of all paid jobs, in US dollars; None if a price is unknown."""
        return self.cost.maximum if self.cost else None

    @property
    def has_other_jobs(self) -> bool:
        """False if the build has no paid jobs beside its training."""
        return bool(self.processing_jobs or self.evaluates or self.transforms)


def describe_next_build(
    service: Service, state: PipelineState, document: str, overrides: Mapping[str, Any]
) -> NextBuild:
    """Describe a build with a parameter document and the parameters for this build alone.

    Raises
    ------
    ParameterError
        The document is invalid.
    InvalidValueError
        A parameter for this build is invalid.
    """
    try:
        check_overrides(service.settings, document, overrides)
    except ParameterError as error:
        raise InvalidValueError(str(error)) from error
    merged = {**_read_pending(state), **overrides}
    parameters = parse_document(document, default_framework=service.settings.framework, overrides=merged)
    number = state.last_number + 1
    return NextBuild(
        number=number,
        running=state.running,
        trains=parameters.has_training,
        deploys=parameters.deployEndpoint,
        instance_type=parameters.traininstancetype,
        instance_count=parameters.traininstancecount,
        maximum_hours=parameters.trainmaxrun,
        trainings=parameters.tuning_trainings if parameters.configtrain == "SAGEMAKERHPO" else 1,
        processing_jobs=len(parameters.processing),
        evaluates=parameters.evaluation is not None,
        transforms=parameters.batchtransform is not None,
        gate=find_gate(parameters),
        asks_approval=asks_approval(parameters),
        waiting=state.pending.count if state.pending else 0,
        cost=estimate_cost(BuildContext(service, number, parameters)),
    )


def _read_pending(state: PipelineState) -> dict[str, Any]:
    return dict(json.loads(state.pending.overrides)) if state.pending and state.pending.overrides else {}


def find_gate(parameters: BuildParameters) -> str:
    """Return the metric of the quality gate; empty without a gate."""
    gate = parameters.qualitygate or parameters.mustimprove
    return gate.metric if gate else ""
