"""Answers with the sections about a pipeline as a whole: comparison, endpoint, parameters, and all pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sagebuild.builds.records import now
from sagebuild.client.charts import draw_series, draw_times
from sagebuild.client.comparison import compare_builds
from sagebuild.client.differences import describe_differences
from sagebuild.client.endpoint_view import list_live_changes, read_endpoint_metrics
from sagebuild.client.pipeline import Pipeline
from sagebuild.client.pipeline_rows import PipelineRow, describe_pipeline
from sagebuild.client.schema import Field, list_fields
from sagebuild.cost.spent import format_dollars
from sagebuild.errors import InputError, ParameterError
from sagebuild.page.answers import Answer
from sagebuild.page.source import Source
from sagebuild.view.overview import BuildFilter, find_builds, read_live_model

Query = Mapping[str, str]
_MOST_COMPARED = 6
_HOURS_PER_MONTH = 730  # as AWS's own calculator counts: https://calculator.aws
_VERSIONS = 30


def compare(pipeline: Pipeline, query: Query) -> Answer:
    """Show builds side by side, their parameters against the first, and their curves over each other."""
    numbers = list(dict.fromkeys(int(text) for text in query.get("builds", "").split(",") if text.isdecimal()))
    if len(numbers) > _MOST_COMPARED:
        raise InputError(f"{len(numbers)} builds are chosen; compare at most {_MOST_COMPARED} at once.")
    known = find_builds(pipeline.service, BuildFilter(), 30).records
    builds = [pipeline.build(number) for number in numbers]
    compared = compare_builds([build.record for build in builds])
    series: dict[str, dict[str, list[float]]] = {}
    for build in builds if len(builds) > 1 else ():
        for name, curve in build.curves().items():
            series.setdefault(name, {})[f"build {build.number}"] = curve
    values: dict[str, Any] = {"numbers": numbers, "known": [one.number for one in known]}
    values |= {"rows": compared.rows, "differences": compared.differences}
    figure = draw_series(series, "value") if series else None
    return Answer("compare", values | {"figure": figure, "label": f"Curves of {', '.join(series)}"})


def endpoint(pipeline: Pipeline, _query: Query) -> Answer:
    """Show what is live, and the builds that changed it."""
    live, changes = read_live_model(pipeline.service), list_live_changes(pipeline.service)
    return Answer("endpoint", {"live": live, "name": pipeline.endpoint_name, "changes": changes})


def traffic(pipeline: Pipeline, query: Query) -> Answer:
    """Draw CloudWatch's metrics of the endpoint."""
    hours = min(max(int(query["hours"]), 1), 24 * 14) if query.get("hours", "").isdecimal() else 3
    series = read_endpoint_metrics(pipeline.service, hours)
    known = {name: points for name, points in series.items() if points}
    label = f"CloudWatch's metrics of the last {hours} hours: {', '.join(known)}"
    if not known:
        return Answer("chart", {"figure": None, "label": f"CloudWatch has no metrics of the last {hours} hours."})
    end = now()
    return Answer("chart", {"figure": draw_times(known, end - timedelta(hours=hours), end), "label": label})


def document(pipeline: Pipeline, _query: Query) -> Answer:
    """Show an editor with a field for each parameter of the framework."""
    stored = pipeline.parameters.document
    framework = str(stored.get("framework", pipeline.service.settings.framework))
    rows = [_describe_field(field, stored) for field in list_fields(framework) if field.name != "framework"]
    try:
        pipeline.parameters.check()
        problem = ""
    except ParameterError as error:
        problem = str(error)
    rows.sort(key=lambda row: not row["is_set"])
    return Answer("document", {"rows": rows, "framework": framework, "problem": problem}, has_ended=True)


def versions(pipeline: Pipeline, _query: Query) -> Answer:
    """Show the versions of the document with their differences."""
    history = pipeline.parameters.history()
    shown = []
    for version, earlier in zip(history, [*history[1:], None], strict=True):
        lines = describe_differences(earlier.document, version.document) if earlier else []
        shown.append({"version": version, "by": version.written_by.rpartition("/")[2], "lines": lines})
    return Answer("versions", {"versions": shown[:_VERSIONS]})


def pipelines(source: Source) -> Answer:
    """Show the pipelines of all stacks of the region side by side."""
    stacks = []
    for stack in source.list_stacks():
        rows = [_describe_row(row) for row in stack.pipelines().rows]
        stacks.append({"name": stack.name, "rows": rows, "is_own": stack is source.stack})
    return Answer("pipelines", {"stacks": stacks})


def _describe_row(row: PipelineRow) -> dict[str, Any]:
    name, build, outcome, live, age, *_ = describe_pipeline(row)
    hourly = row.endpoint_hourly_cost
    month = format_dollars(hourly * _HOURS_PER_MONTH) if hourly is not None else ""
    last = format_dollars(row.training_cost) if row.training_cost is not None else ""
    return {"name": name, "build": build, "outcome": outcome, "live": live, "age": age, "month": month, "last": last}


def _describe_field(field: Field, stored: Mapping[str, Any]) -> dict[str, Any]:
    is_set = field.name in stored
    value = stored.get(field.name, field.default)
    text = value if field.kind == "text" and value is not None else json.dumps(value, ensure_ascii=False)
    choices = [json.dumps(choice) for choice in field.choices]
    if field.kind == "choice" and text not in choices:
        choices.insert(0, text)
    shown = "" if value is None and field.kind in ("text", "number") else text
    return {"field": field, "value": shown, "choices": choices, "is_set": is_set}


STACK_PARTS: Mapping[str, Callable[[Pipeline, Query], Answer]] = {
    "compare": compare,
    "endpoint": endpoint,
    "traffic": traffic,
    "document": document,
    "versions": versions,
}
