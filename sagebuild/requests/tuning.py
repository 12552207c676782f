"""Builds the request for a tuning job from the request for one training."""

from __future__ import annotations

from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.errors import ParameterError
from sagebuild.names import name_tuning_job
from sagebuild.parameters import BuildParameters, CategoricalRange, NumericRange
from sagebuild.requests.bodies import build_training_job

# The members that HyperParameterTrainingJobDefinition shares with CreateTrainingJob.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobDefinition.html
_SHARED = frozenset(
    {
        "AlgorithmSpecification",
        "CheckpointConfig",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "EnableNetworkIsolation",
        "Environment",
        "InputDataConfig",
        "OutputDataConfig",
        "ResourceConfig",
        "RetryStrategy",
        "RoleArn",
        "StoppingCondition",
        "VpcConfig",
    }
)
_REPLACED = frozenset({"TrainingJobName", "HyperParameters", "Tags"})


def build_tuning_job(context: BuildContext[BuildParameters], image: str | None) -> dict[str, Any]:
    """Build the request of CreateHyperParameterTuningJob.

    Raises
    ------
    ParameterError
        The training has an option that the trainings of a tuning job cannot have.
    """
    parameters, training = context.parameters, build_training_job(context, image)
    if foreign := training.keys() - _SHARED - _REPLACED:
        raise ParameterError(f"A tuning job's trainings cannot have {', '.join(sorted(foreign))}; leave it out.")
    definition = {name: value for name, value in training.items() if name in _SHARED}
    definition["AlgorithmSpecification"] = _define_metrics(parameters, training["AlgorithmSpecification"])
    body = {
        "HyperParameterTuningJobName": name_tuning_job(context.service, context.number),
        "HyperParameterTuningJobConfig": _build_config(parameters),
        "TrainingJobDefinition": {"StaticHyperParameters": training["HyperParameters"], **definition},
        "Tags": training["Tags"],
    }
    if parameters.parentJobs:
        body["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name} for name in parameters.parentJobs],
            "WarmStartType": parameters.WarmStartType,
        }
    return body


def _define_metrics(parameters: BuildParameters, algorithm: dict[str, Any]) -> dict[str, Any]:
    """Add the objective's own definition to those of the training."""
    objective = parameters.tuningobjective
    defined = algorithm.get("MetricDefinitions", [])
    if objective is None or objective.Regex is None or any(metric["Name"] == objective.Name for metric in defined):
        return algorithm
    return algorithm | {"MetricDefinitions": [*defined, {"Name": objective.Name, "Regex": objective.Regex}]}


def _build_config(parameters: BuildParameters) -> dict[str, Any]:
    objective = parameters.tuningobjective
    assert objective is not None, "a parameter rule requires it"
    limits = {"MaxParallelTrainingJobs": min(parameters.maxparalleltrainingjobs, parameters.tuning_trainings)}
    if parameters.tuningstrategy != "Grid":  # SageMaker counts the combinations of a grid itself
        limits["MaxNumberOfTrainingJobs"] = parameters.maxtrainingjobs
    return {
        **_build_strategy(parameters),
        "HyperParameterTuningJobObjective": {"Type": objective.Type, "MetricName": objective.Name},
        "ResourceLimits": limits,
        "ParameterRanges": _build_ranges(parameters),
        "TrainingJobEarlyStoppingType": parameters.earlystopping,
        **_build_completion(parameters),
    }


def _build_strategy(parameters: BuildParameters) -> dict[str, Any]:
    strategy: dict[str, Any] = {"Strategy": parameters.tuningstrategy}
    if limits := parameters.hyperband:
        given = {"MinResource": limits.minresource, "MaxResource": limits.maxresource}
        resources = {name: value for name, value in given.items() if value is not None}
        strategy["StrategyConfig"] = {"HyperbandStrategyConfig": resources}
    return strategy


def _build_completion(parameters: BuildParameters) -> dict[str, Any]:
    criteria: dict[str, Any] = {}
    if asked := parameters.tuningcompletion:
        if asked.targetvalue is not None:
            criteria["TargetObjectiveMetricValue"] = asked.targetvalue
        if asked.notimproving is not None:
            criteria["BestObjectiveNotImproving"] = {"MaxNumberOfTrainingJobsNotImproving": asked.notimproving}
        if asked.convergence:
            criteria["ConvergenceDetected"] = {"CompleteOnConvergence": "Enabled"}
    return {"TuningJobCompletionCriteria": criteria} if criteria else {}


def _build_ranges(parameters: BuildParameters) -> dict[str, list[dict[str, Any]]]:
    ranges: dict[str, list[dict[str, Any]]] = {
        "CategoricalParameterRanges": [],
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
    }
    for name, values in parameters.tuning_ranges.items():
        if isinstance(values, CategoricalRange):
            ranges["CategoricalParameterRanges"].append({"Name": name, "Values": parameters.write_values(values)})
        elif isinstance(values, NumericRange):
            kind = "IntegerParameterRanges" if values.integer else "ContinuousParameterRanges"
            limits = {"MinValue": str(values.MinValue), "MaxValue": str(values.MaxValue)}
            ranges[kind].append({"Name": name, **limits, "ScalingType": values.ScalingType})
    return {kind: entries for kind, entries in ranges.items() if entries}
