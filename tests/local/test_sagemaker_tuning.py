"""Tuning jobs in local/: search strategies, parallel trainings, early stopping and the best training."""

import hashlib
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.tuning_search import Result, Search, read_ranges
from local.sagemaker.tuning_stopping import falls_behind, falls_below_median
from tests.engine import Engine
from tests.local.sagemaker_tuner import OBJECTIVE, Tuner
from tests.local.sagemaker_world import TRAINING_LOGS, Trainer, wait_until

X = [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]


@pytest.fixture(scope="module")
def world(engine: Engine) -> Tuner:
    return Tuner(engine)


def wait_for_score(world: Tuner, training: str) -> None:
    wait_until(lambda: world.read_logs(TRAINING_LOGS, training), lambda lines: "score=" in "".join(lines))


def categorical(**values: list[str]) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": name, "Values": some} for name, some in values.items()]}


def test_a_grid_search_reports_the_best_training_and_all_are_training_jobs(world: Tuner) -> None:
    request = world.request(
        categorical(x=["0.1", "0.5", "0.8"]),
        Strategy="Grid",
        limits={"MaxNumberOfTrainingJobs": None, "MaxParallelTrainingJobs": 2},
    )
    name = world.create(request | {"Tags": [{"Key": "team", "Value": "a"}]})
    job = world.finish(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 3
    best = job["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"x": "0.5"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == OBJECTIVE | {"Value": 1.0}
    trainings = world.trainings(name, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert [one["TunedHyperParameters"]["x"] for one in trainings] == ["0.5", "0.8", "0.1"]
    assert [one["TrainingJobName"][:-8] for one in world.trainings(name)] == [f"{name}-{n:03d}-" for n in (1, 2, 3)]
    described = world.sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert described["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert described["HyperParameters"]["_tuning_objective_metric"] == "score"
    assert world.read(described["ModelArtifacts"]["S3ModelArtifacts"])
    tags = world.sagemaker.list_tags(ResourceArn=described["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    lines = world.read_logs(TRAINING_LOGS, best["TrainingJobName"])
    assert any(line.startswith("Invoking user script") and "_tuning" not in line for line in lines)


def test_trainings_run_in_parallel_up_to_the_limit(world: Tuner) -> None:
    name = world.start(
        categorical(x=["0.5"], kind=["a", "b", "c"]), Strategy="Grid", static={"epochs": "3"}, limits={
            "MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2
        },
    )  # fmt: skip
    seen = set()
    while (job := world.describe(name))["HyperParameterTuningJobStatus"] == "InProgress":
        seen.add(job["TrainingJobStatusCounters"]["InProgress"])
    assert max(seen) == 2


def test_stopping_a_tuning_job_stops_its_trainings(world: Tuner) -> None:
    name = world.start({"ContinuousParameterRanges": X}, static={"mood": "slow"})
    for training in wait_until(lambda: world.trainings(name), lambda found: len(found) == 2):
        wait_for_score(world, training["TrainingJobName"])
    world.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = world.finish(name)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"] | {"Stopped": 2} == job["TrainingJobStatusCounters"]
    assert "BestTrainingJob" not in job
    with pytest.raises(ClientError, match="is in status Stopped"):
        world.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_a_tuning_job_fails_if_all_trainings_fail(world: Tuner) -> None:
    name = world.start({"ContinuousParameterRanges": X}, static={"mood": "broken"})
    job = world.finish(name)
    assert (job["HyperParameterTuningJobStatus"], job["ObjectiveStatusCounters"]["Failed"]) == ("Failed", 2)
    assert job["FailureReason"].startswith("All training jobs failed.")
    assert "no gradient at all" in world.trainings(name, StatusEquals="Failed")[0]["FailureReason"]


def test_a_tuning_job_fails_after_five_trainings_without_success(world: Tuner) -> None:
    limits = {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 5}
    job = world.finish(world.start({"ContinuousParameterRanges": X}, limits=limits, static={"mood": "broken"}))
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 5
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts. Please take a look at the")


def test_an_error_between_trainings_is_the_reason_in_one_line(world: Tuner, engine: Engine) -> None:
    request = world.request(
        categorical(x=["0.5"]), Strategy="Grid", limits={"MaxNumberOfTrainingJobs": None, "MaxParallelTrainingJobs": 1}
    )
    tuning = request["HyperParameterTuningJobName"]
    digest = hashlib.sha256(f"{tuning} 1 {[('x', '0.5')]}".encode()).hexdigest()[:8]
    Trainer(engine).start("pass", TrainingJobName=f"{tuning}-001-{digest}")
    job = world.finish(world.create(request))
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].count("\n") == 0
    assert f"training-job/{tuning}-001-{digest}" in job["FailureReason"]


def test_a_tuning_job_fails_if_no_training_prints_its_objective(world: Tuner) -> None:
    job = world.finish(world.start({"ContinuousParameterRanges": X}, static={"mood": "silent"}))
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No objective metrics found after running 2 training jobs.")


def test_a_tuning_job_completes_with_one_successful_training(world: Tuner) -> None:
    job = world.finish(world.start(categorical(mood=["broken", "fine"]), Strategy="Grid", static={"x": "0.4"}))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"mood": "fine"}
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 1


def test_a_worse_training_is_stopped_early(world: Tuner) -> None:
    name = world.start(
        categorical(x=["0.5", "0.1"]),
        Strategy="Grid",
        TrainingJobEarlyStoppingType="Auto",
        static={"epochs": "4"},
        limits={"MaxParallelTrainingJobs": 1},
    )
    job = world.finish(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    statuses = {one["TunedHyperParameters"]["x"]: one["TrainingJobStatus"] for one in world.trainings(name)}
    assert statuses == {"0.5": "Completed", "0.1": "Stopped"}
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.5"}


def test_a_warm_start_uses_the_results_of_its_parent(world: Tuner) -> None:
    values = categorical(x=["0.1", "0.5", "0.8"], kind=["a"])
    parent = world.start(values, Strategy="Grid", limits={"MaxNumberOfTrainingJobs": 3})
    assert world.finish(parent)["HyperParameterTuningJobStatus"] == "Completed"
    more = world.request(categorical(x=["0.1", "0.2", "0.5", "0.8"], kind=["a"]), limits={
        "MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1
    })  # fmt: skip
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    job = world.finish(world.create(more | {"WarmStartConfig": warm}))
    assert job["BestTrainingJob"]["TunedHyperParameters"]["x"] == "0.2"
    assert job["OverallBestTrainingJob"]["TunedHyperParameters"]["x"] == "0.5"
    other = world.request(categorical(x=["0.1", "0.2"], kind=["a"]), static={"mood": "fine"})
    with pytest.raises(ClientError, match="number of static and tunable hyperparameters must be the same"):
        world.create(other | {"WarmStartConfig": warm})


def test_names_are_unique_and_jobs_can_be_listed_and_deleted(world: Tuner) -> None:
    request = world.request(categorical(x=["0.5"]), limits={"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1})
    name = world.create(request)
    with pytest.raises(ClientError, match="must be unique") as caught:
        world.create(request | {"HyperParameterTuningJobName": name.upper()})
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    world.finish(name)
    listed = world.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)["HyperParameterTuningJobSummaries"]
    assert [(one["HyperParameterTuningJobName"], one["Strategy"]) for one in listed] == [(name, "Random")]
    (training,) = world.trainings(name)
    world.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    for call in (world.describe, world.trainings):
        with pytest.raises(ClientError, match="Could not find the hyperparameter tuning job") as caught:
            call(name)
        assert caught.value.response["Error"]["Code"] == "ResourceNotFound"
    assert world.sagemaker.describe_training_job(TrainingJobName=training["TrainingJobName"])


INTEGER = {"IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "2"}]}


@pytest.mark.parametrize(("ranges", "changes", "message"), [
    (categorical(x=["1", "2"]), {"limits": {"MaxNumberOfTrainingJobs": 3}},
     r"combinations for the provided ranges \[2\] must be equal or greater than the value of MaxNumberOfJobs, \[3\]"),
    (categorical(x=["1", "2"]), {"limits": {"MaxParallelTrainingJobs": 3}}, "MaxParallelTrainingJobs must be at most"),
    (INTEGER, {"Strategy": "Grid"}, "Grid takes only CategoricalParameterRanges"),
    (categorical(x=["1", "2", "3"]), {"Strategy": "Grid"}, "MaxNumberOfTrainingJobs must be left out or 3"),
    ({"ContinuousParameterRanges": X}, {"Strategy": "Hyperband"}, "Hyperband needs MaxResource"),
    ({"ContinuousParameterRanges": X},
     {"Strategy": "Hyperband", "static": {"epochs": "3"}, "TrainingJobEarlyStoppingType": "Auto"}, "must be Off"),
    ({"ContinuousParameterRanges": X}, {"Strategy": "Hyperband", "static": {"epochs": "20001"}}, "it is 20001"),
    ({"ContinuousParameterRanges": X}, {"static": {"x": "1"}}, "x is given more than once"),
    ({"ContinuousParameterRanges": [{**X[0], "ScalingType": "Logarithmic"}]}, {}, "needs values above 0"),
    ({"ContinuousParameterRanges": [{**X[0], "ScalingType": "ReverseLogarithmic"}]}, {}, "from 0 to below 1"),
    ({"ContinuousParameterRanges": [{**X[0], "MinValue": "2"}]}, {}, "must be less than MaxValue"),
    ({"ContinuousParameterRanges": [{**X[0], "MinValue": "low"}]}, {}, "are not numbers"),
    ({}, {}, "needs 1 to 30 hyperparameter ranges"),
    ({"ContinuousParameterRanges": X},
     {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"}}, "loss is not among"),
    ({"ContinuousParameterRanges": X}, {"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 1}},
     "does not support TuningJobCompletionCriteria"),
])  # fmt: skip
def test_an_invalid_request_is_refused(
    world: Tuner, ranges: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        world.start(ranges, **changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_invalid_training_definition_is_refused(world: Tuner) -> None:
    request = world.request({"ContinuousParameterRanges": X})
    request["TrainingJobDefinition"]["ResourceConfig"]["InstanceCount"] = 5
    with pytest.raises(ClientError, match="InstanceCount must not be more"):
        world.create(request)


def numeric(scale: str, low: str, high: str, *, whole: bool = False) -> Any:
    kind = "IntegerParameterRanges" if whole else "ContinuousParameterRanges"
    return read_ranges({kind: [{"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scale}]})[0]


@pytest.mark.parametrize(("scale", "low", "high", "middle"), [
    ("Linear", "0", "10", 5.0),
    ("Logarithmic", "0.001", "10", 0.1),
    ("ReverseLogarithmic", "0", "0.99", 0.9),
    ("Auto", "0.0001", "1", 0.01),
    ("Auto", "1", "9", 5.0),
])  # fmt: skip
def test_positions_map_to_values_on_each_scale(scale: str, low: str, high: str, middle: float) -> None:
    dimension = numeric(scale, low, high)
    assert math.isclose(float(dimension.value_at(0.5)), middle, rel_tol=1e-9)
    assert math.isclose(dimension.position_of(dimension.value_at(0.3)), 0.3)
    assert (float(dimension.value_at(0)), float(dimension.value_at(1))) == pytest.approx((float(low), float(high)))


@pytest.mark.parametrize("scale", ["Linear", "Logarithmic"])
def test_whole_numbers_include_both_limits(scale: str) -> None:
    dimension = numeric(scale, "1", "3", whole=True)
    assert {dimension.value_at(unit / 100) for unit in range(101)} == {"1", "2", "3"}


def test_the_same_seed_gives_the_same_search() -> None:
    def choices(seed: str) -> list[dict[str, str]]:
        search = Search("Random", [numeric("Linear", "0", "1")], seed)
        return [search.choose([]) for _ in range(5)]

    assert choices("tune-1") == choices("tune-1") != choices("tune-2")


def test_no_combination_is_tried_twice() -> None:
    search = Search("Random", read_ranges(categorical(a=["1", "2", "3"], b=["1", "2"])), "seed")
    tried = [tuple(search.choose([]).values()) for _ in range(6)]
    assert len(set(tried)) == 6


def test_values_of_a_parent_are_not_tried_again() -> None:
    known = [Result({"a": a, "of": "another job"}, 0.5) for a in ("1", "2")]
    search = Search("Random", read_ranges(categorical(a=["1", "2", "3"])), "seed", known)
    assert search.choose([]) == {"a": "3"}


def test_a_bayesian_search_is_better_than_a_random_one() -> None:
    def best_of(strategy: str, seed: int) -> float:
        search = Search(strategy, [numeric("Linear", "0", "1"), numeric("Logarithmic", "0.001", "1")], seed)
        results: list[Result] = []
        for _ in range(30):
            values = search.choose(results)
            results.append(Result(values, -((float(values["x"]) - 0.3) ** 2)))
        return sum(result.score for result in results[10:])

    better = sum(best_of("Bayesian", seed) > best_of("Random", seed) for seed in range(20))
    assert better >= 18


def test_the_median_rule() -> None:
    completed = [[0.1, 0.5, 0.9], [0.2, 0.6, 1.0], [0.3]]
    assert not falls_below_median([], completed)
    assert not falls_below_median([0.2], completed)
    assert falls_below_median([0.1], completed)
    assert falls_below_median([0.9, 0.3], completed)
    assert not falls_below_median([0.1, 0.4], completed)
    assert not falls_below_median([0.0, 0.0, 0.0, 0.0], completed)


def test_hyperband_keeps_the_best_third_at_each_rung() -> None:
    others = [[0.5, 0.6, 0.7], [0.4, 0.5, 0.6]]
    assert not falls_behind([0.6], others, 1)
    assert falls_behind([0.4], others, 1)
    assert not falls_behind([0.4, 0.4], others, 3)
    assert falls_behind([0.9, 0.9, 0.1], others, 1)
    assert not falls_behind([0.1], others[:1], 1)
