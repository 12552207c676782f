"""The custom widget of the CloudWatch dashboard: a table of builds, and the steps of one of them.

CloudWatch shows the HTML that a function returns, without scripts. `cwdb-action` makes the element before it call the
function again: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from html import escape
from typing import Any

from sagebuild.builds.pipelines import DEFAULT, find_pipeline
from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.cost.spent import format_dollars
from sagebuild.errors import SagebuildError
from sagebuild.launch.events import find_text
from sagebuild.names import console_url
from sagebuild.parameters.shown import show_name
from sagebuild.service import Service
from sagebuild.view.html import Html, render_badge, render_table
from sagebuild.view.overview import BuildFilter, LiveModel, find_builds, read_live_model
from sagebuild.view.steps import StepReader, render_steps

DESCRIPTION = """## Builds of sagebuild
Shows the newest builds of a pipeline, and the steps of one of them. It only reads.

Parameter | Use | Default
---|---|---
**pipeline** | Name of the pipeline | default
**build** | Number of the build whose steps are shown | the newest
"""
_ROWS = 8
_COLUMNS = ("Build", "Outcome", "Started by", "Started (UTC)", "Took", "Cost", "Metrics, against live", "Reason")
_REASON_CHARACTERS = 160
# "theme" of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
_COLOURS = {
    "light": {"text": "#16191f", "grey": "#545b64", "line": "#d5dbdb", "on": "#ffffff", "done": "#1d6b24",
              "running": "#0b57b7", "failed": "#b3261e", "stopped": "#845000"},
    "dark": {"text": "#d1d5db", "grey": "#a3adb8", "line": "#414d5c", "on": "#0f1b2a", "done": "#7fcf87",
             "running": "#8ab8ff", "failed": "#ff9a90", "stopped": "#efb85c"},
}  # fmt: skip
# Statuses of builds that have the colour of a step's state.
_SAME = {"succeeded": "done", "launching": "running", "withheld": "stopped"}


def render_widget(stack: Service, event: Mapping[str, Any], function_arn: str) -> str:
    """Return the HTML of the widget; of an error, its message.

    Parameters
    ----------
    event
        The widget's parameters ``pipeline`` and ``build``; ``before`` lists only builds with lower numbers. CloudWatch
        adds ``widgetContext``.
    function_arn
        Of the function that answers, for the links.
    """
    colours = _COLOURS["dark" if find_text(event, "widgetContext", "theme") == "dark" else "light"]
    same = {name: colours[other] for name, other in _SAME.items()}
    style = ";".join(f"--sb-{name}:{value}" for name, value in (colours | same).items())
    try:
        content = _render_pipeline(stack, event, function_arn)
    except SagebuildError as error:
        content = f"<p>{escape(str(error))}</p>"
    return f"<div style='color:var(--sb-text);{style}'>{content}</div>"


def _render_pipeline(stack: Service, event: Mapping[str, Any], function_arn: str) -> str:
    name = find_text(event, "pipeline") or DEFAULT
    service = find_pipeline(stack, name)
    if service is None:
        return f"<p>{escape(stack.stack_name)} has no pipeline {escape(show_name(name))}. Choose another one above.</p>"
    before = _to_number(event.get("before"))
    found = find_builds(service, BuildFilter(before=before), _ROWS)
    if not found.records:
        return f"<p>{escape(service.label)} has no builds yet.</p>"
    call = _Call(function_arn, {"pipeline": name, "before": before or None})
    live = read_live_model(service)
    rows = [tuple(_render_row(service, record, live, call)) for record in found.records]
    older = call.link("Older builds", before=found.older, build=None) if found.older else ""
    number = _to_number(event.get("build"))
    chosen = read_build(service, number) if number else found.records[0]
    # A build that is launching has no execution yet.
    has_steps = chosen.status != "launching"
    flow = render_steps(StepReader(service, chosen.number).read()) if has_steps else "<p>It starts now.</p>"
    return f"{render_table(rows, _COLUMNS)}<p>{older}</p><h4>Steps of build {chosen.number}</h4>{flow}"


class _Call:
    """Makes links that call the function again.

    Parameters
    ----------
    parameters
        What the widget shows now; a link changes some of it.
    """

    def __init__(self, function_arn: str, parameters: Mapping[str, Any]) -> None:
        self._arn = function_arn
        self._parameters = parameters

    def link(self, text: str, **changes: Any) -> Html:
        """Return a link with a text."""
        given = {name: value for name, value in {**self._parameters, **changes}.items() if value is not None}
        action = f"<cwdb-action action='call' endpoint='{escape(self._arn)}'>{escape(json.dumps(given), quote=False)}"
        return Html(f"<a>{escape(text)}</a>{action}</cwdb-action>")


def _render_row(service: Service, record: BuildRecord, live: LiveModel, call: _Call) -> Iterator[object]:
    mark = " live" if record.number == live.number else ""
    yield Html(f"{call.link(str(record.number), build=record.number)}{mark}")
    badge = render_badge(record.status)
    address = console_url(service, record.number)
    yield Html(f"<a href='{escape(address)}'>{badge}</a>") if address.startswith("https:") else badge
    yield record.trigger.kind
    yield record.created_at[:16].replace("T", " ")
    yield timedelta(seconds=round(record.seconds))
    yield "" if record.cost is None else format_dollars(record.cost)
    yield ", ".join(_describe_metrics(record, live))
    reason = " ".join(record.reason.partition("\n\n")[0].split())
    yield reason if len(reason) <= _REASON_CHARACTERS else f"{reason[: _REASON_CHARACTERS - 3]}..."


def _describe_metrics(record: BuildRecord, live: LiveModel) -> Iterator[str]:
    for name, value in sorted(record.metrics.items()):
        has_other = name in live.metrics and record.number != live.number
        yield f"{name} {value:.4g}" + (f" ({value - live.metrics[name]:+.2g})" if has_other else "")


def _to_number(value: object) -> int:
    """Return a build's number of an event, which a person may have typed; 0 for anything else."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
