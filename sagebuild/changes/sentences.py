"""Writes planned and applied changes in English, for assistants and the command line; the skill has its own words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sagebuild.changes.apply import Applied
from sagebuild.changes.approval import Waiting
from sagebuild.changes.document import NewValues
from sagebuild.changes.plan import PlannedChange
from sagebuild.changes.promotion import Promotion
from sagebuild.changes.rollback import Rollback
from sagebuild.changes.start import NextBuild
from sagebuild.changes.stop import Stop
from sagebuild.cost.spent import format_dollars
from sagebuild.notifications.words import format_metrics
from sagebuild.running.stop import Stopped


def describe_effect(planned: PlannedChange) -> str:
    """Say in English what a planned change would do, in one or more sentences."""
    match planned.effect:
        case NextBuild() as build:
            return " ".join(_describe_start(build, planned))
        case Stop() as stop:
            return " ".join(_describe_stop(stop))
        case Waiting() as waiting if planned.action == "reject":
            return f"Build {waiting.number} would end without deploying its model. {_describe_live(planned)}"
        case Waiting() as waiting:
            return f"{_describe_model(waiting)} It would go live. {_describe_live(planned)}"
        case Rollback() as rollback:
            replaced = f" in place of build {rollback.replaces}" if rollback.replaces else ""
            return (
                f"Build {rollback.build} would deploy the model of build {rollback.number} again{replaced}. "
                "It trains nothing."
            )
        case NewValues() as values:
            return f"For all future builds: {_list_values(values)}."
        case Promotion() as promotion:
            return " ".join(_describe_promotion(promotion))


def describe_result(applied: Applied) -> str:
    """Say in English what was done."""
    sentence = _describe_done(applied)
    return f"This was done before. {sentence}" if applied.repeated else sentence


def _describe_done(applied: Applied) -> str:
    match applied.action:
        case "start" if applied.started:
            return f"Build {applied.number} has started."
        case "start":
            return f"Build {applied.number} starts when build {applied.running} has ended."
        case "stop" if applied.stopped:
            follows = f" Build {applied.follows} was waiting and starts now." if applied.follows else ""
            return f"{_describe_stopped(applied.stopped)}{follows}"
        case "approve":
            return f"Build {applied.number} is approved."
        case "reject":
            return f"Build {applied.number} is rejected."
        case "roll back":
            return f"Build {applied.number} deploys the model of build {applied.restores} again."
        case "promote":
            return f"Build {applied.number} of {applied.receiver} has started; it deploys the promoted model."
    return "The parameter document is changed."


def _describe_start(build: NextBuild, planned: PlannedChange) -> Iterator[str]:
    when = f"when build {build.running} has ended" if build.running else "now"
    yield f"Build {build.number} would start {when}."
    if build.trains:
        trainings = f"{build.trainings} trainings, each" if build.trainings > 1 else "It trains"
        hours = f"{build.maximum_hours:g} hours" if build.maximum_hours != 1 else "1 hour"
        cost = f", at most {format_dollars(build.cost_max)}" if build.cost_max and not build.has_other_jobs else ""
        yield f"{trainings} on {build.instance_count} {build.instance_type} for at most {hours}{cost}."
    else:
        yield "It trains nothing."
    if build.has_other_jobs:
        yield _describe_other_jobs(build)
    if not build.deploys:
        yield "It deploys nothing."
        return
    if build.gate:
        yield f"The quality gate must accept its {build.gate}."
    if build.asks_approval:
        yield "It waits for an approval before it deploys."
    yield _describe_live(planned, "is replaced then")


def _describe_promotion(promotion: Promotion) -> Iterator[str]:
    """Name what moves and what stays, and then what the receiving build does."""
    model = f"the model ({_count(promotion.files, 'file')})" if promotion.files else "the model's settings"
    parts = [model, f"the serving script {promotion.script}" if promotion.script else ""]
    parts += [f"the image {promotion.image}" if promotion.image else "", promotion.framework]
    parts += [format_metrics(promotion.metrics)]
    *first, last = [part for part in parts if part]
    yield (
        f"From build {promotion.number} of {promotion.origin} to build {promotion.build} of {promotion.receiver} would "
        f"move {', '.join(first)} and {last}; instances, guardrails, approval, gates, alarms, tags and network stay "
        f"those of {promotion.receiver}."
    )
    if not promotion.deploys:
        yield "It deploys nothing."
        return
    if promotion.gate:
        yield f"The quality gate must accept its {promotion.gate}."
    if promotion.asks_approval:
        yield "It waits for an approval before it deploys."
    live = promotion.replaces
    yield f"Build {live} of {promotion.receiver} is replaced then." if live else "No build is live there yet."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _describe_other_jobs(build: NextBuild) -> str:
    """Describe the paid jobs beside the training, and the most that all jobs cost together."""
    number = build.processing_jobs
    jobs = [f"{number} processing job{'s' if number > 1 else ''}"] if number else []
    jobs += ["an evaluation"] * build.evaluates + ["a batch transform"] * build.transforms
    *others, last = jobs
    runs = f"{', '.join(others)} and {last}" if others else last
    cost = f"cost at most {format_dollars(build.cost_max)}" if build.cost_max else "have no known price"
    return f"It {'also ' if build.trains else ''}runs {runs}. All its jobs together {cost}."


def _describe_stop(stop: Stop) -> Iterator[str]:
    step = f"It is at {stop.step}. " if stop.step else ""
    job = "Its training ends. " if stop.ends_training else "The job of that step ends. " if stop.ends_step_job else ""
    yield f"Build {stop.number} would stop. {step}{job}What is live stays live."
    if stop.follows:
        yield f"Build {stop.follows}, which waits, starts then."


def _describe_stopped(stopped: Stopped) -> str:
    """Say how the build ended; one that ended by itself first was not stopped."""
    match stopped.outcome:
        case "succeeded" | "failed":
            return f"Build {stopped.number} {stopped.outcome} before it could be stopped."
        case "withheld":
            return f"Build {stopped.number} ended without deployment before it could be stopped."
    return stopped.summary


def _describe_model(waiting: Waiting) -> str:
    if waiting.value is None:
        return f"Build {waiting.number} waits for approval and has no metrics."
    live = f"; the live model has {waiting.live:g}" if waiting.live is not None else ""
    return f"Build {waiting.number} waits for approval; its {waiting.metric} is {waiting.value:g}{live}."


def _describe_live(planned: PlannedChange, then: str = "is live") -> str:
    live = planned.live
    if not live.config:
        return "Nothing is live yet."
    return f"Build {live.number} {then}." if live.number else f"The endpoint configuration {live.config} {then}."


def _list_values(values: NewValues) -> str:
    return "; ".join(f"{name} is {_show(values.new, name)} instead of {_show(values.old, name)}" for name in values.new)


def _show(values: Mapping[str, Any], name: str) -> str:
    return "unset" if values[name] is None else json.dumps(values[name])
