"""Scaling is planned by the document, ended before an update that it would block, and restored after a failure."""

from enum import Enum
from typing import Any

import pytest
from moto.applicationautoscaling import models, responses

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import Trigger, update_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.parameters import parse_parameters
from sagebuild.plan.deployment import describe_live
from sagebuild.running.scaling import (
    Scaling,
    describe_scaling,
    end_scaling,
    find_scaling_problems,
    plan_scaling,
)
from tests.functional.conftest import STACK, Stack
from tests.functional.test_finish import deploy, finish

VARIANT: Any = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{STACK}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
COPIES: Any = VARIANT | {
    "ResourceId": f"inference-component/{STACK}",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}
TYPE = "ml.t2.medium"  # of what tests.functional.test_finish deploys
SCALED = {"framework": "SCIKIT", "hostinstancetype": "ml.m5.large",
          "autoscaling": {"minimum": 1, "maximum": 4, "target": 70.5, "scaleincooldown": 600}}  # fmt: skip
OURS = {
    "PolicyName": "sagebuild",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 70.5,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 600,
    },
}
FAILED = Ending("FAILED", "EndpointDeploymentError", "The endpoint did not take the new model.")


def scale(stack: Stack, policy: dict[str, Any] = OURS, maximum: int = 4) -> Scaling:
    client = stack.service.autoscaling
    client.register_scalable_target(**VARIANT, MinCapacity=1, MaxCapacity=maximum)
    client.put_scaling_policy(**VARIANT, **policy)
    scaling = describe_scaling(stack.service, copies=False)
    assert scaling
    return scaling


def plan(stack: Stack, document: dict[str, Any], before: Scaling | None, live: str, wanted_type: str | None) -> Any:
    return plan_scaling(BuildContext(stack.service, 1, parse_parameters(document)), before, live, wanted_type)


def test_the_requested_scaling_is_found_afterwards(stack: Stack) -> None:
    planned = plan(stack, SCALED, None, "", TYPE)
    planned = {name: planned[name] for name in ("target", "policy")}
    assert planned == {"target": {"MinCapacity": 1, "MaxCapacity": 4}, "policy": OURS}
    assert scale(stack, planned["policy"]) == Scaling(planned["target"], [planned["policy"]])


def test_a_queue_scales_by_its_length(stack: Stack) -> None:
    asked = SCALED | {"asynchronous": {}, "autoscaling": {"minimum": 0, "maximum": 2, "target": 5}}
    policy = plan(stack, asked, None, "", TYPE)["policy"]
    metric = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    assert metric["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert metric["Dimensions"] == [{"Name": "EndpointName", "Value": STACK}]


@pytest.mark.parametrize(("asked", "was_scaled", "wanted_type", "wanted", "release", "retains"), [
    (False, False, TYPE, False, False, False),
    (True, False, TYPE, True, False, False),
    (True, True, TYPE, True, False, True),
    (True, True, "ml.m5.large", True, True, True),
    (False, True, TYPE, False, True, False),
    (False, True, None, False, True, False),
])  # fmt: skip
def test_scaling_ends_before_an_update_that_it_would_block(
    stack: Stack, asked: bool, was_scaled: bool, wanted_type: str | None, wanted: bool, release: bool, retains: bool
) -> None:
    live = deploy(stack.service, 1)
    before = scale(stack) if was_scaled else None
    planned = plan(stack, SCALED if asked else {"framework": "SCIKIT"}, before, live, wanted_type)
    assert (planned["wanted"], planned["release"]) == (wanted, release)
    assert bool(planned["update"].get("RetainAllVariantProperties")) is retains
    assert planned["variant"] == VARIANT


QUEUE = SCALED | {"asynchronous": {}, "autoscaling": {"minimum": 0, "maximum": 2, "target": 5}}


def wake(stack: Stack) -> Scaling:
    """Set the policies and the alarm that a build with QUEUE sets; return the scaling."""
    planned = plan(stack, QUEUE, None, "", TYPE)["wake"]
    scale(stack)
    arn = stack.service.autoscaling.put_scaling_policy(**VARIANT, **planned["policy"])["PolicyARN"]
    stack.service.cloudwatch.put_metric_alarm(**planned["alarm"], AlarmActions=[arn])
    scaling = describe_scaling(stack.service, copies=False)
    assert scaling
    return scaling


def list_alarms(stack: Stack) -> list[str]:
    """The names of the alarms that wake the endpoint."""
    alarms = stack.service.cloudwatch.describe_alarms(AlarmNamePrefix="HasBacklogWithoutCapacity-")["MetricAlarms"]
    return [alarm["AlarmName"] for alarm in alarms]


@pytest.mark.parametrize(("asynchronous", "minimum", "wanted"), [(True, 0, True), (True, 1, False), (False, 1, False)])
def test_only_an_endpoint_that_scales_to_zero_is_woken(
    stack: Stack, asynchronous: bool, minimum: int, wanted: bool
) -> None:
    asked = SCALED | {"autoscaling": {"minimum": minimum, "maximum": 2, "target": 5}}
    planned = plan(stack, asked | ({"asynchronous": {}} if asynchronous else {}), None, "", TYPE)["wake"]
    assert planned["wanted"] is wanted
    assert planned["alarm"]["AlarmName"] == f"HasBacklogWithoutCapacity-{STACK}"
    assert planned["alarm"]["Dimensions"] == [{"Name": "EndpointName", "Value": STACK}]


def test_waking_ends_when_a_build_wants_no_more_of_it(stack: Stack) -> None:
    live = deploy(stack.service, 1)
    before = wake(stack)
    assert not plan(stack, QUEUE, before, live, TYPE)["release"]
    kept = QUEUE | {"autoscaling": {"minimum": 1, "maximum": 2, "target": 5}}
    assert plan(stack, kept, before, live, TYPE)["release"]
    end_scaling(stack.service)
    assert (describe_scaling(stack.service, copies=False), list_alarms(stack)) == (None, [])


def test_waking_that_a_failed_build_ended_is_restored(stack: Stack) -> None:
    live = start_second_build(stack)
    before = wake(stack)
    end_scaling(stack.service)
    fail_second_build(stack, before, live)
    assert describe_scaling(stack.service, copies=False) == before
    assert list_alarms(stack) == [f"HasBacklogWithoutCapacity-{STACK}"]


def test_your_own_scaling_is_left_alone_or_reported(stack: Stack) -> None:
    live = deploy(stack.service, 1)
    before = scale(stack, OURS | {"PolicyName": "by hand"})
    planned = plan(stack, {"framework": "SCIKIT"}, before, live, TYPE)
    assert planned["release"] is False
    assert planned["update"]["RetainAllVariantProperties"] is True
    assert list(find_scaling_problems(stack.service, before, live, TYPE)) == []
    (problem,) = find_scaling_problems(stack.service, before, live, "ml.m5.large")
    assert "has scaling that no build set up" in problem


def fail_second_build(stack: Stack, before: Scaling | None, live: str) -> None:
    update_build(
        stack.service,
        2,
        live_before=live,
        changes_scaling=True,
        scaling_before=before.to_text() if before else "",
    )
    finish(stack, 2, FAILED)


def start_second_build(stack: Stack) -> str:
    launch_build(stack.service, Trigger("voice"))
    live = deploy(stack.service, 1)
    finish(stack, 1, Ending("SUCCEEDED"))
    launch_build(stack.service, Trigger("voice"))
    return live


def test_scaling_that_a_failed_build_ended_is_restored(stack: Stack) -> None:
    live = start_second_build(stack)
    before = scale(stack)
    end_scaling(stack.service)
    fail_second_build(stack, before, live)
    assert describe_scaling(stack.service, copies=False) == before


def test_scaling_that_a_failed_build_set_up_is_ended(stack: Stack) -> None:
    live = start_second_build(stack)
    scale(stack)
    fail_second_build(stack, None, live)
    assert describe_scaling(stack.service, copies=False) is None


def test_scaling_that_a_failed_build_changed_is_restored(stack: Stack) -> None:
    live = start_second_build(stack)
    before = scale(stack)
    scale(stack, maximum=9)
    fail_second_build(stack, before, live)
    assert describe_scaling(stack.service, copies=False) == before


def test_a_build_without_scaling_changes_leaves_it_alone(stack: Stack) -> None:
    start_second_build(stack)
    before = scale(stack)
    finish(stack, 2, FAILED)
    assert describe_scaling(stack.service, copies=False) == before


@pytest.fixture
def stale(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scaling of a component that was deleted; moto does not know its dimension."""
    known = {each.name: each.value for each in models.ScalableDimensionValueSet}
    known["COPIES"] = COPIES["ScalableDimension"]
    for module in (models, responses):
        monkeypatch.setattr(module, "ScalableDimensionValueSet", Enum("Dimensions", known))
    stack.service.autoscaling.register_scalable_target(**COPIES, MinCapacity=0, MaxCapacity=2)


@pytest.mark.usefixtures("stale")
def test_the_scaling_of_a_deleted_component_is_not_that_of_the_endpoint(stack: Stack) -> None:
    live = start_second_build(stack)
    assert describe_live(stack.service).scaling is None
    before = scale(stack)
    assert describe_live(stack.service).scaling == before
    stack.service.autoscaling.deregister_scalable_target(**VARIANT)  # by the build that fails
    fail_second_build(stack, before, live)
    assert describe_live(stack.service).scaling == before


@pytest.mark.usefixtures("stale")
def test_a_removal_ends_the_scaling_of_a_deleted_component_too(stack: Stack) -> None:
    scale(stack)
    end_scaling(stack.service)
    assert stack.service.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
