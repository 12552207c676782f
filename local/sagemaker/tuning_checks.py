"""Refuses tuning job requests that are invalid or unsupported."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.resources import Json, refuse
from local.sagemaker.tuning_search import Categorical, read_ranges

KINDS = ("CategoricalParameterRanges", "IntegerParameterRanges", "ContinuousParameterRanges")
_MAX_TRAININGS = 750
_MAX_RANGES = 30
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
_MAX_EPOCHS = 20_000
# Hyperband reads the maximum number of epochs from one of these hyperparameters.
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


class Parent(Protocol):
    """An earlier tuning job."""

    name: str
    request: Json

    @property
    def has_ended(self) -> bool:
        """False while the job can still change."""


def check_request(request: Json) -> None:
    """Raise ValidationError if a request is invalid or unsupported."""
    config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
    refuse(request, ("TrainingJobDefinitions", "Autotune"), "a tuning job")
    refuse(config, ("TuningJobCompletionCriteria",), "a tuning job")
    refuse(config["ResourceLimits"], ("MaxRuntimeInSeconds",), "a tuning job")
    if not definition:
        raise ValidationError("A tuning job needs a TrainingJobDefinition.")
    unsupported = ("TuningObjective", "HyperParameterRanges", "HyperParameterTuningResourceConfig", "RetryStrategy")
    refuse(definition, unsupported, "a tuning job's TrainingJobDefinition")
    _check_objective(config, definition)
    _check_ranges(config.get("ParameterRanges") or {}, definition.get("StaticHyperParameters") or {})
    _check_strategy(config, definition)
    _check_limits(config)


def check_parents(request: Json, parents: list[Parent]) -> None:
    """Raise ValidationError if a warm start from these jobs is invalid.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
    """
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    if strategy not in ("Bayesian", "Random"):
        raise ValidationError(f"Warm start needs the strategy Bayesian or Random, not {strategy}.")
    for parent in parents:
        if not parent.has_ended:
            raise ValidationError(f"The parent tuning job {parent.name} has not ended.")
        for name, read in _INHERITED.items():
            if read(parent.request) != read(request):
                raise ValidationError(f"{name} must be the same as in the parent tuning job {parent.name}.")
        image = parent.request["TrainingJobDefinition"]["AlgorithmSpecification"].get("TrainingImage")
        is_identical = request["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
        if is_identical and image != request["TrainingJobDefinition"]["AlgorithmSpecification"].get("TrainingImage"):
            raise ValidationError(f"IdenticalDataAndAlgorithm needs the training image of the parent {parent.name}.")
        _check_kinds(request, parent)


def count_trainings(config: Json) -> int:
    """The number of trainings of a tuning job."""
    limit: int | None = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    return limit or _count_combinations(config) or 0


def find_max_resource(config: Json, static: Mapping[str, str]) -> int:
    """The maximum number of epochs of Hyperband's trainings; 0 if not set."""
    given = ((config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}).get("MaxResource")
    epochs = (static[name].strip('"') for name in _EPOCHS if name in static)
    return given or next((int(text) for text in epochs if text.isdigit()), 0)


def _named_ranges(request: Json) -> Iterator[tuple[str, str]]:
    ranges = request["HyperParameterTuningJobConfig"].get("ParameterRanges") or {}
    for kind in KINDS:
        yield from ((entry["Name"], kind) for entry in ranges.get(kind) or [])


def _count_hyperparameters(request: Json) -> int:
    static = request["TrainingJobDefinition"].get("StaticHyperParameters") or {}
    return len(static) + len(list(_named_ranges(request)))


_INHERITED: dict[str, Any] = {
    "The objective": lambda request: request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"],
    "The number of static and tunable hyperparameters": _count_hyperparameters,
}


def _check_kinds(request: Json, parent: Parent) -> None:
    before = dict(_named_ranges(parent.request))
    for name, kind in _named_ranges(request):
        if before.get(name, kind) != kind:
            raise ValidationError(f"The type of hyperparameter {name} differs from the parent's, {parent.name}.")


def _check_objective(config: Json, definition: Json) -> None:
    objective = config.get("HyperParameterTuningJobObjective")
    if not objective:
        raise ValidationError("A tuning job needs a HyperParameterTuningJobObjective.")
    defined = [one["Name"] for one in definition["AlgorithmSpecification"].get("MetricDefinitions") or []]
    if objective["MetricName"] not in defined:
        raise ValidationError(
            f"The objective metric {objective['MetricName']} is not among the MetricDefinitions: {defined}."
        )


def _check_ranges(ranges: Json, static: Mapping[str, str]) -> None:
    refuse(ranges, ("AutoParameters",), "ParameterRanges")
    names = [entry["Name"] for kind in KINDS for entry in ranges.get(kind) or []]
    if not 1 <= len(names) <= _MAX_RANGES:
        raise ValidationError(f"A tuning job needs 1 to {_MAX_RANGES} hyperparameter ranges; this has {len(names)}.")
    for name in names:
        if names.count(name) > 1 or name in static:
            raise ValidationError(f"The hyperparameter {name} is given more than once.")
    for kind in KINDS[1:]:
        for entry in ranges.get(kind) or []:
            _check_numeric(entry, whole=kind == "IntegerParameterRanges")


def _check_numeric(entry: Json, *, whole: bool) -> None:
    name, scale = entry["Name"], entry.get("ScalingType") or "Auto"
    try:
        low, high = (int if whole else float)(entry["MinValue"]), (int if whole else float)(entry["MaxValue"])
    except ValueError:
        raise ValidationError(f"The limits of {name} are not {'whole ' if whole else ''}numbers.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValidationError(f"MinValue of {name} must be less than MaxValue; they are {low} and {high}.")
    if scale == "Logarithmic" and low <= 0:
        raise ValidationError(f"Logarithmic scaling needs values above 0; MinValue of {name} is {low}.")
    if scale == "ReverseLogarithmic" and (whole or low < 0 or high >= 1):
        raise ValidationError(f"ReverseLogarithmic scaling needs limits from 0 to below 1, and {name} has others.")


def _check_strategy(config: Json, definition: Json) -> None:
    strategy, ranges = config["Strategy"], config["ParameterRanges"]
    if strategy == "Grid" and any(ranges.get(kind) for kind in KINDS[1:]):
        raise ValidationError("The strategy Grid takes only CategoricalParameterRanges.")
    if strategy != "Hyperband":
        if config.get("StrategyConfig"):
            raise ValidationError("StrategyConfig needs the strategy Hyperband.")
        return
    if (config.get("TrainingJobEarlyStoppingType") or "Off") != "Off":
        raise ValidationError("TrainingJobEarlyStoppingType must be Off with the strategy Hyperband.")
    most = find_max_resource(config, definition.get("StaticHyperParameters") or {})
    if not most:
        raise ValidationError(f"Hyperband needs MaxResource, or one of these static hyperparameters: {_EPOCHS}.")
    if most > _MAX_EPOCHS:
        raise ValidationError(f"The maximum number of epochs of Hyperband is {_MAX_EPOCHS}; it is {most}.")


def _check_limits(config: Json) -> None:
    limits = config["ResourceLimits"]
    maximum, combinations = limits.get("MaxNumberOfTrainingJobs"), _count_combinations(config)
    if config["Strategy"] == "Grid" and maximum not in (None, combinations):
        raise ValidationError(f"With the strategy Grid, MaxNumberOfTrainingJobs must be left out or {combinations}.")
    total = count_trainings(config)
    if not 1 <= total <= _MAX_TRAININGS:
        raise ValidationError(f"MaxNumberOfTrainingJobs must be 1 to {_MAX_TRAININGS}; it is {total}.")
    if combinations is not None and total > combinations:
        raise ValidationError(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{combinations}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{total}]."
        )
    if limits["MaxParallelTrainingJobs"] > total:
        raise ValidationError(f"MaxParallelTrainingJobs must be at most MaxNumberOfTrainingJobs, {total}.")


def _count_combinations(config: Json) -> int | None:
    """The number of different combinations of values; None if it is infinite."""
    ranges = config["ParameterRanges"]
    if ranges.get("ContinuousParameterRanges"):
        return None
    sizes = [int(one["MaxValue"]) - int(one["MinValue"]) + 1 for one in ranges.get("IntegerParameterRanges") or []]
    sizes += [len(one.values) for one in read_ranges({KINDS[0]: ranges.get(KINDS[0])}) if isinstance(one, Categorical)]
    return math.prod(sizes)
