"""Converts a tuning job."""

from __future__ import annotations

from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.script import read_json, read_number
from sagebuild.client.conversion.shared import convert_tags
from sagebuild.client.conversion.source import Source
from sagebuild.client.conversion.training import convert_job
from sagebuild.parameters.kinds import read_number as parse_number

_ONE_DEFINITION = "a tuning job of sagebuild has one training job definition; make a pipeline for each other one"


def convert_tuning(draft: Draft, source: Source) -> None:
    """Set the parameters of a tuning job; of several training job definitions, only the first is converted."""
    config = source.child("HyperParameterTuningJobConfig")
    definition, *others = source.children("TrainingJobDefinitions") or [source.child("TrainingJobDefinition")]
    for other in others:
        draft.refuse(other.field, dict(other.content), _ONE_DEFINITION)
        other.content.clear()
    draft.put("configtrain", "SAGEMAKERHPO", "HyperParameterTuningJobConfig")
    tables = [config.child("ParameterRanges"), definition.child("HyperParameterRanges")]
    ranges = [(kind, entry) for table in tables for kind in _RANGES for entry in table.children(kind)]
    searched = tuple(str(entry.content.get("Name")) for _, entry in ranges)
    resources = definition.child("HyperParameterTuningResourceConfig")
    resources = resources if resources.content else definition.child("ResourceConfig")
    convert_job(draft, definition, resources, definition.child("StaticHyperParameters"), "", searched)
    for kind, entry in ranges:
        name = entry.take_text("Name")
        draft.put_entry("hyperparameters", name, _RANGES[kind](draft, entry), entry.field)
    _convert_config(draft, config, definition)
    _convert_warm_start(draft, source)
    convert_tags(draft, source)


def _read_values(draft: Draft, entry: Source) -> dict[str, Any]:
    read = read_json if draft.facts.has_script else read_number
    return {"Values": [read(value) for value in entry.take_list("Values")]}


def _read_limits(entry: Source, **more: bool) -> dict[str, Any]:
    limits = {name: _to_number(entry.take(name)) for name in ("MinValue", "MaxValue")}
    scale = entry.take("ScalingType")
    return limits | more | ({} if scale in (None, "Auto") else {"ScalingType": scale})


def _to_number(text: Any) -> Any:
    try:
        return parse_number(text)
    except ValueError:
        return text


_RANGES = {
    "IntegerParameterRanges": lambda _draft, entry: _read_limits(entry, integer=True),
    "ContinuousParameterRanges": lambda _draft, entry: _read_limits(entry),
    "CategoricalParameterRanges": _read_values,
}


def _convert_config(draft: Draft, config: Source, definition: Source) -> None:
    limits, band = config.child("ResourceLimits"), config.child("StrategyConfig").child("HyperbandStrategyConfig")
    for source, member, parameter, default in (
        (config, "Strategy", "tuningstrategy", None),
        (config, "TrainingJobEarlyStoppingType", "earlystopping", "Off"),
        (limits, "MaxNumberOfTrainingJobs", "maxtrainingjobs", None),
        (limits, "MaxParallelTrainingJobs", "maxparalleltrainingjobs", None),
    ):
        draft.put(parameter, source.take(member), source.name(member), default=default)
    band_limits = {"minresource": band.take("MinResource"), "maxresource": band.take("MaxResource")}
    draft.put(
        "hyperband", {name: value for name, value in band_limits.items() if value is not None} or None, band.field
    )
    for objective in (config.child("HyperParameterTuningJobObjective"), definition.child("TuningObjective")):
        if objective.content:
            named = {"Name": objective.take("MetricName"), "Type": objective.take("Type")}
            draft.put("tuningobjective", named, objective.field)
    _convert_completion(draft, config.child("TuningJobCompletionCriteria"))


def _convert_completion(draft: Draft, source: Source) -> None:
    improving, convergence = source.child("BestObjectiveNotImproving"), source.child("ConvergenceDetected")
    criteria = {
        "targetvalue": source.take("TargetObjectiveMetricValue"),
        "notimproving": improving.take("MaxNumberOfTrainingJobsNotImproving"),
        "convergence": convergence.take("CompleteOnConvergence") == "Enabled" or None,
    }
    given = {name: value for name, value in criteria.items() if value is not None}
    draft.put("tuningcompletion", given or None, source.field)


def _convert_warm_start(draft: Draft, source: Source) -> None:
    start = source.child("WarmStartConfig")
    parents = [
        parent.take("HyperParameterTuningJobName") for parent in start.children("ParentHyperParameterTuningJobs")
    ]
    draft.put("parentJobs", parents or None, start.name("ParentHyperParameterTuningJobs"))
    default = "IdenticalDataAndAlgorithm"
    draft.put("WarmStartType", start.take("WarmStartType"), start.name("WarmStartType"), default=default)
