"""Summarizes a build that has ended: its metrics against the live ones, its cost, what is live, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from sagebuild.builds.records import BuildRecord
from sagebuild.client.descriptions import suggest
from sagebuild.client.trials import Trials
from sagebuild.cost.spent import describe_cost, format_cost
from sagebuild.names import name_endpoint, parse_resource_name
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service
from sagebuild.steps.gate import find_config_metrics


def summarize_build(service: Service, record: BuildRecord, trials: Trials) -> dict[str, str]:
    """Return labelled text for a build that has ended; empty texts are left out."""
    summary = {
        "metrics": _compare_metrics(record.metrics, _find_metrics_before(service, record)),
        "tuning": " ".join(text for text in (trials.progress, trials.outcome) if text) if trials else "",
        "cost": format_cost(describe_cost(service, record)) if record.prices_date else "",
        "live now": _describe_live(service),
        "next": _suggest_next(service, record),
    }
    return {name: text for name, text in summary.items() if text}


def _find_metrics_before(service: Service, record: BuildRecord) -> Mapping[str, float]:
    """Return the metrics of the model that was live before the build; none if they are unknown."""
    if record.live_metrics or not record.live_before:
        return record.live_metrics
    return find_config_metrics(service, record.live_before) or {}


def _compare_metrics(metrics: Mapping[str, float], before: Mapping[str, float]) -> str:
    texts = (
        f"{name} {value:g}" + (f" (live before: {before[name]:g})" if name in before else "")
        for name, value in sorted(metrics.items())
    )
    return ", ".join(texts)


def _describe_live(service: Service) -> str:
    name, endpoint = name_endpoint(service), describe_endpoint(service)
    if endpoint is None:
        return f"nothing: there is no endpoint {name}"
    number = parse_resource_name(service, endpoint.config)
    model = f"the model of build {number}" if number else f"the endpoint configuration {endpoint.config}"
    return f"{name} is {endpoint.status} and serves {model}"


def _suggest_next(service: Service, record: BuildRecord) -> str:
    """Return the commands that fit the outcome."""
    number = record.number
    if record.has_succeeded and record.live_after and record.live_after == record.endpoint_config:
        undo = f"; '{suggest(service, 'rollback')}' restores the model before it" if record.live_before else ""
        return f"'{suggest(service, 'predict FILE')}' invokes the endpoint{undo}"
    if record.has_succeeded:
        return f"'{suggest(service, f'show {number}')}' shows the model"
    if record.status == "stopped":
        return f"'{suggest(service, 'start')}' starts another build"
    if record.status == "withheld":
        return f"'{suggest(service, f'show {number}')}' shows why; '{suggest(service, 'start')}' trains again"
    logs = f"'{suggest(service, f'logs {number}')}' shows all lines of the logs"
    return f"{logs}; after a correction, '{suggest(service, 'start')}' checks and starts again"
