"""Plans the batch transform for the state machine, and records it among the jobs of the build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import StepJob
from sagebuild.cost.step_price import price_steps
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.transform_rules import TRANSFORM
from sagebuild.requests.bodies import Bodies
from sagebuild.units import SECONDS_PER_HOUR


class TransformPlan(TypedDict):
    """Whether there is a batch transform, its request, and the seconds after which the state machine ends it."""

    wanted: bool
    request: dict[str, Any]
    seconds: int


def plan_transform(context: BuildContext[BuildParameters], bodies: Bodies) -> TransformPlan:
    """Plan the batch transform."""
    job = context.parameters.batchtransform
    seconds = round(job.maxrun * SECONDS_PER_HOUR) if job else 0
    return {"wanted": job is not None, "request": bodies.get(TRANSFORM, {}), "seconds": seconds}


def list_transform_jobs(context: BuildContext[BuildParameters], bodies: Bodies) -> Iterator[StepJob]:
    """Yield the batch transform for the record of a build, if there is one."""
    if body := bodies.get(TRANSFORM):
        yield StepJob(
            name=TRANSFORM,
            job=body["TransformJobName"],
            outputs_of=context.number,
            hourly_cost=price_steps(context, bodies).hourly[TRANSFORM],
            kind=TRANSFORM,
            output=body["TransformOutput"]["S3OutputPath"],
        )
