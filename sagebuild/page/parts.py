"""Answers with the sections of the page about builds; the browser reads each again after its own number of seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from sagebuild.client.build import Build
from sagebuild.client.charts import draw_best_so_far, draw_parallel, draw_series
from sagebuild.client.descriptions import describe_outcome, describe_row, name_build
from sagebuild.client.pipeline import Pipeline
from sagebuild.client.progress import read_if_allowed
from sagebuild.client.trials import Trials
from sagebuild.cost.spent import format_cost, format_dollars
from sagebuild.errors import BuildNotFoundError
from sagebuild.notifications.words import describe_requests, format_moment, format_seconds
from sagebuild.page.answers import HIDDEN, Answer
from sagebuild.view.overview import BuildFilter, find_builds, read_live_model
from sagebuild.view.steps import Step, Steps, render_steps

Query = Mapping[str, str]
_SHOWN_LINES = 1000
_OVERLAYS = 6  # builds that can be drawn with the curves of this one


def now(pipeline: Pipeline, _query: Query) -> Answer:
    """Show what is live, what runs, and what waits for which reason."""
    state, live = pipeline.state(), read_live_model(pipeline.service)
    pending = ""
    if state.pending:
        requests = describe_requests(state.pending.trigger, state.pending.count, state.pending.kinds)
        why = f"because build {state.running} runs" if state.running else "which starts now"
        pending = f"waits {why}; requested by {requests} since {format_moment(state.pending.since)}"
    return Answer("now", {"state": state, "live": live, "pending": pending})


def rows(pipeline: Pipeline, query: Query) -> Answer:
    """Show a page of the table of builds."""
    before = query.get("before", "")
    wanted = BuildFilter(query.get("text", ""), query.get("outcome", ""), int(before) if before.isdecimal() else 0)
    found, live = find_builds(pipeline.service, wanted), read_live_model(pipeline.service)
    lines = [
        {
            "record": record,
            "took": str(timedelta(seconds=round(record.seconds))),
            "cost": "" if record.cost is None else format_dollars(record.cost),
            "reason": describe_row(record)[-1],
        }
        for record in found.records
    ]
    is_filtered = bool(wanted.text or wanted.outcome or wanted.before)
    values = {"rows": lines, "older": found.older, "live_number": live.number, "live_metrics": live.metrics}
    return Answer("rows", values | {"is_filtered": is_filtered})


def summary(pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show the outcome in a sentence, the main facts, and what can be done."""
    record, live = build.record, read_live_model(pipeline.service)
    actions = []
    if record.awaits_approval:
        actions += [("approve", "Approve"), ("reject", "Reject")]
    if record.status in ("launching", "running"):
        actions.append(("stop", "Stop"))
    if record.deployed_its_model and record.number != live.number:
        actions.append(("roll back", "Roll back to this build"))
    if record.has_succeeded and not record.trigger.rollback and not record.pruned_at:
        actions.append(("promote", "Promote"))
    values = {
        "record": record,
        "name": name_build(record).rstrip(","),
        "outcome": describe_outcome(pipeline.service, record),
        "took": format_seconds(record.seconds),
        "started_by": describe_requests(record.trigger, record.requests, record.request_kinds),
        "is_live": record.number == live.number,
        "live_metrics": live.metrics if record.number != live.number else {},
        "actions": actions,
    }
    return Answer("summary", values)


def flow(_pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show the flow picture, the timeline and, on demand, the whole state machine."""
    steps, has_ended = build.steps(), bool(build.record.notified_at)
    values = {
        # What render_steps and reports draw is escaped there.
        "flow": Markup(render_steps(steps)),  # nosec B704
        "machine": Markup(render_steps(steps, with_skipped=True)),  # nosec B704
        "bars": list(_list_bars(steps)),
    }
    return Answer("flow", values, has_ended)


def curves(pipeline: Pipeline, build: Build, query: Query) -> Answer:
    """Draw the metrics that the training logged, with those of other builds over them."""
    record, own = build.record, read_if_allowed(build.curves, None)
    if own is None or not (record.training_job or record.tuning_job):
        return HIDDEN
    chosen = [int(text) for text in query.get("with", "").split(",") if text.isdecimal()][:_OVERLAYS]
    series: dict[str, dict[str, list[float]]] = {name: {f"build {build.number}": v} for name, v in own.items()}
    for number in chosen:
        for name, values in pipeline.build(number).curves().items():
            if name in series:
                series[name][f"build {number}"] = values
    others = [
        other
        for other in find_builds(pipeline.service, BuildFilter(), _OVERLAYS * 3).records
        if other.training_job and other.number != build.number
    ]
    label = f"Curves of {', '.join(series)}" if series else "The training has logged no metrics yet."
    figure = draw_series(series, "value") if series else None
    shown = {"figure": figure, "label": label, "notes": own.notes, "others": others[:_OVERLAYS], "chosen": chosen}
    return Answer("curves", shown, bool(record.notified_at))


def tuning(_pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show the trials of a tuning."""
    record = build.record
    if record.has_ended and not record.tuning_job:
        return HIDDEN
    trials = read_if_allowed(build.trials, Trials())
    if not trials:
        return Answer("", {}, record.has_ended, 204)
    objectives = [trial.objective for trial in trials]
    metric, labels = trials.tuning.metric, [trial.label for trial in trials]
    best = draw_best_so_far(list(zip(labels, objectives, strict=True)), metric, trials.tuning.goal == "Minimize")
    parallel = draw_parallel([trial.hyperparameters for trial in trials], objectives, metric, labels)
    values = {"trials": trials, "names": trials.names, "metric": metric, "sentences": trials.sentences()}
    return Answer("tuning", values | {"best": best, "parallel": parallel}, bool(record.notified_at))


def report(_pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show the report of the evaluation."""
    record = build.record
    if not any(job.report for job in record.step_jobs):
        return Answer("", {}, record.has_ended, 204)
    html = Markup(build.report()._repr_html_().replace("<h4>", "<h3>").replace("</h4>", "</h3>"))  # nosec B704
    return Answer("html", {"html": html, "nothing": ""}, bool(record.notified_at))


def parameters(pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show how the parameters differ from those of the live build."""
    live = read_live_model(pipeline.service).number
    if live is None or live == build.number:
        why = "This build is live." if live else "Nothing is live to compare with."
        return Answer("differences", {"lines": [], "nothing": why})
    try:
        lines = pipeline.compare(live, build.number).differences
    except BuildNotFoundError:
        lines = []
    return Answer("differences", {"lines": lines, "nothing": f"The parameters are those of the live build {live}."})


def cost(_pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show the cost: the maximum that was planned, so far, and of the endpoint afterwards."""
    known = build.cost()
    facts = [
        ("Before: planned at most", known.maximum),
        ("So far" if not build.record.has_ended else "In the end", known.spent),
        ("Afterwards: endpoint per hour", known.endpoint_hourly),
    ]
    shown = [(name, format_dollars(value)) for name, value in facts if value is not None]
    return Answer("cost", {"facts": shown, "sentence": format_cost(known)}, bool(build.record.notified_at))


def notification(pipeline: Pipeline, build: Build, _query: Query) -> Answer:
    """Show the text of the notification, once it was sent."""
    record = build.record
    text = pipeline.write_notification(record) if record.notified_at else ""
    nothing = "The notification is sent when the build ends."
    return Answer("text", {"text": text, "label": "Notification", "nothing": nothing}, bool(record.notified_at))


def logs(_pipeline: Pipeline, build: Build, query: Query) -> Answer:
    """Show the newest log lines that match."""
    text, source = query.get("text", "").lower(), query.get("source", "")
    containers = ("image", "processing", "training", "transform", "endpoint")
    found = [
        line
        for line in build.logs()
        if text in f"{line.label} {line.text}".lower()
        and (not source or (line.source not in containers if source == "functions" else line.source == source))
    ]
    hidden = max(0, len(found) - _SHOWN_LINES)
    return Answer("logs", {"lines": found[hidden:], "hidden": hidden}, bool(build.record.notified_at))


def _list_bars(steps: Steps) -> Iterator[dict[str, Any]]:
    """Yield the place of each step that has begun, in percent of the build's time."""
    begun = [step for step in steps if step.has_begun and step.begun_at]
    if not begun:
        return
    first = min(_to_seconds(step.begun_at) for step in begun)
    span = max(_find_end(step) for step in begun) - first or 1.0
    for step in begun:
        left = (_to_seconds(step.begun_at) - first) / span * 100
        width = (_find_end(step) - _to_seconds(step.begun_at)) / span * 100
        facts = {"name": step.name, "seconds": step.seconds, "visits": step.visits, "state": step.state}
        yield facts | {"left": round(left, 2), "width": round(width, 2)}


def _find_end(step: Step) -> float:
    return _to_seconds(step.ended_at) if step.ended_at else _to_seconds(step.begun_at) + step.seconds


def _to_seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


PIPELINE_PARTS: Mapping[str, Callable[[Pipeline, Query], Answer]] = {"now": now, "rows": rows}
BUILD_PARTS: Mapping[str, Callable[[Pipeline, Build, Query], Answer]] = {
    "summary": summary,
    "flow": flow,
    "curves": curves,
    "tuning": tuning,
    "report": report,
    "parameters": parameters,
    "cost": cost,
    "notification": notification,
    "logs": logs,
}
