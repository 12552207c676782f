"""Converts `HyperparameterTuner` of both versions."""

from __future__ import annotations

from typing import Any

from sagebuild.project.sdk_code.arguments import TUNER, Arguments
from sagebuild.project.sdk_code.state import State, unwrap
from sagebuild.project.sdk_code.training import put_metrics
from sagebuild.project.sdk_code.values import Call, find_unknown

TUNER_NAME = "HyperparameterTuner"
_PLACES = ("estimator", "objective_metric_name", "hyperparameter_ranges", "metric_definitions", "strategy")
_RANGES = {
    "IntegerParameter": {"integer": True},
    "ContinuousParameter": {},
    "CategoricalParameter": {},
}
_COMPLETION = {
    "target_objective_metric_value": "targetvalue",
    "max_number_of_training_jobs_not_improving": "notimproving",
    "complete_on_convergence": "convergence",
}


def find_trained(call: Call) -> Any:
    """Return what a tuner trains: an estimator or a trainer."""
    given = (call.keywords.get(name) for name in ("estimator", "model_trainer"))
    return next((one for one in (*given, *call.arguments[:1]) if one is not None), None)


def convert_tuner(state: State, call: Call) -> None:
    """Set the parameters of a tuning job; what it trains is converted before."""
    draft, arguments = state.draft, Arguments(state.draft, call, _PLACES)
    arguments.take("estimator")
    arguments.take("model_trainer")
    draft.put("configtrain", "SAGEMAKERHPO", call.locate())
    origin = arguments.locate("objective_metric_name")
    name = arguments.take_known("objective_metric_name", "tuningobjective")
    kind = arguments.take_known("objective_type", "tuningobjective") or "Maximize"  # the SDK's default
    draft.put("tuningobjective", {"Name": name, "Type": kind} if name else None, origin)
    origin = arguments.locate("metric_definitions")
    put_metrics(state, arguments.take("metric_definitions"), origin)
    origin = arguments.locate("hyperparameter_ranges")
    _put_ranges(state, arguments.take("hyperparameter_ranges"), origin)
    _put_warm_start(state, arguments)
    _put_completion(state, arguments)
    _put_hyperband(state, arguments)
    arguments.finish(TUNER)


def _put_ranges(state: State, ranges: Any, origin: str) -> None:
    if not isinstance(ranges, dict):
        state.draft.refuse(origin, str(ranges), "only the running program knows the ranges; set hyperparameters")
        return
    entries = state.draft.document.setdefault("hyperparameters", {})
    for name, value in ranges.items():
        found = _read_range(value) if isinstance(name, str) else None
        if found is None:
            advice = f"only the running program knows the range; set hyperparameters.{name}"
            state.draft.refuse(f"{origin}.{name}", str(value), advice)
        else:
            entries[name] = found  # the tuner's range replaces a fixed value
            state.draft.trace(f"hyperparameters.{name}", origin)


def _read_range(value: Any) -> dict[str, Any] | None:
    call = unwrap(value, *_RANGES)
    if call is None:
        return None
    places = ("values",) if call.name == "CategoricalParameter" else ("min_value", "max_value", "scaling_type")
    arguments = dict(zip(places, call.arguments, strict=False)) | call.keywords
    if find_unknown(arguments):
        return None
    if call.name == "CategoricalParameter":
        values = arguments.get("values")
        return {"Values": values if isinstance(values, list) else [values]}
    found = {"MinValue": arguments.get("min_value"), "MaxValue": arguments.get("max_value"), **_RANGES[call.name]}
    scale = arguments.get("scaling_type")
    return found | ({} if scale in (None, "Auto") else {"ScalingType": scale})


def _put_warm_start(state: State, arguments: Arguments) -> None:
    origin, value = arguments.locate("warm_start_config"), arguments.take("warm_start_config")
    part = unwrap(value, "WarmStartConfig")
    parents = part.keywords.get("parents") if part else None
    if isinstance(parents, list) and not find_unknown(parents):
        state.draft.put("parentJobs", parents, origin)
    elif value is not None:
        state.draft.refuse(origin, str(value), "set parentJobs and WarmStartType")
    if part and "warm_start_type" in part.keywords:
        kind = str(part.keywords["warm_start_type"])
        if "TRANSFER" in kind.upper():  # a member of the SDK's enumeration WarmStartTypes
            state.draft.put("WarmStartType", "TransferLearning", origin)


def _put_completion(state: State, arguments: Arguments) -> None:
    origin, value = arguments.locate("completion_criteria_config"), arguments.take("completion_criteria_config")
    if part := unwrap(value, "TuningJobCompletionCriteriaConfig"):
        inner = Arguments(state.draft, part)
        found = {ours: inner.take_known(name, f"tuningcompletion.{ours}") for name, ours in _COMPLETION.items()}
        inner.finish({})
        state.draft.put("tuningcompletion", {k: v for k, v in found.items() if v is not None} or None, origin)
    elif value is not None:
        state.draft.refuse(origin, str(value), "set tuningcompletion (docs/parameters.md)")


def _put_hyperband(state: State, arguments: Arguments) -> None:
    origin, value = arguments.locate("strategy_config"), arguments.take("strategy_config")
    part = unwrap(value, "StrategyConfig")
    band = unwrap(part.keywords.get("hyperband_strategy_config"), "HyperbandStrategyConfig") if part else None
    if band:
        names = {"min_resource": "minresource", "max_resource": "maxresource"}
        inner = Arguments(state.draft, band, tuple(names))
        found = {ours: inner.take_known(name, f"hyperband.{ours}") for name, ours in names.items()}
        state.draft.put("hyperband", {k: v for k, v in found.items() if v is not None} or None, origin)
    elif value is not None:
        state.draft.refuse(origin, str(value), "set hyperband (docs/parameters.md)")
