"""Application Auto Scaling in local/ carries out step scaling of endpoints, and answers AWS's error codes."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_OWN, Host, wait_until
from tests.processes import await_end

VARIANT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/nobody-has-made/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
}


@pytest.mark.parametrize(
    ("operation", "more"), [("deregister_scalable_target", {}), ("delete_scaling_policy", {"PolicyName": "none"})]
)
def test_a_missing_target_or_policy_is_not_found(engine: Engine, operation: str, more: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="found for service namespace") as refused:
        getattr(engine.client("application-autoscaling"), operation)(**VARIANT, **more)
    assert refused.value.response["Error"]["Code"] == "ObjectNotFoundException"


class Queue:
    """An asynchronous endpoint that scales between zero and two instances."""

    def __init__(self, engine: Engine, model: str = "") -> None:
        self.host = Host(engine)
        self.autoscaling, self.cloudwatch = engine.client("application-autoscaling"), engine.client("cloudwatch")
        config = f"config-{uuid.uuid4().hex[:8]}"
        model = model or self.host.model(SERVE_OWN)
        instances = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        self.host.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": model, **instances}],
            AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{self.host.bucket}/answers"}},
        )
        self.endpoint = self.host.begin(config)
        self.variant = VARIANT | {"ResourceId": f"endpoint/{self.endpoint}/variant/AllTraffic"}
        assert self.host.settle(self.endpoint)["EndpointStatus"] == "InService"

    def wake_for_backlog(self) -> None:
        """Set the policy and the alarm of AWS's guide."""
        self.autoscaling.register_scalable_target(**self.variant, MinCapacity=0, MaxCapacity=2)
        policy = self.autoscaling.put_scaling_policy(
            **self.variant, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
        )
        self.cloudwatch.put_metric_alarm(
            AlarmName=self.endpoint, Namespace="AWS/SageMaker", MetricName="HasBacklogWithoutCapacity",
            Dimensions=[{"Name": "EndpointName", "Value": self.endpoint}], Statistic="Average", Period=60,
            EvaluationPeriods=2, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[policy["PolicyARN"]],
        )  # fmt: skip

    def scale(self, count: int) -> None:
        """Change the number of instances, as Application Auto Scaling does it."""
        self.host.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
        )
        self.host.settle(self.endpoint)

    def count(self) -> int:
        """The number of instances."""
        (variant,) = self.host.describe(self.endpoint)["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def ask(self) -> str:
        """Send one request; return the place of the answer."""
        answer = self.host.runtime.invoke_endpoint_async(
            EndpointName=self.endpoint,
            InputLocation=self.host.put("questions/1", "[1, 2]"),
            ContentType="application/json",
        )
        return str(answer["OutputLocation"])

    def alarm_state(self) -> str:
        """The state of the alarm."""
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[self.endpoint])["MetricAlarms"]
        return str(alarm["StateValue"])

    def is_answered(self, place: str) -> bool:
        """Whether an answer is there."""
        try:
            return bool(json.loads(self.host.read(place)) == {"prediction": [3, 6]})
        except ClientError:
            return False


@pytest.fixture
def queue(engine: Engine) -> Iterator[Queue]:
    queue = Queue(engine)
    yield queue
    queue.host.sagemaker.delete_endpoint(EndpointName=queue.endpoint)


def test_an_endpoint_without_instances_wakes_for_one_request(queue: Queue) -> None:
    queue.scale(0)
    assert queue.count() == 0
    place = queue.ask()
    assert not queue.is_answered(place)
    queue.wake_for_backlog()
    wait_until(lambda: queue.is_answered(place), bool)
    assert queue.count() == 1
    wait_until(queue.alarm_state, lambda state: state == "OK")


def test_a_policy_adds_no_instance_beyond_the_maximum(queue: Queue) -> None:
    queue.wake_for_backlog()
    queue.scale(2)
    queue.cloudwatch.set_alarm_state(AlarmName=queue.endpoint, StateValue="ALARM", StateReason="a test")
    queue.scale(1)
    queue.cloudwatch.set_alarm_state(AlarmName=queue.endpoint, StateValue="OK", StateReason="a test")
    queue.cloudwatch.set_alarm_state(AlarmName=queue.endpoint, StateValue="ALARM", StateReason="a test")
    wait_until(queue.count, lambda count: count == 2)
    queue.host.settle(queue.endpoint)


def test_a_deregistered_target_loses_its_policies(engine: Engine) -> None:
    client = engine.client("application-autoscaling")
    variant: dict[str, Any] = VARIANT | {"ResourceId": "endpoint/other/variant/AllTraffic"}
    client.register_scalable_target(**variant, MinCapacity=0, MaxCapacity=2)
    client.put_scaling_policy(
        **variant, PolicyName="own", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
    )
    client.deregister_scalable_target(**variant)
    assert client.describe_scaling_policies(**variant)["ScalingPolicies"] == []


def test_only_an_asynchronous_endpoint_can_have_no_instance(engine: Engine) -> None:
    host = Host(engine)
    endpoint = host.begin(host.configure(AllTraffic=host.model(SERVE_OWN)))
    host.settle(endpoint)
    with pytest.raises(ClientError, match="Only an asynchronous endpoint"):
        host.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}],
        )
    host.sagemaker.delete_endpoint(EndpointName=endpoint)


def test_an_instance_that_does_not_start_leaves_no_process(engine: Engine, tmp_path: Path) -> None:
    host, pid, broken = Host(engine), tmp_path / "pid", tmp_path / "broken"
    note_pid = f"open({str(pid)!r}, 'w').write(str(__import__('os').getpid()))"
    fail = f"assert not __import__('os').path.exists({str(broken)!r}), 'the model is torn'"
    scripts = [f"{SERVE_OWN}\ndef model_fn(folder):\n    {line}\n    return {{}}" for line in (note_pid, fail)]
    models = [host.sagemaker.describe_model(ModelName=host.model(script)) for script in scripts]
    names = [{"ContainerHostname": name} for name in ("first", "second")]
    parts = [model["PrimaryContainer"] | name for model, name in zip(models, names, strict=True)]
    name = f"pipeline-{uuid.uuid4().hex[:8]}"
    host.sagemaker.create_model(ModelName=name, Containers=parts, ExecutionRoleArn=host.role)
    queue = Queue(engine, name)
    queue.scale(0)
    broken.touch()
    queue.scale(1)
    described = queue.host.describe(queue.endpoint)
    assert (described["EndpointStatus"], queue.count()) == ("InService", 0)
    assert "did not pass the ping health check" in described["FailureReason"]
    assert await_end([int(pid.read_text())]) == []
