"""The estimated cost of each kind of training and hosting, and the sentences about what it leaves out."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.cost.estimate import CostPlan, estimate_cost, plan_cost
from sagebuild.cost.prices import date_prices, find_hosting_price, find_image_build_price, find_training_price
from sagebuild.cost.spent import NEVER_COUNTED, Cost, describe_cost, format_cost, format_dollars
from sagebuild.parameters import BuildParameters, parse_parameters
from sagebuild.requests.tuning import build_tuning_job
from sagebuild.service import Service
from tests.unit.golden_requests import DOCUMENTS, NUMBER, SCRIPT, SETTINGS, build_requests
from tests.unit.wrong_documents import of, scikit, tuned

# Of the table, in eu-west-1.
M5_LARGE, T2_MEDIUM, G5_XLARGE = 0.128, 0.06, 1.57
TABLE = Path(__file__).parents[2] / "sagebuild" / "cost" / "prices.json"
ENDPOINT = {"endpointConfig": {"ProductionVariants": [{"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}]}}


def a_service(region: str = "eu-west-1", **settings: str) -> Service:
    return Service(SETTINGS | settings | {"AWS_REGION": region}, lambda name: pytest.fail(f"no AWS is needed: {name}"))


def cost_of(service: Service | None = None, **document: Any) -> Cost:
    return estimate_cost(BuildContext(service or a_service(), 1, parse_parameters(of("PYTORCH", **SCRIPT | document))))


def estimate_of(parameters: BuildParameters) -> float | None:
    return estimate_cost(BuildContext(a_service(), 1, parameters)).maximum


def sentences(cost: Cost) -> str:
    """The sentences that are only about this build."""
    assert cost.left_out[-1] == NEVER_COUNTED
    return " ".join(cost.left_out[:-1])


def plan(parameters: BuildParameters, bodies: dict[str, Any]) -> CostPlan:
    return plan_cost(BuildContext(a_service(), 1, parameters), bodies)


# Those with a training, an endpoint and no other job: test_processing.py has the cost of the others.
TRAINED_ALONE = [
    name
    for name, each in DOCUMENTS.items()
    if each["framework"] != "LLM" and not each.get("processing") and each.get("deployEndpoint", True)
]


@pytest.mark.parametrize("name", TRAINED_ALONE)
def test_each_framework_costs_its_instances_for_the_longest_training(name: str) -> None:
    bodies = build_requests(DOCUMENTS[name])
    facts = plan(parse_parameters(DOCUMENTS[name]), bodies)
    resources, limits = bodies["training"]["ResourceConfig"], bodies["training"]["StoppingCondition"]
    hourly = 0.0
    for group in resources.get("InstanceGroups", [resources]):
        price = find_training_price("eu-west-1", group["InstanceType"])
        assert price is not None
        hourly += price.hourly * group["InstanceCount"]
    assert facts["training_hourly_cost"] == pytest.approx(hourly)
    assert facts["cost_max"] == pytest.approx(hourly * limits["MaxRuntimeInSeconds"] / 3600)
    assert (facts["endpoint_hourly_cost"], facts["prices_date"]) == (T2_MEDIUM, date_prices())


@pytest.mark.parametrize(("document", "most", "endpoint"), [
    ({}, 4 * M5_LARGE, T2_MEDIUM),
    ({"traininstancecount": 3, "trainmaxrun": 0.5, "hostinstancecount": 2}, 1.5 * M5_LARGE, 2 * T2_MEDIUM),
    ({"traininstancetype": "ml.g5.xlarge", "hostinstancetype": "ml.m5.large"}, 4 * G5_XLARGE, M5_LARGE),
    ({"skiptrain": True}, 0, T2_MEDIUM),
    ({"deployEndpoint": False}, 4 * M5_LARGE, 0),
    ({"spot": True, "spotmaxwait": 48}, 4 * M5_LARGE, T2_MEDIUM),
    ({"asynchronous": {}}, 4 * M5_LARGE, T2_MEDIUM),
    ({"serverless": {"memory": 2, "concurrency": 5}}, 4 * M5_LARGE, None),
])  # fmt: skip
def test_a_build_is_estimated_before_it_starts(document: Any, most: float, endpoint: float | None) -> None:
    cost = cost_of(**document)
    assert cost.maximum == pytest.approx(most)
    assert (cost.spent, cost.endpoint_hourly) == (None, endpoint)


def test_a_tuning_job_costs_all_its_trainings() -> None:
    ranges = {"depth": {"MinValue": 2, "MaxValue": 80, "integer": True}}
    parameters = parse_parameters(tuned(hyperparameters=ranges, maxtrainingjobs=20, trainmaxrun=0.5, **SCRIPT))
    body = build_tuning_job(BuildContext(a_service(), NUMBER, parameters), "image:1")
    facts = plan(parameters, {"tuning": body} | ENDPOINT)
    assert facts["cost_max"] == pytest.approx(20 * 0.5 * M5_LARGE) == estimate_of(parameters)
    assert facts["training_hourly_cost"] == M5_LARGE
    grid = {"tuningstrategy": "Grid", "hyperparameters": {"kernel": {"Values": ["rbf", "poly", "linear"]}}}
    parameters = parse_parameters(tuned(**grid, **SCRIPT))
    body = build_tuning_job(BuildContext(a_service(), NUMBER, parameters), "image:1")
    assert plan(parameters, {"tuning": body} | ENDPOINT)["cost_max"] == pytest.approx(3 * 4 * M5_LARGE)


def test_instances_of_several_types_are_added_up() -> None:
    counts = {"ml.m5.large": 2, "ml.g5.xlarge": 1}
    groups = [{"InstanceType": kind, "InstanceCount": count} for kind, count in counts.items()]
    bodies = {"training": {"ResourceConfig": {"InstanceGroups": groups}}} | ENDPOINT
    facts = plan(parse_parameters(scikit(**SCRIPT)), bodies)
    assert facts["cost_max"] == pytest.approx(24 * (2 * M5_LARGE + G5_XLARGE))  # SageMaker's own limit is a day


@pytest.mark.parametrize(("document", "said"), [
    ({"spot": True, "spotmaxwait": 5}, "Spot training is estimated at the full price until it has ended"),
    ({"keepalive": 3600}, "Keeping the training instances (keepalive) costs up to $0.13 more for each training."),
    ({"serverless": {"memory": 2, "concurrency": 5}}, "The serverless endpoint is billed by use"),
    ({"hostinstancetype": "ml.m5.large", "autoscaling": {"minimum": 1, "maximum": 9, "target": 5}},
     "autoscaling keeps between 1 and 9"),
    ({"hostinstancetype": "ml.m5.large", "autoscaling": {"minimum": 0, "maximum": 2, "target": 5},
      "inferencecomponent": {}},
     "an update of the model needs up to twice as many. Without a copy the endpoint costs nothing."),
    ({"traininstancetype": "ml.trn1.2xlarge"}, "The price of training on ml.trn1.2xlarge in eu-west-1 is not known."),
    ({"hostinstancetype": "ml.p5.48xlarge"}, "The price of hosting on ml.p5.48xlarge in eu-west-1 is not known."),
    ({}, "Training on ml.m5.large is estimated at the hosting price of the same instance type."),
])  # fmt: skip
def test_an_estimate_names_its_assumptions(document: dict[str, Any], said: str) -> None:
    assert said in sentences(cost_of(**document))


def test_an_estimate_says_that_it_leaves_out_image_builds_and_state_machines() -> None:
    byod = parse_parameters(of("BYOD", sourcelocation="s3://code-bucket/source.zip"))
    service = a_service(PREPROCESS_STATE_MACHINE="arn:aws:states:eu-west-1:123456789012:stateMachine:clean")
    said = sentences(estimate_cost(BuildContext(service, 1, byod)))
    assert "The image builds, 2 at $0.01 a minute each, are left out." in said
    assert "Your own state machines are left out." in said
    elsewhere = BuildContext(a_service("eu-north-1"), 1, byod)
    assert "The image builds, 2, are left out." in sentences(estimate_cost(elsewhere))


def test_an_estimate_says_that_it_leaves_out_the_copies_of_codebuild() -> None:
    git = cost_of(trainsourcefile=None, git_config={"repo": "https://example.com/a.git"})
    assert "Copying the source from git in CodeBuild is left out; it ends after two hours at most." in sentences(git)
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sagebuild-dev/hub-a1b2c3"
    model = {"framework": "LLM", "engine": "VLLM", "hubmodel": "a/b", "hostinstancetype": "ml.g5.xlarge"}
    gated = estimate_cost(BuildContext(a_service(), 1, parse_parameters(model | {"hubsecret": secret})))
    assert "Copying the model from the hub in CodeBuild is left out" in sentences(gated)
    assert "CodeBuild" not in sentences(estimate_cost(BuildContext(a_service(), 1, parse_parameters(model))))


def test_a_region_or_type_without_a_price_has_no_estimate() -> None:
    cost = cost_of(a_service("eu-moon-1"))
    assert (cost.maximum, cost.endpoint_hourly) == (None, None)
    assert format_cost(cost).startswith("no price of the training is known; at prices of ")
    assert "The price of training on ml.m5.large in eu-moon-1 is not known." in format_cost(cost)
    assert find_training_price("us-east-1", "ml.m5.7xlarge") is find_hosting_price("us-east-1", "ml.m5.7xlarge") is None
    assert find_image_build_price("eu-moon-1") is None


def test_a_training_s_own_price_comes_first() -> None:
    assert "reckoned at" not in sentences(cost_of(a_service("us-east-1")))
    price = find_training_price("us-east-1", "ml.g6.xlarge")
    assert price is not None
    assert (price.hourly, price.stands_in) == (1.127, False)


def test_the_table_is_dated_and_small_and_training_costs_what_hosting_costs() -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert date.fromisoformat(date_prices()) <= date.today()
    assert TABLE.stat().st_size < 150_000
    for region, prices in table["hosting"].items():
        assert all(price > 0 for price in prices.values()), region
    for region, prices in table["training"].items():
        for kind, price in prices.items():
            assert table["hosting"][region].get(kind, price) == pytest.approx(price, rel=0.001), (region, kind)


def a_record(**changes: Any) -> BuildRecord:
    known: dict[str, Any] = {
        "prices_date": "2026-05-20",
        "cost_max": 0.512,
        "training_hourly_cost": 0.128,
        "endpoint_hourly_cost": 0.06,
    }
    return BuildRecord(7, Trigger("voice"), "2026-11-26T10:00:00+00:00", **known | changes)


def test_a_build_that_has_ended_shows_its_final_cost() -> None:
    record = a_record(ended_at="2026-11-26T11:00:00+00:00", cost=0.032, cost_left_out=["That too.", NEVER_COUNTED])
    assert format_cost(describe_cost(a_service(), record)) == (
        "about $0.03 for training (at most $0.51 was planned); the endpoint costs about $0.06 an hour while it is up; "
        "at prices of 2026-05-20, without storage, transfer, requests and discounts. That too."
    )


@pytest.mark.parametrize(("cost", "said"), [
    (Cost(None, 0.512, None, "2026-05-20", ()), "at most $0.51 for training; at"),
    (Cost(0.0, 0.512, None, "2026-05-20", ()), "nothing for training (at most $0.51 was planned); at"),
    (Cost(0.0, 0.0, 0.0, "2026-05-20", ()), "nothing for training; at"),
    (Cost(0.001, 0.512, None, "2026-05-20", ()), "less than $0.01 for training (at most"),
    (Cost(None, 0.128, None, "2026-05-20", (), has_steps=True), "at most $0.13 for training and the other jobs; at"),
    (Cost(None, 0.128, None, "2026-05-20", (), has_steps=True, trains=False), "at most $0.13 for its jobs; at"),
    (Cost(None, None, None, "2026-05-20", (), has_steps=True, trains=False), "no price of its jobs is known; at"),
    (Cost(None, None, None, "", ()), "not known before the build is planned."),
])  # fmt: skip
def test_an_estimate_is_formatted_as_a_sentence(cost: Cost, said: str) -> None:
    assert format_cost(cost).startswith(said)


@pytest.mark.parametrize(("amount", "said"), [
    (0, "$0.00"), (0.004, "less than $0.01"), (0.456, "$0.46"), (12.3, "$12.30"), (999.994, "$999.99"),
    (1234.5, "$1,234"),
])  # fmt: skip
def test_dollars_are_formatted_to_the_cent(amount: float, said: str) -> None:
    assert format_dollars(amount) == said
