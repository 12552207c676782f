"""Plans the processing and evaluation jobs for the state machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import StepJob
from sagebuild.cost.step_price import price_steps
from sagebuild.names import name_step_job
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.evaluation_names import EVALUATION, LIVE_EVALUATION
from sagebuild.parameters.step_rules import sort_jobs
from sagebuild.requests.bodies import Bodies, Body, read_kind
from sagebuild.requests.step_places import locate_model, locate_report


class PlannedJob(TypedDict):
    """A job for the state machine.

    ``model`` is the address in the request that the trained model's address replaces; empty without one.
    """

    request: Body
    model: str


class JobsPlan(TypedDict):
    """Whether there are jobs to run, and which; they run one after the other."""

    wanted: bool
    jobs: list[PlannedJob]


def plan_processing(bodies: Bodies) -> JobsPlan:
    """Plan the jobs before the training, in their order."""
    return _plan([{"request": body, "model": ""} for name, body in _list_bodies(bodies) if not _is_evaluation(name)])


def plan_evaluation(context: BuildContext[BuildParameters], bodies: Bodies) -> JobsPlan:
    """Plan the jobs after the training: one for the new model, and one for the live model if that is evaluated."""
    models = {EVALUATION: locate_model(context), LIVE_EVALUATION: ""}
    return _plan(
        [{"request": body, "model": models[name]} for name, body in _list_bodies(bodies) if _is_evaluation(name)]
    )


def list_step_jobs(context: BuildContext[BuildParameters], bodies: Bodies) -> list[StepJob]:
    """Return the jobs for the record of a build, in their order, also those that do not run."""
    service, number, facts = context.service, context.number, context.steps
    hourly = price_steps(context, bodies).hourly
    names = [*(job.name for job in sort_jobs(context.parameters)), *filter(_is_evaluation, hourly)]
    evaluation = context.parameters.evaluation
    return [
        StepJob(
            name=name,
            job="" if name in facts.reused else name_step_job(service, number, name),
            outputs_of=facts.reused.get(name, number),
            hourly_cost=hourly.get(name),
            key=facts.keys.get(name, ""),
            report=locate_report(service, number, name, evaluation.report)
            if evaluation and _is_evaluation(name)
            else "",
        )
        for name in names
    ]


def _list_bodies(bodies: Bodies) -> Iterator[tuple[str, Body]]:
    for kind, body in bodies.items():
        if read_kind(kind) == "processing":
            yield kind.partition(":")[2], body


def _is_evaluation(name: str) -> bool:
    return name in (EVALUATION, LIVE_EVALUATION)


def _plan(jobs: list[PlannedJob]) -> JobsPlan:
    return {"wanted": bool(jobs), "jobs": jobs}
