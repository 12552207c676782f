"""Rollbacks: their target, what is refused, and that no earlier build loses its model."""

import json
from typing import Any

import pytest

from sagebuild.builds.records import BuildRecord, Trigger, read_build, update_build
from sagebuild.changes.apply import ChangedSincePlanError, apply_change
from sagebuild.changes.plan import plan_change
from sagebuild.changes.rollback import Rollback
from sagebuild.cost.prices import date_prices
from sagebuild.cost.spent import Cost
from sagebuild.errors import (
    AlreadyLiveError,
    BuildNotFoundError,
    BuildRunningError,
    ModelChangedError,
    ModelGoneError,
    NotGoodBuildError,
    PreflightError,
    RollbackError,
)
from sagebuild.finish.ending import Ending
from sagebuild.finish.prune import find_unneeded
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from sagebuild.plan import dispatch
from sagebuild.plan.rollback import find_target, plan_rollback
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.steps.verification import verify_models
from sagebuild.voice.comparison import compare_builds
from tests.functional.conftest import FakeQuotas, Stack
from tests.functional.hosting import FakeHosting
from tests.functional.records import write_record
from tests.functional.test_finish import FAILED, SUCCEEDED, deploy, finish
from tests.functional.test_scaling import OURS, scale

VOICE = Trigger("voice")
BACK = Ending("FAILED", "EndpointDeploymentError", "The endpoint did not take the model.")


@pytest.fixture
def hosting(stack: Stack) -> FakeHosting:
    fake = FakeHosting(stack.service.sagemaker)
    stack.service.__dict__["sagemaker"] = fake
    stack.service.__dict__["quotas"] = FakeQuotas({})
    return fake


def make_live(stack: Stack, hosting: FakeHosting, number: int, **changes: Any) -> str:
    """A build that has succeeded."""
    before = hosting.endpoint["EndpointConfigName"] if hosting.endpoint else ""
    assert launch_build(stack.service, VOICE).number == number
    name = deploy(stack.service, number)
    hosting.settle("InService", name)
    document = {"framework": "SCIKIT", **changes}
    update_build(
        stack.service,
        number,
        status="running",
        parameters=json.dumps(document),
        model=name,
        endpoint_config=name,
        live_before=before,
        artifacts=f"s3://model/{number}.tar.gz",
        keep_builds=document.get("keepbuilds", 10),
    )
    finish(stack, number, SUCCEEDED)
    return name


def request(stack: Stack, wanted: str) -> int:
    """Launch a rollback; return its number."""
    return launch_build(stack.service, Trigger("voice", rollback=wanted)).number


def roll_back(stack: Stack, hosting: FakeHosting, wanted: str) -> BuildRecord:
    """A rollback that succeeds."""
    number = request(stack, wanted)
    planned = dispatch.plan(stack.service, number)
    hosting.settle("InService", planned["endpoint"]["EndpointConfigName"])
    finish(stack, number, SUCCEEDED)
    return read_build(stack.service, number)


def test_a_rollback_verifies_the_files_of_the_earlier_build(stack: Stack, hosting: FakeHosting) -> None:
    earlier, _ = (make_live(stack, hosting, number) for number in (1, 2))
    planned = dispatch.plan(stack.service, request(stack, "1"))
    assert planned["verify"] == {"models": [earlier]}
    assert (
        "The model of build 1 is not verified: the build did not record its files."
        in read_build(stack.service, 3).notes
    )
    file = {"uri": "s3://sagebuild-test-model/models/x", "etag": "1", "bytes": 1}
    update_build(stack.service, 1, model_files=[file])
    dispatch.plan(stack.service, 3)
    assert read_build(stack.service, 3).notes == []
    with pytest.raises(ModelChangedError, match="S3 has no such file"):
        verify_models(stack.service, planned["verify"]["models"])


def test_a_rollback_runs_none_of_the_paid_jobs_of_the_build(stack: Stack, hosting: FakeHosting) -> None:
    command = {"entrypoint": ["/bin/true"]}
    jobs = {"processing": [{"name": "split"} | command], "evaluation": command, "batchtransform": {"path": "score/"}}
    make_live(stack, hosting, 1, trainentrypoint="a.py", trainsourcefile="a.tar.gz", **jobs)
    make_live(stack, hosting, 2)
    planned = dispatch.plan(stack.service, request(stack, "1"))
    assert planned["mode"] == "rollback", "How To Train? then leads to Verify Model, past all other steps"
    assert planned["processing"] == {"wanted": False, "jobs": []}, "the one step before How To Train?"
    assert not planned.keys() & {"evaluation", "transform"}
    assert read_build(stack.service, 3).step_jobs == []


def find(stack: Stack, wanted: str) -> int:
    return find_target(stack.service, wanted, describe_endpoint(stack.service)).number


def test_rolling_back_twice_goes_further_back(stack: Stack, hosting: FakeHosting) -> None:
    configs = [make_live(stack, hosting, number) for number in (1, 2, 3)]
    first, second = roll_back(stack, hosting, "previous"), roll_back(stack, hosting, "previous")
    assert [(record.number, record.restores) for record in (first, second)] == [(4, 2), (5, 1)]
    assert (first.live_before, first.live_after, second.live_after) == (configs[2], configs[1], configs[0])
    with pytest.raises(RollbackError, match="No build before build 1 deployed its model"):
        find(stack, "previous")
    assert find(stack, "3") == 3


def test_a_build_after_a_rollback_goes_back_to_what_it_replaced(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2, 3):
        make_live(stack, hosting, number)
    roll_back(stack, hosting, "1")
    make_live(stack, hosting, 5)
    assert find(stack, "previous") == 1
    assert find(stack, "4") == 1  # the number of a rollback means what it has gone back to


def test_without_an_endpoint_previous_is_the_newest_successful_build(stack: Stack, hosting: FakeHosting) -> None:
    make_live(stack, hosting, 1)
    make_live(stack, hosting, 2)
    hosting.endpoint = None
    assert find(stack, "previous") == 2


def test_previous_skips_your_own_configuration(stack: Stack, hosting: FakeHosting) -> None:
    make_live(stack, hosting, 1)
    hosting.settle("InService", "their-own")
    make_live(stack, hosting, 2)
    assert find(stack, "previous") == 1


def test_an_impossible_target_is_refused_with_its_own_error(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
    launch_build(stack.service, VOICE)
    finish(stack, 3, FAILED)
    hosting.settle("InService", name_resource(stack.service, 2))
    launch_build(stack.service, VOICE)
    update_build(stack.service, 4, model=name_resource(stack.service, 4))
    finish(stack, 4, SUCCEEDED)
    begun = launch_build(stack.service, VOICE).number
    needs = "A rollback needs a build that deployed its model; build"
    gone = "was deleted, so you cannot roll back to it; keepbuilds sets how many builds keep their models."
    assert refuse(stack, BuildNotFoundError, "9").startswith("There is no build 9")
    assert refuse(stack, NotGoodBuildError, "3") == f"{needs} 3 failed."
    assert refuse(stack, NotGoodBuildError, "4") == f"{needs} 4 deployed no model."
    assert refuse(stack, NotGoodBuildError, f"{begun}") == f"{needs} 5 has not ended."
    live = name_resource(stack.service, 2)
    assert refuse(stack, AlreadyLiveError, "2") == f"Build 2 is live already: {live}."
    hosting.delete_model(name_resource(stack.service, 1))
    assert refuse(stack, ModelGoneError, "1") == f"The model of build 1 {gone}"
    hosting.delete_endpoint_config(name_resource(stack.service, 1))
    assert refuse(stack, ModelGoneError, "previous") == f"The model of build 1 {gone}"


def refuse(stack: Stack, error: type[Exception], wanted: str) -> str:
    """Return the reason for which no build can be the target."""
    with pytest.raises(error) as refusal:
        find(stack, wanted)
    return str(refusal.value)


def test_without_a_deployed_model_there_is_no_previous_build(stack: Stack, hosting: FakeHosting) -> None:
    none = "deployed its model, so there is nothing to roll back to."
    assert refuse(stack, RollbackError, "previous") == f"No build in sagebuild-test {none}"
    make_live(stack, hosting, 1)
    assert refuse(stack, RollbackError, "previous") == f"No build before build 1 {none}"


def test_the_previous_build_is_found_before_many_failures(stack: Stack, hosting: FakeHosting) -> None:
    make_live(stack, hosting, 1)
    for number in range(2, 30):
        write_record(stack, number, status="failed")
    hosting.endpoint = None
    assert find(stack, "previous") == 1


def test_a_rollback_that_has_ended_is_not_planned(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
    record = read_build(stack.service, request(stack, "1"))
    finish(stack, 3, FAILED)
    with pytest.raises(BuildNotFoundError) as error:
        plan_rollback(stack.service, record)
    assert str(error.value) == "Build 3 has ended; request the rollback again."
    assert read_build(stack.service, 3).status == "failed"


def test_a_rollback_does_not_wait_behind_a_build(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    with pytest.raises(BuildRunningError, match="Build 1 is running, and a rollback does not wait"):
        request(stack, "previous")
    finish(stack, 1, FAILED)
    assert stack.executions() == ["build-1"]


def test_a_rollback_is_planned_with_the_earlier_builds_own_parameters(stack: Stack, hosting: FakeHosting) -> None:
    smoke = {"contenttype": "text/csv", "body": "1,2"}
    config = make_live(stack, hosting, 1, smoketest=smoke, guardrails={"wait": 60, "terminationwait": 120})
    live = make_live(stack, hosting, 2)
    assert request(stack, "1") == 3
    planned = dispatch.plan(stack.service, 3)
    assert (planned["mode"], planned["endpoint"]["EndpointConfigName"]) == ("rollback", config)
    assert planned["smokeTest"]["sample"]["body"] == "1,2"
    assert planned["guardrails"]["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 120
    assert planned["maximumPolls"] == 120 + 6
    record = read_build(stack.service, 3)
    assert (record.restores, record.model, record.artifacts) == (1, config, "s3://model/1.tar.gz")
    assert (record.live_before, record.status, record.keep_builds) == (live, "running", 0)
    assert (planned["artifacts"], record.endpoint_config) == (record.artifacts, config)
    assert {"Key": "sagebuild:build", "Value": "1"} in planned["tags"]


def test_a_rollback_without_its_sample_request_is_refused(stack: Stack, hosting: FakeHosting) -> None:
    make_live(stack, hosting, 1, smoketest={"contenttype": "text/csv", "file": "sample.csv"})
    make_live(stack, hosting, 2)
    request(stack, "previous")
    with pytest.raises(PreflightError, match=r"sample\.csv, where there is no object"):
        dispatch.plan(stack.service, 3)


def test_a_rollback_to_a_model_that_the_endpoint_may_no_longer_read_is_refused(
    stack: Stack, hosting: FakeHosting
) -> None:
    model = make_live(stack, hosting, 1)
    make_live(stack, hosting, 2)
    hosting.models[model]["PrimaryContainer"] = {"ModelDataUrl": "s3://lake/v1/model.tar.gz"}
    request(stack, "previous")
    with pytest.raises(PreflightError) as error:
        dispatch.plan(stack.service, 3)
    assert str(error.value) == (
        "CreateModel: PrimaryContainer.ModelDataUrl is s3://lake/v1/model.tar.gz, which HostingRole may not read; "
        'deploy the service with --param="readBuckets=s3://lake/v1/", or use a bucket of the stack.'
    )


def test_a_rollback_is_refused_when_the_endpoint_has_an_inference_component(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
    variant = {"VariantName": "AllTraffic", "ManagedInstanceScaling": {"Status": "ENABLED", "MaxInstanceCount": 2}}
    hosting.create_endpoint_config(EndpointConfigName="bare", ProductionVariants=[variant])
    hosting.settle("InService", "bare")
    with pytest.raises(PreflightError, match=r"^inferencecomponent is not given, but the endpoint .* has an inference"):
        dispatch.plan(stack.service, request(stack, "1"))


def test_scaling_of_your_own_allows_a_rollback_to_the_same_instance_type(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
    scale(stack, OURS | {"PolicyName": "your-own"})
    planned = dispatch.plan(stack.service, request(stack, "1"))
    assert planned["mode"] == "rollback"
    hosting.configs[name_resource(stack.service, 1)]["ProductionVariants"][0]["InstanceType"] = "ml.m5.large"
    with pytest.raises(PreflightError, match="has scaling that no build set up, so its instance type cannot change"):
        dispatch.plan(stack.service, 3)


def test_a_rollback_that_fails_is_undone_and_keeps_the_earlier_builds_model(stack: Stack, hosting: FakeHosting) -> None:
    configs = [make_live(stack, hosting, number) for number in (1, 2)]
    number = request(stack, "previous")
    dispatch.plan(stack.service, number)
    hosting.settle("InService", configs[0])
    finish(stack, number, BACK)
    record = read_build(stack.service, number)
    assert (record.status, record.live_after) == ("failed", configs[1])
    assert hosting.configs.keys() == hosting.models.keys() == set(configs)
    assert find(stack, "1") == 1


def test_the_message_about_a_rollback_names_its_target(stack: Stack, hosting: FakeHosting) -> None:
    configs = [make_live(stack, hosting, number) for number in (1, 2)]
    roll_back(stack, hosting, "previous")
    request(stack, "9")
    finish(stack, 4, Ending("FAILED", "BuildNotFoundError", '{"errorMessage": "There is no build 9."}'))
    done, failed = stack.read_texts()[-2:]
    assert done.startswith("Build 3 of sagebuild-test, a rollback to build 1, succeeded after ")
    assert (
        f"Endpoint: sagebuild-test serves the model of build 1 again ({configs[0]}); before, it served {configs[1]}."
        in done
    )
    assert "Training:" not in done
    assert failed.startswith("Build 4 of sagebuild-test, a rollback to build 9, failed after ")
    assert "Reason: There is no build 9." in failed
    assert f"Endpoint: sagebuild-test still serves {configs[0]}, as before this build." in failed


def test_old_models_are_deleted_except_what_a_rollback_needs(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2, 3, 4, 5):
        make_live(stack, hosting, number)
    roll_back(stack, hosting, "1")
    configs = [make_live(stack, hosting, number) for number in (7, 8)]
    served = f"models/{name_resource(stack.service, 3)}/0/model.tar.gz"
    stack.service.s3.put_object(Bucket="sagebuild-test-model", Key=served, Body=b"packed")
    roll_back(stack, hosting, "7")  # live is 7, which has replaced 1
    assert [record.number for record in find_unneeded(stack.service, 2, newest=9)] == [5, 4, 3, 2]
    hosting.settle("InService", configs[1])
    make_live(stack, hosting, 10, keepbuilds=2)  # has replaced 8
    left = {name_resource(stack.service, number) for number in (8, 10)}
    assert hosting.models.keys() == hosting.configs.keys() == left
    assert "Contents" not in stack.service.s3.list_objects_v2(Bucket="sagebuild-test-model", Prefix=served)
    assert read_build(stack.service, 3).pruned_at
    with pytest.raises(ModelGoneError):
        find(stack, "3")


def test_a_model_that_your_own_configuration_serves_is_kept(stack: Stack, hosting: FakeHosting) -> None:
    names = [make_live(stack, hosting, number) for number in (1, 2, 3)]
    variants = [{"VariantName": "AllTraffic", "ModelName": names[0], "InstanceType": "ml.m5.large"}]
    hosting.create_endpoint_config(EndpointConfigName="their-own", ProductionVariants=variants)
    hosting.settle("InService", "their-own")
    assert [record.number for record in find_unneeded(stack.service, 1, newest=3)] == [2]


def test_a_failing_deletion_of_old_models_does_not_delay_the_next_build(
    stack: Stack, hosting: FakeHosting, caplog: pytest.LogCaptureFixture
) -> None:
    make_live(stack, hosting, 1)
    make_live(stack, hosting, 2)
    stack.settings["MODEL_BUCKET"] = "no-such-bucket-anywhere"
    make_live(stack, hosting, 3, keepbuilds=1)
    assert "not all old models were deleted" in caplog.text
    assert read_build(stack.service, 1).pruned_at == ""
    assert launch_build(stack.service, VOICE).started


# Planned and confirmed


def describe(stack: Stack, number: int | None = None) -> tuple[int, int | None, str]:
    effect = plan_change(stack.service, "roll back", number=number).effect
    assert isinstance(effect, Rollback)
    return effect.number, effect.replaces, effect.live


def test_a_rollback_is_described_before_it_starts(stack: Stack, hosting: FakeHosting) -> None:
    configs = [make_live(stack, hosting, number) for number in (1, 2, 3)]
    assert describe(stack) == (2, 3, configs[2])
    assert describe(stack, 1) == (1, 3, configs[2])
    update_build(stack.service, 2, endpoint_hourly_cost=0.05)
    cost = Cost(None, 0.0, 0.05, date_prices(), ())
    assert plan_change(stack.service, "roll back").effect == Rollback(2, 4, 3, configs[2], cost)
    planned = plan_change(stack.service, "roll back", number=1)
    done = apply_change(stack.service, planned.token, by="voice", detail="r")
    assert (done.number, done.started, done.restores) == (4, True, 1)
    assert read_build(stack.service, 4).trigger == Trigger("voice", "r", rollback="1")
    again = apply_change(stack.service, planned.token, by="voice", detail="r")
    assert (again.number, again.repeated) == (4, True)
    finish(stack, 4, SUCCEEDED)
    hosting.settle("InService", configs[0])
    assert apply_change(stack.service, planned.token, by="voice").repeated
    assert stack.executions() == ["build-1", "build-2", "build-3", "build-4"]


def test_a_rollback_is_refused_when_something_has_changed(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2, 3):
        make_live(stack, hosting, number)
    planned = plan_change(stack.service, "roll back")
    hosting.settle("InService", "their-own")
    with pytest.raises(ChangedSincePlanError, match="The endpoint serves their-own"):
        apply_change(stack.service, planned.token, by="voice")
    hosting.endpoint = None
    with pytest.raises(ChangedSincePlanError, match="The endpoint serves nothing"):
        apply_change(stack.service, planned.token, by="voice")
    assert describe(stack, 2) == (2, None, "")
    assert describe(stack) == (3, None, "")
    planned = plan_change(stack.service, "roll back", number=2)
    launch_build(stack.service, VOICE)
    with pytest.raises(ChangedSincePlanError, match="Build 4 has started"):
        apply_change(stack.service, planned.token, by="voice")
    with pytest.raises(BuildRunningError) as error:
        plan_change(stack.service, "roll back")
    assert str(error.value) == (
        "Build 4 is running, and a rollback does not wait for its end; stop the build, or roll back when it has ended."
    )
    assert stack.executions() == ["build-1", "build-2", "build-3", "build-4"]


def test_after_a_rollback_the_gate_compares_with_the_restored_model(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
        update_build(stack.service, number, metrics={"accuracy": 0.9 + number / 100})
    roll_back(stack, hosting, "previous")
    found = compare_builds(stack.service, with_live=True)
    assert (found.number, found.other, found.metrics) == (2, 1, {"accuracy": (0.91, 0.92)})


def test_a_rollback_that_the_quota_does_not_allow_is_refused(stack: Stack, hosting: FakeHosting) -> None:
    for number in (1, 2):
        make_live(stack, hosting, number)
    stack.service.__dict__["quotas"] = FakeQuotas({"ml.t2.medium for endpoint usage": 1})
    with pytest.raises(PreflightError, match="is 1, and the build needs 1 in addition to the 1 that serve until"):
        roll_back(stack, hosting, "previous")
