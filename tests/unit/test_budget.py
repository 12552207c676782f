"""`maxcost` lowers SageMaker's time limit so that a training ends when the money is spent, or refuses the build."""

from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.cost.budget import Limited, limit_to_maxcost
from sagebuild.parameters import parse_parameters
from sagebuild.requests.training import build_bodies
from tests.unit.golden_requests import NUMBER, SCRIPT
from tests.unit.test_cost import M5_LARGE, a_service
from tests.unit.wrong_documents import of, tuned

RANGES = {"depth": {"MinValue": 2, "MaxValue": 80, "integer": True}}


def hold(document: dict[str, Any], region: str = "eu-west-1") -> tuple[dict[str, Any], Limited]:
    """The training job, or the trainings' definition of a tuning job, within maxcost."""
    context = BuildContext(a_service(region), NUMBER, parse_parameters(SCRIPT | document))
    bodies = build_bodies(context, "image:1", "image:1")
    limited = limit_to_maxcost(context, bodies)
    if "tuning" in bodies:
        assert bodies["tuning"] | limited.bodies["tuning"] == limited.bodies["tuning"]
        return limited.bodies["tuning"]["TrainingJobDefinition"], limited
    return limited.bodies.get("training", {}), limited


def test_a_training_ends_when_the_money_is_spent() -> None:
    training, limited = hold(of("PYTORCH", maxcost="0.25", traininstancecount=2))
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": int(0.25 / (2 * M5_LARGE) * 3600)}
    assert (limited.limit, limited.problem) == (0.25, "")
    assert limited.note == "maxcost ($0.25) ends the training after 58 minutes, before trainmaxrun does."


def test_a_training_that_cannot_reach_maxcost_is_unchanged() -> None:
    training, limited = hold(of("PYTORCH", maxcost=1))
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 4 * 3600}
    assert (limited.limit, limited.problem, limited.note) == (None, "", "")


def test_a_spot_training_may_wait_as_long_as_before() -> None:
    training, _ = hold(of("PYTORCH", maxcost=0.128, spot=True, spotmaxwait=48))
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 48 * 3600}


def test_all_trainings_of_a_tuning_job_share_the_money() -> None:
    document = tuned(hyperparameters=RANGES, maxtrainingjobs=20, maxcost=2.56)
    training, limited = hold(document)
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert limited.limit == 2.56
    assert "ends each of 20 trainings after 60 minutes" in limited.note


@pytest.mark.parametrize(("document", "region", "problem"), [
    (of("PYTORCH", maxcost=5, traininstancetype="ml.trn1.2xlarge"), "eu-west-1",
     "maxcost cannot be kept: the price of training on ml.trn1.2xlarge in eu-west-1 is not known; remove maxcost, or "
     "train on another instance type."),
    (of("PYTORCH", maxcost=5), "eu-moon-1",
     "maxcost cannot be kept: the price of training on ml.m5.large in eu-moon-1 is not known; remove maxcost, or train "
     "on another instance type."),
    (of("PYTORCH", maxcost=0.1, traininstancetype="ml.p3.2xlarge"), "eu-west-1",
     "maxcost is 0.1, which pays for 87 seconds of the training at $4.13 an hour; it must be at least 0.35, which "
     "pays for 5 minutes."),
    (tuned(maxcost="0.2", hyperparameters=RANGES, maxtrainingjobs=20), "eu-west-1",
     "maxcost is 0.2, which pays for 281 seconds of each of 20 trainings at $0.13 an hour; it must be at least 0.22, "
     "which pays for 5 minutes."),
])  # fmt: skip
def test_a_maxcost_that_cannot_be_kept_is_refused(document: dict[str, Any], region: str, problem: str) -> None:
    training, limited = hold(document, region)
    assert (limited.problem, limited.limit) == (problem, None)
    assert training["StoppingCondition"]["MaxRuntimeInSeconds"] == 4 * 3600


def test_the_minimum_in_the_error_is_accepted() -> None:
    _, limited = hold(of("PYTORCH", maxcost=0.35, traininstancetype="ml.p3.2xlarge"))
    assert limited.problem == ""


def test_a_build_without_a_training_ignores_maxcost() -> None:
    training, limited = hold(of("PYTORCH", maxcost=0.01, skiptrain=True))
    assert (training, limited.limit, limited.problem, limited.note) == ({}, None, "", "")
