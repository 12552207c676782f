"""Inference components in local/: copies of a model that can be none, updates, and the policy that wakes them."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_OWN, Host, wait_until

BROKEN = "def model_fn(model_dir): raise RuntimeError('the model is torn')"
OLD, NEW = b'{"prediction": [3]}', b'{"prediction": [5]}'
NO_COPY = "has no capacity to process this request"
MANAGED = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 4}


class Hosted(Host):
    """An endpoint for inference components, and one component with a copy of the model OLD."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine
        self.old, self.new = self.model(SERVE_OWN), self.model(SERVE_OWN.replace("3", "5"))
        self.endpoint = self.begin(self.configure_bare(ExecutionRoleArn=self.role))
        self.settle(self.endpoint)
        self.name = self.create(self.old)
        assert self.settle_component()["InferenceComponentStatus"] == "InService"

    def configure_bare(self, **changes: Any) -> str:
        """A configuration without a model."""
        name = f"config-{uuid.uuid4().hex[:8]}"
        variant = {"VariantName": "AllTraffic", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
        variants = [variant | {"ManagedInstanceScaling": MANAGED}]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **changes)
        return name

    def create(self, model: str, **changes: Any) -> str:
        """Begin the creation of a component; its name."""
        name = f"component-{uuid.uuid4().hex[:8]}"
        request = {
            "InferenceComponentName": name,
            "EndpointName": self.endpoint,
            "VariantName": "AllTraffic",
            "Specification": self.specify(model),
            "RuntimeConfig": {"CopyCount": 1},
        }
        self.sagemaker.create_inference_component(**request | changes)
        return name

    def specify(self, model: str) -> dict[str, Any]:
        """The specification of a model."""
        return {"ModelName": model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}

    def describe_component(self, name: str = "") -> dict[str, Any]:
        """The component, by default the first one."""
        answer: dict[str, Any] = self.sagemaker.describe_inference_component(InferenceComponentName=name or self.name)
        return answer

    def settle_component(self, name: str = "") -> dict[str, Any]:
        """The component at rest."""
        return wait_until(
            lambda: self.describe_component(name), lambda one: not one["InferenceComponentStatus"].endswith("ing")
        )

    def replace(self, model: str, **changes: Any) -> dict[str, Any]:
        """Update the component to a model; the component afterwards."""
        self.sagemaker.update_inference_component(
            InferenceComponentName=self.name, Specification=self.specify(model), **changes
        )
        return self.settle_component()

    def scale(self, copies: int) -> None:
        """Change the number of copies, as Application Auto Scaling does it."""
        self.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=self.name, DesiredRuntimeConfig={"CopyCount": copies}
        )
        self.settle_component()

    def guard(self, state: str) -> tuple[str, dict[str, Any]]:
        """An alarm in this state, and a rolling update of one copy at a time that it rolls back."""
        alarms, alarm = self.engine.client("cloudwatch"), f"alarm-{uuid.uuid4().hex[:8]}"
        alarms.put_metric_alarm(
            AlarmName=alarm, Namespace="own", MetricName="own", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        alarms.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test's")
        size = {"Type": "COPY_COUNT", "Value": 1}
        return alarm, {
            "RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        }

    def ask(self, **more: Any) -> bytes:
        """The component's answer."""
        return self.invoke(self.endpoint, b"[1]", InferenceComponentName=self.name, **more)

    def count_instances(self) -> int:
        """The instances of the endpoint."""
        (variant,) = self.describe(self.endpoint)["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def is_deleted(self, name: str) -> bool:
        """Whether the component is gone."""
        try:
            self.describe_component(name)
        except ClientError as error:
            return "Could not find inference component" in str(error)
        return False


@pytest.fixture(scope="module")
def hosted(engine: Engine) -> Iterator[Hosted]:
    hosted = Hosted(engine)
    yield hosted
    hosted.sagemaker.delete_endpoint(EndpointName=hosted.endpoint)


def test_a_component_answers_by_its_name_only(hosted: Hosted) -> None:
    assert hosted.ask() == OLD
    with pytest.raises(ClientError, match="Inference Component Name header is required"):
        hosted.invoke(hosted.endpoint, b"[1]")
    answer = hosted.runtime.invoke_endpoint_with_response_stream(
        EndpointName=hosted.endpoint, Body=b"[1]", ContentType="application/json", InferenceComponentName=hosted.name
    )
    assert b"".join(part["PayloadPart"]["Bytes"] for part in answer["Body"]) == OLD
    (listed,) = hosted.sagemaker.list_inference_components(EndpointNameEquals=hosted.endpoint)["InferenceComponents"]
    assert listed["InferenceComponentName"] == hosted.name
    wait_until(lambda: hosted.list_streams(f"/aws/sagemaker/InferenceComponents/{hosted.name}"), bool)


def test_an_update_replaces_the_model_or_keeps_the_old_one_with_the_reason(hosted: Hosted) -> None:
    after = hosted.replace(hosted.new)
    assert (after["Specification"]["ModelName"], hosted.ask()) == (hosted.new, NEW)
    failed = hosted.replace(hosted.model(BROKEN))
    assert (failed["InferenceComponentStatus"], failed["Specification"]["ModelName"]) == ("InService", hosted.new)
    assert "did not pass the ping health check" in failed["FailureReason"]
    assert hosted.ask() == NEW
    assert "FailureReason" not in hosted.replace(hosted.old)


def test_an_alarm_during_a_rolling_update_keeps_the_old_model(hosted: Hosted) -> None:
    alarm, deployment = hosted.guard("ALARM")
    with pytest.raises(ClientError, match="between 5% and 50% of the copies"):
        hosted.replace(hosted.new, DeploymentConfig=deployment)
    after = hosted.replace(hosted.new, DeploymentConfig=deployment, RuntimeConfig={"CopyCount": 2})
    assert after["Specification"]["ModelName"] == hosted.old
    assert alarm in after["FailureReason"]
    assert after["LastDeploymentConfig"] == deployment


def test_an_error_of_the_engine_during_an_update_is_its_reason(hosted: Hosted) -> None:
    _, deployment = hosted.guard("OK")
    # The first call is that of UpdateInferenceComponent.
    with hosted.engine.faults({"call": "cloudwatch:DescribeAlarms", "error": "InternalServiceError", "skip": 1}):
        after = hosted.replace(hosted.new, DeploymentConfig=deployment, RuntimeConfig={"CopyCount": 2})
    assert after["Specification"]["ModelName"] == hosted.old
    assert (
        "InternalServerError: InternalServiceFault: An error occurred (InternalServiceError)" in after["FailureReason"]
    )


def test_a_request_wakes_a_component_without_copies_each_time(hosted: Hosted) -> None:
    scaling = hosted.engine.client("application-autoscaling")
    target: dict[str, Any] = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{hosted.name}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    policy = scaling.put_scaling_policy(
        **target, PolicyName="wake", PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step]},
    )  # fmt: skip
    hosted.engine.client("cloudwatch").put_metric_alarm(
        AlarmName=hosted.name, Namespace="AWS/SageMaker", MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": hosted.name}], Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )  # fmt: skip
    for _ in range(2):  # the second time, the alarm is in ALARM already
        hosted.scale(0)
        assert hosted.count_instances() == 0
        with pytest.raises(ClientError, match=NO_COPY) as refused:
            hosted.ask()
        answered: Any = refused.value.response
        assert (answered["Error"]["Code"], answered["ResponseMetadata"]["HTTPStatusCode"]) == ("ValidationError", 400)
        wait_until(hosted.describe_component, lambda one: one["RuntimeConfig"]["CurrentCopyCount"] == 1)
        hosted.settle_component()
        assert hosted.ask() == OLD
        assert hosted.count_instances() == 1


def test_a_first_component_that_does_not_start_is_failed_and_can_be_deleted(hosted: Hosted) -> None:
    name = hosted.create(hosted.model(BROKEN))
    assert hosted.settle_component(name)["InferenceComponentStatus"] == "Failed"
    hosted.sagemaker.delete_inference_component(InferenceComponentName=name)
    wait_until(lambda: hosted.is_deleted(name), bool)


def test_a_component_outlives_its_endpoint_and_blocks_its_name(engine: Engine) -> None:
    other = Hosted(engine)
    other.sagemaker.delete_endpoint(EndpointName=other.endpoint)
    wait_until(lambda: other.is_gone(other.endpoint), bool)
    assert other.describe_component()["InferenceComponentStatus"] == "InService"
    with pytest.raises(ClientError, match="Cannot create already existing inference component"):
        other.create(other.old, InferenceComponentName=other.name)
    other.sagemaker.delete_inference_component(InferenceComponentName=other.name)
    wait_until(lambda: other.is_deleted(other.name), bool)


def test_a_component_whose_endpoint_is_deleted_during_the_download_starts_no_process(engine: Engine) -> None:
    other = Hosted(engine)
    with engine.faults({"call": "s3:GetObject", "by": other.bucket, "hang": 1}):
        name = other.create(other.old)
        folder = engine.data / "sagemaker" / "us-east-1" / "components" / name
        wait_until(lambda: list(folder.glob("*/primary/model")), bool)
        other.sagemaker.delete_endpoint(EndpointName=other.endpoint)
        after = other.settle_component(name)
    assert (after["InferenceComponentStatus"], after["RuntimeConfig"]["CurrentCopyCount"]) == ("Failed", 0)
    assert after["FailureReason"] == f"The endpoint {other.endpoint} was deleted."
    assert list(folder.glob("*")) == []
    assert other.list_streams(f"/aws/sagemaker/InferenceComponents/{name}") == []
    other.scale(1)
    assert other.describe_component()["RuntimeConfig"]["CurrentCopyCount"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RuntimeConfig": {"CopyCount": 0}}, "must be larger than 0"),
        ({"EndpointName": "none"}, "Could not find endpoint"),
        ({"VariantName": "none"}, "Could not find the variant none"),
        ({"Specification": {"ModelName": "none", "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}}},
         "Could not find model"),
    ],
)  # fmt: skip
def test_a_component_that_aws_refuses_is_refused(hosted: Hosted, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        hosted.create(hosted.old, **changes)


def test_a_component_needs_an_endpoint_without_a_model_and_its_configuration_a_role(hosted: Hosted) -> None:
    with pytest.raises(ClientError, match="Could not assume role"):
        hosted.configure_bare()
    plain = hosted.begin(hosted.configure(AllTraffic=hosted.old))
    hosted.settle(plain)
    with pytest.raises(ClientError, match="a configuration that has no model"):
        hosted.create(hosted.old, EndpointName=plain)
    with pytest.raises(ClientError, match="header is not allowed"):
        hosted.invoke(plain, json.dumps([1]), InferenceComponentName=hosted.name)
    hosted.sagemaker.delete_endpoint(EndpointName=plain)
