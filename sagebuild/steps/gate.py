"""The quality gate: compares the new model's metrics with limits and with the live model's, before it is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import NOT_ENDED, now, read_build, search_builds, update_build
from sagebuild.cost.spent import price_seconds
from sagebuild.errors import BuildNotFoundError
from sagebuild.names import parse_resource_name
from sagebuild.parameters.evaluation_names import EVALUATED
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.job import complete_job, describe_job, job_facts
from sagebuild.running.step_jobs import describe_step_jobs, to_attributes
from sagebuild.service import Service
from sagebuild.steps.reports import read_reports

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

# The newest builds that are searched for the training of a model.
_BUILDS_SEARCHED = 200


@dataclass(frozen=True)
class Verdict:
    """Whether the model passed, the reason if it did not, and notes on the comparison."""

    met: bool
    reason: str = ""
    notes: tuple[str, ...] = ()


class GateCheck(TypedDict):
    """The request of `check_quality`."""

    number: int
    pipeline: str
    qualitygate: dict[str, Any] | None
    mustimprove: dict[str, Any] | None


class GatePlan(TypedDict):
    """Whether metrics are compared, and how."""

    wanted: bool
    check: NotRequired[GateCheck]


def plan_gate(context: BuildContext[BuildParameters]) -> GatePlan:
    """Plan the gate: whether it is ``wanted``, and the request of `check_quality`.

    A manual approval needs it, too: the request for approval reports the metrics. So does an evaluation, whose metrics
    it records.
    """
    parameters = context.parameters
    gate, improvement = parameters.qualitygate, parameters.mustimprove
    if not (
        gate or improvement or parameters.evaluation or (parameters.approval == "manual" and parameters.deployEndpoint)
    ):
        return {"wanted": False}
    check: GateCheck = {
        "number": context.number,
        "pipeline": context.service.pipeline,
        "qualitygate": gate.model_dump() if gate else None,
        "mustimprove": improvement.model_dump() if improvement else None,
    }
    return {"wanted": True, "check": check}


def find_gate_problems(context: BuildContext[BuildParameters], artifacts: str | None) -> Iterator[str]:
    """Yield a sentence for each metric of a gate that is unknown for an existing model."""
    gates = {name: getattr(context.parameters, name) for name in ("qualitygate", "mustimprove")}
    asked = {gate.metric: name for name, gate in gates.items() if gate}
    if not asked or not artifacts:
        return
    known = find_metrics(context.service, artifacts)
    for metric, name in asked.items():
        if metric not in known and not metric.startswith(EVALUATED):
            yield (
                f"{name}.metric is {metric}, and no build of {context.service.label} trained the model at {artifacts} "
                f"with that metric; train the model, or leave {name} out of this build."
            )


def check_quality(service: Service, check: Mapping[str, Any]) -> Verdict:
    """Record the metrics of the model and the live model, and compare them with the gate's limits.

    Parameters
    ----------
    check
        As `plan_gate` returned it.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    EvaluationError
        A report of the evaluation does not exist, or is no JSON with numbers.
    """
    record = read_build(service, check["number"])
    job = describe_job(service, record)
    evaluated, evaluated_live = read_reports(service, record)
    if job:
        facts = job_facts(complete_job(service, job), evaluated)
    else:
        facts = {"metrics": find_metrics(service, record.artifacts) | evaluated}
    live, note = _find_live_metrics(service)
    live |= evaluated_live
    verdict = compare_metrics(facts["metrics"], live, note, check["qualitygate"], check["mustimprove"])
    notes = list(dict.fromkeys([*record.notes, *verdict.notes]))
    steps = describe_step_jobs(service, record, now())
    facts |= {"evaluation_metrics": evaluated, "step_jobs": to_attributes(steps)}
    facts["cost"] = price_seconds(replace(record, step_jobs=steps), job.seconds if job else 0)
    update_build(service, record.number, only_if=NOT_ENDED, **facts, live_metrics=live, notes=notes)
    return verdict


def compare_metrics(
    metrics: Mapping[str, float],
    live: Mapping[str, float],
    unknown: str,
    gate: Mapping[str, Any] | None,
    improvement: Mapping[str, Any] | None,
) -> Verdict:
    """Compare a model's metrics with the limits of ``qualitygate``, and with the live ones by ``mustimprove``.

    Parameters
    ----------
    unknown
        Why there are no live metrics, as it reads after "because".
    """
    reasons, notes = list[str](), list[str]()
    if gate:
        reasons += _find_misses(metrics, gate)
    if improvement and improvement["metric"] not in live:
        name = improvement["metric"]
        why = unknown or f"the live model has no {name}"
        notes.append(f"{name} was not compared with a live model, because {why}.")
        reasons += _find_missing(metrics, name)
    elif improvement:
        reasons += _find_decline(metrics, live, improvement)
    return Verdict(not reasons, "; ".join(dict.fromkeys(reasons)), tuple(notes))


def find_metrics(service: Service, artifacts: str) -> dict[str, float]:
    """Return the metrics of the training that made a model, also of a promoted one; none if no build trained it."""
    for record in search_builds(service, _BUILDS_SEARCHED):
        if artifacts and record.artifacts == artifacts and (record.job_status == "Completed" or record.origin):
            return record.metrics
    return {}


def _find_live_metrics(service: Service) -> tuple[dict[str, float], str]:
    """Return the metrics of the live model, or why there are none."""
    endpoint = describe_endpoint(service)
    if endpoint is None or endpoint.status == "Failed":
        return {}, "nothing is live yet"
    live = find_config_metrics(service, endpoint.config)
    return (live, "") if live is not None else ({}, f"no build made the live endpoint configuration {endpoint.config}")


def find_config_metrics(service: Service, config: str) -> dict[str, float] | None:
    """Return the metrics of the model in an endpoint configuration; None if no build made the configuration."""
    number = parse_resource_name(service, config)
    try:
        build = read_build(service, number) if number else None
    except BuildNotFoundError:
        return None
    return (build.metrics or find_metrics(service, build.artifacts)) if build else None


def _find_misses(metrics: Mapping[str, float], gate: Mapping[str, Any]) -> Iterator[str]:
    name = gate["metric"]
    if missing := list(_find_missing(metrics, name)):
        yield from missing
        return
    value, minimum, maximum = _round(metrics[name]), gate["minimum"], gate["maximum"]
    if minimum is not None and value < _round(minimum):
        yield f"{name} {metrics[name]:g} is below the minimum {minimum:g}"
    if maximum is not None and value > _round(maximum):
        yield f"{name} {metrics[name]:g} is above the maximum {maximum:g}"


def _find_decline(
    metrics: Mapping[str, float], live: Mapping[str, float], improvement: Mapping[str, Any]
) -> Iterator[str]:
    name = improvement["metric"]
    if missing := list(_find_missing(metrics, name)):
        yield from missing
        return
    value, before, margin = _round(metrics[name]), _round(live[name]), _round(improvement["margin"])
    better, worse = ("above", "below") if improvement["goal"] == "Maximize" else ("below", "above")
    gain = value - before if better == "above" else before - value
    compared = f"the live {live[name]:g}"
    if gain < 0:
        yield f"{name} {metrics[name]:g} is {worse} {compared}"
    elif gain == 0:
        yield f"{name} {metrics[name]:g} is no better than {compared}"
    elif gain < margin:
        yield f"{name} {metrics[name]:g} is less than {improvement['margin']:g} {better} {compared}"


def _find_missing(metrics: Mapping[str, float], name: str) -> Iterator[str]:
    if name not in metrics:
        others = ", ".join(sorted(metrics)) or "none"
        source = "evaluation" if name.startswith(EVALUATED) else "training"
        yield f"the {source} reported no number for {name} (its metrics: {others})"


def _round(value: float) -> Decimal:
    """Round to six digits: SageMaker stores metrics in 32 bits, in which 0.95 is 0.949999988.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_MetricData.html
    """
    return Decimal(f"{value:.6g}")
