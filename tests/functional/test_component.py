"""Inference components: the plan, what a failed build restores or deletes, and requests by the component's name."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from jinja2 import Environment, PackageLoader

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.client.endpoint_view import read_endpoint_metrics
from sagebuild.client.invoking import WAIT_SECONDS, invoke
from sagebuild.errors import EndpointError
from sagebuild.finish.build import finish_build
from sagebuild.finish.delete import delete_endpoints
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from sagebuild.parameters import parse_parameters
from sagebuild.plan.component import examine_component, plan_component
from sagebuild.plan.findings import Findings
from sagebuild.plan.rollback import find_target
from sagebuild.requests.bodies import build_endpoint_config
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.running.scaling import Scaling, plan_scaling
from sagebuild.running.undo_component import EarlierCopies
from tests.functional.conftest import STACK, Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_deployment import FAILED
from tests.functional.test_finish import never_sleep

BARE = [{"VariantName": "AllTraffic", "ManagedInstanceScaling": {"Status": "ENABLED", "MaxInstanceCount": 2}}]
DOCUMENT = {
    "framework": "LLM",
    "engine": "VLLM",
    "hubmodel": "Qwen/Qwen3-0.6B",
    "inferencecomponent": {},
    "autoscaling": {"minimum": 0, "maximum": 3, "target": 5},
}


@pytest.fixture
def hosting(stack: Stack) -> FakeHosting:
    fake = FakeHosting(stack.service.sagemaker)
    stack.service.__dict__["sagemaker"] = fake
    return fake


def make(stack: Stack, hosting: FakeHosting, **changes: Any) -> str:
    """Launch a build, and create its model and configuration; return their name."""
    number = launch_build(stack.service, Trigger("voice")).number
    name = name_resource(stack.service, number)
    hosting.create_model(ModelName=name)
    hosting.create_endpoint_config(EndpointConfigName=name, ProductionVariants=BARE)
    update_build(stack.service, number, endpoint_config=name, model=name, component=STACK, keep_builds=1, **changes)
    return name


def make_good(stack: Stack, hosting: FakeHosting, instances: str = "") -> str:
    """A build that has deployed its model; return its name."""
    before = describe_endpoint(stack.service)
    name = make(stack, hosting, live_before=before.config if before else "")
    hosting.settle("InService", instances or name)
    hosting.settle_component("InService", name)
    number = int(name.rpartition("-")[2])
    finish_build(stack.service, number, Ending("SUCCEEDED"), sleep=never_sleep)
    return name


def begin(stack: Stack, hosting: FakeHosting) -> str:
    """A build that knows what is live; return the name of its resources."""
    earlier = EarlierCopies.of(describe_endpoint(stack.service))
    before = earlier.specification["ModelName"] if earlier else ""
    name = make(stack, hosting, live_before=before, component_before=earlier.to_text() if earlier else "")
    hosting.requests.clear()
    return name


def fail(stack: Stack, name: str) -> Any:
    """Let a build fail; return its record."""
    number = int(name.rpartition("-")[2])
    finish_build(stack.service, number, FAILED, sleep=never_sleep)
    return read_build(stack.service, number)


def kinds(hosting: FakeHosting) -> list[str]:
    return [kind for kind, _ in hosting.requests]


def plan(stack: Stack, live: Endpoint | None, **changes: Any) -> tuple[Any, Any]:
    context = BuildContext(stack.service, 7, parse_parameters(DOCUMENT | changes))
    return plan_component(context, live, build_endpoint_config(context), "new")


def test_the_first_deployment_creates_a_component_with_one_copy(stack: Stack) -> None:
    planned, record = plan(stack, None)
    assert (planned["wanted"], planned["keepsInstances"], record["component_before"]) == (True, False, "")
    assert planned["create"] == {
        "InferenceComponentName": STACK,
        "EndpointName": STACK,
        "VariantName": "AllTraffic",
        "Specification": {
            "ModelName": "new",
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024, "NumberOfAcceleratorDevicesRequired": 1},
        },
        "RuntimeConfig": {"CopyCount": 1},
    }


def test_instances_stay_unless_their_settings_change(stack: Stack, hosting: FakeHosting) -> None:
    context = BuildContext(stack.service, 1, parse_parameters(DOCUMENT))
    hosting.create_endpoint_config(**build_endpoint_config(context) | {"EndpointConfigName": "old"})
    hosting.settle("InService", "old")
    hosting.settle_component("InService", "old", copies=0)
    live = describe_endpoint(stack.service)
    assert live
    assert (live.config, live.instances, str(live)) == ("old", "old", "InService, serves old with no copy at present")
    planned, record = plan(stack, live, inferencecomponent={"memory": 2048})
    assert planned["keepsInstances"] is True
    assert planned["update"]["RuntimeConfig"] == {"CopyCount": 1}  # the smoke test needs one
    assert json.loads(record["component_before"])["copies"] == 0
    for change in ({"hostinstancetype": "ml.g5.2xlarge"}, {"hostinstancecount": 4}, {"networkisolation": True}):
        isolated = {"hubmodel": None, "ModelArtifacts": "s3://bucket/m/"} if "networkisolation" in change else {}
        changed = change | isolated
        assert plan(stack, live, **changed)[0]["keepsInstances"] is False, change


def test_an_update_shifts_the_copies_in_the_steps_of_the_guardrails(stack: Stack) -> None:
    steps = {"shifting": "LINEAR", "percent": 50, "wait": 60, "timeout": 900, "alarms": ["errors"]}
    changes = {"autoscaling": None, "hostinstancecount": 2, "starttimeout": 600}
    shifted = plan(stack, None, **changes, guardrails=steps)[0]["update"]
    assert shifted["Specification"]["StartupParameters"] == {"ContainerStartupHealthCheckTimeoutInSeconds": 600}
    assert shifted["RuntimeConfig"] == {"CopyCount": 2}
    assert shifted["DeploymentConfig"] == {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 60,
            "MaximumExecutionTimeoutInSeconds": 900,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    }
    assert "DeploymentConfig" not in plan(stack, None, **changes)[0]["update"]


def test_the_metrics_of_a_component_have_their_own_dimension(stack: Stack, hosting: FakeHosting) -> None:
    for name, value in (("InferenceComponentName", 3.0), ("EndpointName", 8.0)):
        variant = [{"Name": "VariantName", "Value": "AllTraffic"}] if name == "EndpointName" else []
        dimensions = [{"Name": name, "Value": STACK}, *variant]
        datum: Any = {"MetricName": "Invocations", "Dimensions": dimensions, "Value": value}
        stack.service.cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])
    assert [value for _, value in read_endpoint_metrics(stack.service)["requests"]] == [8.0]
    make_good(stack, hosting)
    assert [value for _, value in read_endpoint_metrics(stack.service)["requests"]] == [3.0]


@pytest.mark.parametrize(("wants", "hosts", "refused"), [(True, False, True), (False, True, True), (True, True, False)])
def test_an_endpoint_is_not_converted(stack: Stack, wants: bool, hosts: bool, refused: bool) -> None:
    parameters = parse_parameters(DOCUMENT if wants else {"framework": "SCIKIT"})
    live, findings = Endpoint("InService", "old", instances="old" if hosts else ""), Findings()
    examine_component(stack.service, {"ProductionVariants": BARE}, parameters, live, findings)
    assert [each.partition(";")[2] for each in findings.problems] == (
        [" delete the endpoint first, with its inference component."] if refused else []
    )


@pytest.mark.parametrize("variants", [[*BARE, *BARE], [BARE[0] | {"ModelName": "m"}], [{"VariantName": "AllTraffic"}]])
def test_a_configuration_that_a_component_cannot_have_is_refused(stack: Stack, variants: list[Any]) -> None:
    findings = Findings()
    examine_component(stack.service, {"ProductionVariants": variants}, parse_parameters(DOCUMENT), None, findings)
    (problem,) = findings.problems
    assert "the function endpointConfigFunction must keep that" in problem


def test_the_scaling_of_copies_rests_during_a_build_and_wakes_them(stack: Stack) -> None:
    context = BuildContext(stack.service, 1, parse_parameters(DOCUMENT))
    before = Scaling({"MinCapacity": 0, "MaxCapacity": 3}, [{"PolicyName": "sagebuild"}], copies=True)
    planned = plan_scaling(context, before, "", "ml.g5.xlarge")
    assert (planned["release"], planned["update"], planned["wake"]["wanted"]) == (True, {}, True)
    assert planned["variant"]["ResourceId"] == f"inference-component/{STACK}"
    assert planned["target"] == {"MinCapacity": 0, "MaxCapacity": 3}
    assert "InferenceComponentInvocationsPerCopy" in json.dumps(planned["policy"])
    alarm = planned["wake"]["alarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("NoCapacityInvocationFailures", "Sum")
    assert Scaling.from_text(before.to_text()) == before
    assert Scaling.from_text('{"target": {}, "policies": []}') == Scaling({}, [])  # of a record of version 0.1


@pytest.mark.parametrize("status", ["InService", "Failed", None])
def test_a_first_deployment_that_fails_leaves_nothing(stack: Stack, hosting: FakeHosting, status: str | None) -> None:
    name = begin(stack, hosting)
    hosting.settle("InService", name)
    if status:
        hosting.settle_component(status, name)
    fail(stack, name)
    assert kinds(hosting) == (["delete component", "delete"] if status else ["delete"])
    assert (hosting.endpoint, hosting.component, name in hosting.models, name in hosting.configs) == (
        None, None, False, False,
    )  # fmt: skip


@pytest.mark.parametrize("live_before", ["", "gone"])
def test_a_failed_endpoint_goes_with_a_component_of_a_deleted_one(
    stack: Stack, hosting: FakeHosting, live_before: str
) -> None:
    name = make(stack, hosting, live_before=live_before)
    hosting.settle("InService", name)
    hosting.settle_component("InService", "old", copies=0)
    hosting.requests.clear()
    assert fail(stack, name).status == "failed"
    assert kinds(hosting) == ["delete component", "delete"]


def test_the_earlier_model_serves_again_on_the_same_instances(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle_component("InService", name)
    record = fail(stack, name)
    assert kinds(hosting) == ["update component"]
    assert record.live_after == earlier
    assert (name in hosting.models, name in hosting.configs, earlier in hosting.configs) == (False, False, True)


def test_instances_that_a_failed_build_replaced_are_restored(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle("InService", name)
    hosting.settle_component("InService", name)
    fail(stack, name)
    assert kinds(hosting) == ["update", "update component"]
    live = describe_endpoint(stack.service)
    assert live
    assert (live.config, live.instances) == (earlier, earlier)


def test_a_component_that_failed_is_created_again_with_the_earlier_model(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.settle_component("Failed", name)
    record = fail(stack, name)
    assert kinds(hosting) == ["delete component", "create component"]
    assert record.live_after == earlier


def test_a_component_that_sagemaker_rolled_back_is_left_alone(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    assert fail(stack, name).live_after == earlier
    assert kinds(hosting) == []


def test_the_newest_good_model_replaces_one_that_was_deleted(stack: Stack, hosting: FakeHosting) -> None:
    first = make_good(stack, hosting)
    second = make_good(stack, hosting, instances=first)
    name = begin(stack, hosting)
    hosting.delete_model(second)
    hosting.settle_component("InService", name)
    record = fail(stack, name)
    assert record.live_after == first
    assert f"is not as it was: SageMaker refused {second}" in record.notes[-1]


def test_a_build_without_any_good_model_stays_live_and_is_reported(stack: Stack, hosting: FakeHosting) -> None:
    earlier = make_good(stack, hosting)
    name = begin(stack, hosting)
    hosting.delete_model(earlier)
    hosting.settle_component("InService", name)
    record = fail(stack, name)
    assert (record.live_after, record.restore_failed, name in hosting.models) == (name, True, True)
    assert "no model of an earlier build could replace that of this build; start another build" in record.notes[-1]


def test_the_configuration_of_the_instances_is_kept(stack: Stack, hosting: FakeHosting) -> None:
    first = make_good(stack, hosting)
    second, third, fourth = (make_good(stack, hosting, instances=first) for _ in range(3))
    assert hosting.configs.keys() == {first, third, fourth}  # the fourth is live, the third was
    assert second not in hosting.models


def test_a_removal_deletes_the_component_before_its_endpoint(stack: Stack, hosting: FakeHosting) -> None:
    make_good(stack, hosting)
    hosting.requests.clear()
    delete_endpoints([stack.service], "the removal", never_sleep, _NoDeadline())  # type: ignore[arg-type]
    assert kinds(hosting) == ["delete component", "delete"]


class _NoDeadline:
    """A deadline that never comes."""

    is_over = False


class Runtime:
    """SageMaker's runtime: a component without a copy until it was asked some times."""

    def __init__(self, hosting: FakeHosting, failures: int = 0) -> None:
        self._hosting, self._failures = hosting, failures
        self.requests: list[dict[str, Any]] = []

    def refuse(self, **request: Any) -> str:
        """InvokeEndpoint of a component that cannot serve."""
        raise _refusal(f"Inference Component has no capacity to process {request}.")

    def ask(self, **request: Any) -> str:
        """InvokeEndpoint."""
        self.requests.append(request)
        if "InferenceComponentName" not in request:
            raise _refusal("Inference Component Name header is required")
        self._failures -= 1
        if self._failures < 0:
            return "answer"
        self._hosting.settle_component("InService", "model", copies=int(self._failures == 0))
        raise _refusal("Inference Component has no capacity to process this request.")


def _refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "InvokeEndpoint")


@pytest.fixture
def served(stack: Stack, hosting: FakeHosting) -> FakeHosting:
    make_good(stack, hosting)
    return hosting


def test_a_request_names_the_component_and_remembers_it(stack: Stack, served: FakeHosting) -> None:
    runtime = Runtime(served)
    assert [invoke(stack.service, runtime.ask, {"Body": b"1"}) for _ in range(2)] == ["answer", "answer"]
    assert [request.get("InferenceComponentName") for request in runtime.requests] == [None, STACK, STACK]


def test_a_request_without_a_copy_says_so_or_waits(
    stack: Stack, served: FakeHosting, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EndpointError, match=r"has no copy of its model at present .* pass --wait"):
        invoke(stack.service, Runtime(served, failures=9).ask, {})
    pauses: list[float] = []
    times = iter((0.0, 0.0, 15.0))
    answer = invoke(
        stack.service, Runtime(served, 3).ask, {}, wait=True, clock=lambda: next(times), sleep=pauses.append
    )
    assert (answer, len(pauses)) == ("answer", 2)
    assert capsys.readouterr().err == "".join(
        f"The endpoint {STACK} has no copy of its model yet; waited {seconds} s of at most 1200 s.\n"
        for seconds in (0, 15)
    )
    clock = iter((0.0, 1.0, WAIT_SECONDS + 1))
    with pytest.raises(EndpointError, match="has no copy"):
        invoke(stack.service, Runtime(served, 9).ask, {}, wait=True, clock=lambda: next(clock), sleep=never_sleep)


@pytest.mark.parametrize("found", ["Failed", "missing"])
def test_a_component_that_cannot_serve_is_no_reason_to_wait(stack: Stack, served: FakeHosting, found: str) -> None:
    name = name_resource(stack.service, 1)
    invoke(stack.service, Runtime(served).ask, {})  # which learns the component's name
    served.settle_component("Failed", name, copies=0, reason="no GPU")
    reason = f"its inference component failed with {name}: no GPU"
    if found == "missing":
        served.component, reason = None, "serves nothing, because it has no inference component"
    live = describe_endpoint(stack.service)
    assert live
    assert (live.serves, reason in str(live)) == (False, True)
    with pytest.raises(EndpointError, match=f"{reason}. .*start --watch"):
        invoke(stack.service, Runtime(served).refuse, {}, wait=True)
    assert find_target(stack.service, "1", live).number == 1  # a rollback brings it back
    page = Environment(loader=PackageLoader("sagebuild.page"), autoescape=True).get_template("parts/endpoint.html")
    assert reason.rpartition(": ")[2].rpartition(", ")[2] in page.render(live={"endpoint": live, "metrics": {}})
