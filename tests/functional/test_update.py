"""The update from version 0.1: its builds, names, lock and endpoint live on.

version_0_1.json holds what version 0.1 wrote on local/: the table of a stack with a good build, a failed one, another
good one, a rollback to the first, and a running build with two requests behind it; and its resources with a state.
"""

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from sagebuild.builds.lock import read_seen, read_state
from sagebuild.builds.records import Trigger, list_builds, read_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.prune import find_unneeded
from sagebuild.finish.sweep import find_unfinished
from sagebuild.launch.start import launch_builds, start_execution
from sagebuild.launch.triggers import LaunchRequest
from sagebuild.names import name_endpoint, name_package_group, name_resource, name_tuning_job
from sagebuild.plan.rollback import find_target
from sagebuild.running.endpoint import describe_endpoint
from tests.engine import ROOT
from tests.functional.conftest import Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import never_sleep

OLD: dict[str, Any] = json.loads((ROOT / "tests/functional/version_0_1.json").read_text(encoding="utf-8"))
RESOURCES = ("pipeline", "storage", "messaging", "images")


@pytest.fixture
def updated(stack: Stack) -> Stack:
    """The new version on the old one's table, endpoint and models."""
    stack.settings.update(STACK_NAME="sagebuild-dev", STACK_ID=OLD["stack_id"])
    for item in OLD["items"]:
        stack.service.dynamodb.put_item(TableName="builds", Item=item)
    hosting = FakeHosting(stack.service.sagemaker)
    stack.service.__dict__["sagemaker"] = hosting
    for number in (1, 3):
        name = name_resource(stack.service, number)
        hosting.create_model(ModelName=name)
        hosting.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{"ModelName": name}])
    hosting.settle("InService", OLD["live"])
    stack.service.__dict__["codebuild"] = SimpleNamespace(list_builds_for_project=lambda **_: {"ids": []})
    start_execution(stack.service, 5)
    return stack


def test_the_names_of_the_default_pipeline_are_the_old_ones(updated: Stack) -> None:
    service = updated.service
    assert (name_resource(service, 6), name_tuning_job(service, 6)) == ("sagebuild-dev-4203e8b0-6",) * 2
    assert (name_endpoint(service), name_package_group(service)) == ("sagebuild-dev", "sagebuild-dev")
    assert updated.executions() == ["build-5"]


def test_the_old_records_are_read(updated: Stack) -> None:
    builds = [(each.number, each.status, each.restores) for each in list_builds(updated.service)]
    assert builds[:2] == [(5, "running", 0), (4, "succeeded", 1)]
    assert builds[2:] == [(3, "succeeded", 0), (2, "failed", 0), (1, "succeeded", 0)]
    state = read_state(updated.service)
    assert state.pending is not None
    assert (state.running, state.pending.count, state.pending.trigger) == (5, 2, Trigger("topic", "one"))
    assert (state.created_at, state.removed_at, state.unfinished, state.summary) == ("", "", None, None)
    assert len(read_seen(updated.service, state)) == 7
    assert find_unneeded(updated.service, keep=10, newest=4) == []
    assert [each.number for each in find_unneeded(updated.service, keep=0, newest=4)] == [3]


def test_the_running_build_ends_and_the_pending_one_follows(updated: Stack) -> None:
    finish_build(updated.service, 5, Ending("FAILED", cause="a test"), sleep=never_sleep)
    assert updated.executions() == ["build-5", "build-6"]
    following = read_build(updated.service, 6)
    assert (following.requests, following.trigger) == (2, Trigger("topic", "one"))
    endpoint = describe_endpoint(updated.service)
    assert endpoint is not None
    assert endpoint.config == OLD["live"]


def test_a_request_of_before_the_update_counts_once(updated: Stack) -> None:
    request = LaunchRequest(Trigger("topic", "three"), "three")
    for _ in range(2):
        launched = launch_builds(updated.service, [request], sleep=never_sleep)
    assert (launched.number, launched.waiting) == (5, 3)
    state = read_state(updated.service)
    assert len(read_seen(updated.service, state)) == 8


def test_the_first_sweep_examines_the_newest_builds_and_remembers_the_result(updated: Stack) -> None:
    at = read_build(updated.service, 5).created_at
    updated.service.dynamodb.update_item(  # as if the notification of build 3 had been lost before the update
        TableName="builds",
        Key={"kind": {"S": "build"}, "number": {"N": "3"}},
        UpdateExpression="SET notified_at = :none",
        ExpressionAttributeValues={":none": {"S": ""}},
    )
    found = find_unfinished(updated.service, datetime.fromisoformat(at))
    assert [(each.pipeline, each.number) for each in found] == [("", 3)]
    # The failed build and the running one are examined again; the good ones never.
    assert read_state(updated.service).unfinished == (5, 3, 2)


def test_a_rollback_finds_an_old_build(updated: Stack) -> None:
    live = describe_endpoint(updated.service)
    assert find_target(updated.service, "3", live).endpoint_config == "sagebuild-dev-4203e8b0-3"


def test_no_resource_with_a_state_is_replaced() -> None:
    """CloudFormation replaces a resource of another logical id or type, or with another of these properties."""
    now: dict[str, Any] = {}
    for name in RESOURCES:
        now |= yaml.safe_load((ROOT / f"resources/{name}.yml").read_text(encoding="utf-8"))["Resources"]
    # SageMaker keeps a group with packages when CloudFormation lets go of it; a build recreates an empty one.
    for name, old in OLD["resources"].items():
        if name == "ModelPackageGroup":
            continue
        new = now[name]
        assert new["Type"] == old["Type"], name
        kept = {key: value for key, value in new.get("Properties", {}).items() if key in old["Properties"]}
        assert kept == old["Properties"], name
