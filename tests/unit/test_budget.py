"""`maxcost` lowers SageMaker's time limit so that a training ends when the money is spent, or refuses the build."""

from typing import Any

import pytest

from sagebuild.parameters import parse_parameters
from sagebuild.plan.budget import explain_maxcost, hold_maxcost
from sagebuild.plan.preflight import Findings
from sagebuild.requests.bodies import build_training_job
from sagebuild.requests.tuning import build_tuning_job
from tests.unit.golden_requests import NUMBER, SCRIPT
from tests.unit.test_cost import M5_LARGE, a_service
from tests.unit.wrong_documents import of, tuned

RANGES = {"depth": {"MinValue": 2, "MaxValue": 80, "integer": True}}


def hold(document: dict[str, Any], region: str = "eu-west-1") -> tuple[dict[str, Any], float | None, Findings]:
    """The training's limits with maxcost, whether maxcost shortened it, and the problems."""
    service, parameters, findings = a_service(region), parse_parameters(SCRIPT | document), Findings()
    if parameters.configtrain == "SAGEMAKERHPO":
        bodies = {"tuning": build_tuning_job(service, NUMBER, parameters, "image:1")}
        held, limit = hold_maxcost(service, parameters, bodies, findings)
        assert bodies["tuning"] | held["tuning"] == held["tuning"]
        return held["tuning"]["TrainingJobDefinition"], limit, findings
    bodies = {"training": build_training_job(service, NUMBER, parameters, "image:1")} if parameters.has_training else {}
    held, limit = hold_maxcost(service, parameters, bodies, findings)
    return held.get("training", {}), limit, findings


def test_a_training_ends_when_the_money_is_spent() -> None:
    training, limit, findings = hold(of("PYTORCH", maxcost="0.25", traininstancecount=2))
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": int(0.25 / (2 * M5_LARGE) * 3600)}
    assert (limit, findings.problems) == (0.25, [])
    assert findings.notes == ["maxcost ($0.25) ends the training after 58 minutes, sooner than trainmaxrun does."]


def test_a_training_that_cannot_reach_maxcost_is_unchanged() -> None:
    training, limit, findings = hold(of("PYTORCH", maxcost=1))
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 4 * 3600}
    assert (limit, findings) == (None, Findings())


def test_a_spot_training_may_wait_as_long_as_before() -> None:
    training, _, _ = hold(of("PYTORCH", maxcost=0.128, spot=True, spotmaxwait=48))
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 48 * 3600}


def test_all_trainings_of_a_tuning_job_share_the_money() -> None:
    document = tuned(hyperparameters=RANGES, maxtrainingjobs=20, maxcost=2.56)
    training, limit, findings = hold(document)
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert limit == 2.56
    assert "ends each of 20 trainings after 60 minutes" in findings.notes[0]


@pytest.mark.parametrize(("document", "region", "problem"), [
    (of("PYTORCH", maxcost=5, traininstancetype="ml.trn1.2xlarge"), "eu-west-1",
     "maxcost cannot be held: no price of training on ml.trn1.2xlarge in eu-west-1 is known; take maxcost out, or "
     "train on another type."),
    (of("PYTORCH", maxcost=5), "eu-moon-1",
     "maxcost cannot be held: no price of training on ml.m5.large in eu-moon-1 is known; take maxcost out, or train "
     "on another type."),
    (of("PYTORCH", maxcost=0.1, traininstancetype="ml.p3.2xlarge"), "eu-west-1",
     "maxcost is 0.1, which pays for 87 seconds of the training at $4.13 an hour; it must be at least 0.35, which "
     "pays for 5 minutes."),
    (tuned(maxcost="0.2", hyperparameters=RANGES, maxtrainingjobs=20), "eu-west-1",
     "maxcost is 0.2, which pays for 281 seconds of each of 20 trainings at $0.13 an hour; it must be at least 0.22, "
     "which pays for 5 minutes."),
])  # fmt: skip
def test_a_maxcost_that_cannot_be_kept_is_refused(document: dict[str, Any], region: str, problem: str) -> None:
    training, limit, findings = hold(document, region)
    assert (findings.problems, limit) == ([problem], None)
    assert training["StoppingCondition"]["MaxRuntimeInSeconds"] == 4 * 3600


def test_the_minimum_in_the_error_is_accepted() -> None:
    _, _, findings = hold(of("PYTORCH", maxcost=0.35, traininstancetype="ml.p3.2xlarge"))
    assert findings.problems == []


def test_a_build_without_a_training_ignores_maxcost() -> None:
    assert hold(of("PYTORCH", maxcost=0.01, skiptrain=True)) == ({}, None, Findings())


def test_the_reason_names_the_parameter() -> None:
    assert "the $0.25 of maxcost" in explain_maxcost(0.25)
