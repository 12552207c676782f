"""The undo of a deployment: how it waits, what it tries instead of a lost model, and what it reports."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.errors import StillRunningError
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource, pipeline_tags
from sagebuild.running.undo import undo_deployment
from tests.functional.conftest import STACK, Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_deployment import add_good_build, hosting, refusal
from tests.functional.test_finish import never_sleep

__all__ = ["hosting"]

VOICE = Trigger("voice")


def begin(stack: Stack, hosting: FakeHosting, before: str, status: str = "InService", **changes: Any) -> str:
    """A build that has deployed over an endpoint configuration; return the name of its resources."""
    number = launch_build(stack.service, VOICE).number
    name = name_resource(stack.service, number)
    hosting.create_model(ModelName=name)
    hosting.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{"ModelName": name}])
    hosting.settle(status, name)
    hosting.requests.clear()
    update_build(stack.service, number, endpoint_config=name, live_before=before, **changes)
    return name


def undo(stack: Stack, sleep: Any = never_sleep, seconds: float = 600) -> list[str]:
    """Undo the deployment of the newest build."""
    number = read_state(stack.service).last_number
    return undo_deployment(stack.service, read_build(stack.service, number), seconds, lambda: 0.0, sleep)


def describe(hosting: FakeHosting) -> tuple[str, str]:
    """The status and the configuration of the endpoint."""
    assert hosting.endpoint
    return hosting.endpoint["EndpointStatus"], hosting.endpoint["EndpointConfigName"]


def test_the_pauses_grow_to_ten_seconds(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    begin(stack, hosting, before, "Updating")
    changing = hosting.endpoint
    hosting.settle("InService", before)
    hosting._ahead, hosting.endpoint = [*([changing] * 6), hosting.endpoint], changing
    pauses: list[float] = []
    assert undo(stack, pauses.append) == []
    assert pauses == [1, 2, 4, 8, 10, 10, 10]


def test_the_wait_ends_in_time(stack: Stack, hosting: FakeHosting) -> None:
    begin(stack, hosting, "before", "Updating")
    seconds = [5.0]
    record = read_build(stack.service, 1)

    def wait(pause: float) -> None:
        seconds[0] += pause

    with pytest.raises(StillRunningError, match=rf"^The endpoint {STACK} is still Updating after 25 s\.$"):
        undo_deployment(stack.service, record, 25, lambda: seconds[0], wait)
    assert seconds == [30]


def test_a_build_that_requested_no_deployment_changes_nothing(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    launch_build(stack.service, Trigger("voice", rollback="previous"))
    hosting.requests.clear()
    assert undo(stack) == []
    assert (hosting.requests, describe(hosting)) == ([], ("InService", before))


def test_a_new_endpoint_has_the_tags_of_the_pipeline(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    begin(stack, hosting, before, "Failed")
    assert undo(stack) == []
    (_, deleted), (_, created) = hosting.requests
    assert deleted == {"EndpointName": STACK}
    tags = [{"Key": key, "Value": value} for key, value in pipeline_tags(stack.service).items()]
    assert created == {"EndpointName": STACK, "EndpointConfigName": before, "Tags": tags}
    assert read_build(stack.service, 2).endpoint_remade


def test_an_update_without_scaling_does_not_keep_the_capacity(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    ours = begin(stack, hosting, before)
    assert undo(stack) == []
    assert hosting.requests == [("update", {"EndpointName": STACK, "EndpointConfigName": before})]
    assert ours not in hosting.configs


def test_a_removal_keeps_the_endpoint_as_it_is(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    ours = begin(stack, hosting, before)
    state = read_state(stack.service)
    change_state(stack.service, state, type(state)(**vars(state) | {"removed_at": "2026-11-30T12:00:00+00:00"}))
    (problem,) = undo(stack)
    assert problem.startswith(f"The endpoint {STACK} still has {ours}, the model of this build: ")
    assert (hosting.requests, describe(hosting)) == ([], ("InService", ours))


def test_an_update_is_tried_again_when_the_endpoint_began_to_change(stack: Stack, hosting: FakeHosting) -> None:
    _, before = (add_good_build(stack, hosting) for _ in range(2))
    ours = begin(stack, hosting, before)
    update = hosting.update_endpoint
    refused: list[Any] = []

    def refuse_once(**request: Any) -> None:
        if refused:
            return update(**request)
        refused.append(request)
        served = hosting.endpoint
        hosting.settle("SystemUpdating", ours)
        hosting._ahead = [hosting.endpoint, served]
        raise refusal("ValidationException", "Cannot update in-progress endpoint.")

    hosting.update_endpoint = refuse_once  # type: ignore[method-assign]
    assert undo(stack) == []
    assert describe(hosting) == ("InService", before)


def test_three_models_are_tried_instead_of_the_previous_one(stack: Stack, hosting: FakeHosting) -> None:
    configs = [add_good_build(stack, hosting) for _ in range(6)]
    update_build(stack.service, 4, pruned_at="2026-01-01")
    ours = begin(stack, hosting, configs[5])
    asked: list[str] = []

    def refuse(EndpointConfigName: str, **_more: Any) -> None:  # noqa: N803
        asked.append(EndpointConfigName)
        raise refusal("ValidationException", "No.")

    hosting.update_endpoint = refuse  # type: ignore[method-assign, assignment]
    (problem,) = undo(stack)
    assert asked == [configs[5], configs[4], configs[2], configs[1]]
    refusals = "; ".join(f"SageMaker refused {config} (No.)" for config in asked)
    assert problem == (
        f"The endpoint {STACK} still has {ours}, the model of this build: {refusals}, and no other model of an earlier "
        "build could replace it. Start a build that replaces it, or delete the endpoint."
    )
    assert ours in hosting.models


def test_any_other_error_of_an_update_is_raised(stack: Stack, hosting: FakeHosting) -> None:
    begin(stack, hosting, add_good_build(stack, hosting))

    def refuse(**_request: Any) -> None:
        raise refusal("ResourceLimitExceeded", "No.")

    hosting.update_endpoint = refuse  # type: ignore[method-assign]
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        undo(stack)


@pytest.mark.parametrize(("code", "is_tried"), [("AccessDeniedException", True), ("AccessDenied", True), ("X", False)])
def test_a_configuration_that_cannot_be_described_is_tried(
    stack: Stack, hosting: FakeHosting, code: str, is_tried: bool
) -> None:
    before = add_good_build(stack, hosting)
    begin(stack, hosting, before)

    def refuse(**_request: Any) -> None:
        raise refusal(code, "No.")

    hosting.describe_endpoint_config = refuse  # type: ignore[method-assign, assignment]
    if is_tried:
        assert undo(stack) == []
        assert describe(hosting) == ("InService", before)
    else:
        with pytest.raises(ClientError, match="No"):
            undo(stack)


def test_an_endpoint_that_failed_again_is_reported_with_its_reason(stack: Stack, hosting: FakeHosting) -> None:
    hosting.create_endpoint_config(EndpointConfigName="before", ProductionVariants=[])
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, live_before="before", endpoint_remade=True)
    hosting.settle("Failed", "before")
    assert undo(stack) == [f"The endpoint {STACK} was created again and failed: SageMaker gave no reason."]
    assert hosting.endpoint
    hosting.endpoint["FailureReason"] = "The container did not answer"
    assert undo(stack) == [f"The endpoint {STACK} was created again and failed: The container did not answer."]
    hosting.endpoint = None
    update_build(stack.service, 1, endpoint_remade=False)
    assert undo(stack) == [], "a build that never restored it does not report it"


def test_an_endpoint_without_a_model_left_is_reported_as_deleted(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    hosting.delete_model(before)
    begin(stack, hosting, before, "Failed")
    (problem,) = undo(stack)
    assert problem == (
        f"The endpoint {STACK} failed and was deleted: {before} or its model was deleted. Start a build, which creates "
        "it again."
    )
    assert [kind for kind, _ in hosting.requests] == ["delete"]
    assert not read_build(stack.service, 2).endpoint_remade


def test_your_own_failed_endpoint_is_no_problem_of_the_build(stack: Stack, hosting: FakeHosting) -> None:
    before = add_good_build(stack, hosting)
    ours = begin(stack, hosting, before)
    hosting.settle("Failed", "their-own")
    assert undo(stack) == []
    assert hosting.requests == []
    assert ours not in hosting.models


def test_a_first_deployment_leaves_nothing_and_reports_nothing(stack: Stack, hosting: FakeHosting) -> None:
    begin(stack, hosting, "")
    assert undo(stack) == []
    assert (hosting.requests, hosting.models, hosting.configs) == ([("delete", {"EndpointName": STACK})], {}, {})
