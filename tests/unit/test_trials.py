"""The trials of a tuning: which are shown, in which order, with which sentences."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from sagebuild.cli.show_trials import show_trials
from sagebuild.client.descriptions import shorten_value
from sagebuild.client.trials import Trials, build_trial
from sagebuild.running.tuning import Tuning, list_trainings, read_tuning
from sagebuild.service import Service

JOB = "sagebuild-dev-4203e8b0-6"


def training(number: int, status: str = "Completed", value: float | None = None, reason: str = "") -> dict[str, Any]:
    """An entry of ListTrainingJobsForHyperParameterTuningJob."""
    entry: dict[str, Any] = {
        "TrainingJobName": f"{JOB}-{number:03d}-abcd",
        "TrainingJobStatus": status,
        "TunedHyperParameters": {"rate": f"0.0{number}3456789", "penalty": '"l2"'},
    }
    if status != "InProgress":
        entry["TrainingEndTime"] = datetime(2026, 1, 2, 3, 4, number % 60, tzinfo=UTC)
    if value is not None:
        entry["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": "loss", "Value": value}
    return entry | ({"FailureReason": reason} if reason else {})


def tune(*trainings: dict[str, Any], best: int = 0, planned: int = 4, goal: str = "Minimize") -> Trials:
    name = f"{JOB}-{best:03d}-abcd" if best else ""
    tuning = Tuning(planned, 0, name, metric="loss", goal=goal)
    return Trials(tuple(build_trial(JOB, name, one) for one in trainings), tuning)


def draw(trials: Trials, width: int) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(show_trials(trials))
    return captured.get()


def test_500_trials_are_read_in_five_calls_and_shown_in_a_table_that_fits() -> None:
    sagemaker = boto3.client("sagemaker", "eu-west-1")
    entries = [training(number, value=number / 1000) for number in range(500)]
    for entry in entries:
        entry |= {"TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/x", "CreationTime": 1}
    asked = {"HyperParameterTuningJobName": JOB, "SortBy": "CreationTime", "SortOrder": "Ascending", "MaxResults": 100}
    with Stubber(sagemaker) as stub:
        for first in range(0, 500, 100):
            page: dict[str, Any] = {"TrainingJobSummaries": entries[first : first + 100]}
            page |= {"NextToken": str(first + 100)} if first < 400 else {}
            stub.add_response(
                "list_training_jobs_for_hyper_parameter_tuning_job",
                page,
                asked | ({"NextToken": str(first)} if first else {}),
            )
        found = list_trainings(Service({}, lambda _name: sagemaker), JOB)
        stub.assert_no_pending_responses()
    assert [each["TrainingJobName"] for each in found] == [each["TrainingJobName"] for each in entries]
    assert draw(tune(*entries, planned=500), 100).count("\n") < 40


def test_a_running_tuning_shows_values_states_and_the_best() -> None:
    reason = 'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no"\nCommand "python"'
    trials = tune(
        training(1, value=0.5),
        training(2, value=0.25),
        training(3, "InProgress"),
        training(4, "Failed", reason=reason),
        best=2,
    )
    assert trials.progress == "2 of 4 trials completed, 1 running, 1 failed."
    assert trials.outcome == "Best: 002-abcd, loss 0.25 with penalty l2, rate 0.02346."
    assert trials.failures == ["004-abcd failed: ValueError: no"]
    assert trials.best is trials[1]
    assert [line.rstrip() for line in draw(trials, 80).splitlines()] == [
        "TRIAL     STATE       loss  rate     penalty",
        "001-abcd  done        0.5   0.01346  l2",
        "002-abcd  done, best  0.25  0.02346  l2",
        "003-abcd  running     -     0.03346  l2",
        "004-abcd  failed      -     0.04346  l2",
        trials.progress,
        trials.outcome,
        trials.failures[0],
    ]
    table = ElementTree.fromstring(trials._repr_html_())
    assert f"{JOB}-002-abcd" in set(table.itertext())
    assert "done, best" in set(table.itertext())


def test_without_an_objective_there_is_no_best() -> None:
    trials = tune(training(1, "InProgress"), training(2, "Failed"), training(3, value=float("nan")))
    assert (trials.outcome, trials.best) == ("", None)
    assert [trial.objective for trial in trials] == [None, None, None]
    assert trials.failures == ["002-abcd failed: no reason is known"]
    assert (repr(Trials()), Trials()._repr_html_(), Trials().sentences()) == ("<no trials>", "", [])


@pytest.mark.parametrize(("goal", "first"), [("Minimize", [1, 2, 3]), ("Maximize", [60, 59, 58])])
def test_of_many_trials_the_best_and_the_running_ones_are_shown(goal: str, first: list[int]) -> None:
    many = [training(number, value=float(number)) for number in range(1, 61)]
    many += [training(number, "InProgress") for number in (61, 62)]
    many += [training(number, "Failed", reason=f"ValueError: {number % 2}") for number in range(63, 71)]
    trials = tune(*many, best=first[0], planned=70, goal=goal)
    shown, rest = trials.select(10)
    labels = [int(trial.label[:3]) for trial in shown]
    assert (labels[:3], labels[8:], len(labels)) == (first, [61, 62], 10)
    assert rest == "60 more are not shown: 52 done, 8 failed."
    assert trials.failures == [
        "063-abcd, 065-abcd, 067-abcd and 1 more failed: ValueError: 1",
        "064-abcd, 066-abcd, 068-abcd and 1 more failed: ValueError: 0",
    ]


def test_in_a_narrow_terminal_all_values_are_in_one_column() -> None:
    trials = tune(training(1, value=0.5), best=1)
    drawn = draw(trials, 40)
    assert "VALUES" in drawn
    assert all(len(line) <= 40 for line in drawn.splitlines())
    assert "penalty l2" in " ".join(drawn.split())


@pytest.mark.parametrize(
    ("value", "short"),
    [
        ("0.031332384233662545", "0.03133"),
        ("100000", "100000"),
        ("0.1", "0.1"),
        ("adam", "adam"),
        ("x" * 30, "x" * 24 + "..."),
    ],
)
def test_a_long_value_is_shortened(value: str, short: str) -> None:
    assert shorten_value(value) == short


def test_a_grid_search_has_as_many_trials_as_it_has_started() -> None:
    answer = {
        "TrainingJobStatusCounters": {"Completed": 2, "InProgress": 1},
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxParallelTrainingJobs": 1}},
    }
    assert (read_tuning(answer).trainings, read_tuning(answer).completed) == (3, 2)
