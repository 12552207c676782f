"""Reads the reports of an evaluation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.errors import EvaluationError
from sagebuild.parameters.evaluation_names import EVALUATED, EVALUATION, LIVE_EVALUATION
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call

_LARGEST_REPORT_MB = 1
# The record of a build is one item of DynamoDB, which holds 400 KB.
MOST_METRICS = 100
_NAME_LENGTH = 255


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
