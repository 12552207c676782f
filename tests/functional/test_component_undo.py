"""The undo of a build with an inference component, where SageMaker refuses or fails a step of it."""

from typing import Any

import pytest

from sagebuild.builds.records import read_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.running.endpoint import describe_endpoint
from tests.functional.conftest import STACK, Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_component import begin, fail, hosting, kinds, make_good

__all__ = ["hosting"]


def test_the_earlier_model_serves_again_if_its_instances_cannot(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle("InService", name)
    hosting.settle_component("InService", name)
    hosting.delete_endpoint_config(earlier)
    record = fail(stack, name)
    assert kinds(hosting) == ["update", "update component"]
    assert (record.live_after, name in hosting.configs) == (earlier, True)
    assert record.notes[-1].count(f"SageMaker refused {earlier}") == 1
    assert record.notes[-1].count(f"its instances are still those of {name}") == 1


def test_a_component_that_is_scaling_gets_the_model_that_was_live(stack: Stack, hosting: FakeHosting) -> None:
    make_good(stack, hosting)
    second = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle_component("InService", name)
    hosting.scales_at_update = True
    record = fail(stack, name)
    assert kinds(hosting) == ["update component"]
    assert (record.live_after, record.notes) == (second, [])


@pytest.mark.parametrize("reached", ["the new model", "the earlier one"])
def test_a_stop_in_the_middle_of_an_update_waits_for_its_end(stack: Stack, hosting: FakeHosting, reached: str) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    specification = {"ModelName": name, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}
    copies = {"CopyCount": 1}
    hosting.update_inference_component(InferenceComponentName=STACK, Specification=specification, RuntimeConfig=copies)
    if reached == "the earlier one":
        hosting.settle_component("InService", earlier)
    pauses: list[float] = []
    finish_build(stack.service, int(name.rpartition("-")[2]), Ending("ABORTED"), sleep=pauses.append)
    assert pauses[:1] == ([1.0] if reached == "the new model" else [])
    record = read_build(stack.service, int(name.rpartition("-")[2]))
    assert (record.status, record.live_after, name in hosting.models) == ("stopped", earlier, False)
    assert kinds(hosting) == ["update component"] * (2 if reached == "the new model" else 1)


def test_a_failed_endpoint_is_created_again_with_its_component(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle("Failed", name)
    hosting.settle_component("InService", earlier)
    record = fail(stack, name)
    assert kinds(hosting) == ["delete component", "delete", "create", "create component"]
    assert (record.live_after, record.endpoint_remade, name in hosting.configs) == (earlier, True, False)
    live = describe_endpoint(stack.service)
    assert live
    assert (live.status, live.instances) == ("InService", earlier)


@pytest.mark.parametrize("outcome", ["Failed", "refused"])
def test_a_failed_endpoint_is_created_again_once(stack: Stack, hosting: FakeHosting, outcome: str) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle("Failed", name)
    if outcome == "refused":
        hosting.delete_endpoint_config(earlier)
    hosting.outcomes = [outcome]
    record: Any = fail(stack, name)
    assert kinds(hosting) == ["delete component", "delete", "create"]
    assert record.live_after == ""
    assert ("was created again and failed" if outcome == "Failed" else f"refused {earlier}") in record.notes[-1]
