"""Plans the processing and evaluation jobs for the state machine, and reads the reports of an evaluation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, TypedDict

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord, StepJob
from sagebuild.cost.step_price import price_steps
from sagebuild.errors import EvaluationError
from sagebuild.names import name_step_job
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.option_rules import EVALUATED
from sagebuild.parameters.step_rules import EVALUATION, LIVE_EVALUATION, sort_jobs
from sagebuild.requests.bodies import Bodies, Body, read_kind
from sagebuild.requests.step_places import locate_model, locate_report
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call

_LARGEST_REPORT_MB = 1
# The record of a build is one item of DynamoDB, which holds 400 KB.
MOST_METRICS = 100
_NAME_LENGTH = 255


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


def read_reports(service: Service, record: BuildRecord) -> tuple[dict[str, float], dict[str, float]]:
    """Return the metrics in the reports of an evaluation: of the new model, and of the live model.

    Raises
    ------
    EvaluationError
        The report does not exist, or is no JSON with numbers.
    """
    reports = {job.name: read_report(service, job.report) for job in record.step_jobs if job.report}
    return reports.get(EVALUATION, {}), reports.get(LIVE_EVALUATION, {})


def read_report(service: Service, uri: str) -> dict[str, float]:
    """Return the numbers of a report by their dotted names, each beginning with "evaluation.".

    Raises
    ------
    EvaluationError
        The report does not exist, or is no JSON with numbers.
    """
    bucket, key = split_s3_uri(uri)
    with aws_call(f"read {uri}"):
        try:
            answer = service.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            raise EvaluationError(
                f"The evaluation wrote no report to {uri}; the script must write that file into "
                "/opt/ml/processing/evaluation, or evaluation.report must name the one that it writes."
            ) from None
        if answer["ContentLength"] > _LARGEST_REPORT_MB * 1024 * 1024:
            raise EvaluationError(f"The report {uri} is larger than {_LARGEST_REPORT_MB} MB; write only the metrics.")
        text = answer["Body"].read()
    try:
        content = json.loads(text)
    except ValueError as error:
        raise EvaluationError(f"The report {uri} is not JSON: {error}.") from None
    metrics = dict(_flatten(content, EVALUATED.rstrip(".")))
    if not metrics:
        raise EvaluationError(f'The report {uri} has no numbers; write an object such as {{"accuracy": 0.93}}.')
    if len(metrics) > MOST_METRICS:
        raise EvaluationError(f"The report {uri} has {len(metrics)} numbers; it may have at most {MOST_METRICS}.")
    return metrics


def _flatten(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in entries:
            yield from _flatten(inner, f"{name}.{key}")
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield name[:_NAME_LENGTH], value


def _list_bodies(bodies: Bodies) -> Iterator[tuple[str, Body]]:
    for kind, body in bodies.items():
        if read_kind(kind) == "processing":
            yield kind.partition(":")[2], body


def _is_evaluation(name: str) -> bool:
    return name in (EVALUATION, LIVE_EVALUATION)


def _plan(jobs: list[PlannedJob]) -> JobsPlan:
    return {"wanted": bool(jobs), "jobs": jobs}
