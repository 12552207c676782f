"""Deployment guardrails in local/: traffic shifts in steps, and back if an alarm is raised."""

import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.guardrails import read_policy
from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_OWN, Host, wait_until

OLD, NEW = b'{"prediction": [3]}', b'{"prediction": [5]}'
ONE = {"Type": "INSTANCE_COUNT", "Value": 1}


class Guarded(Host):
    """An endpoint with an old configuration, a new configuration, and an alarm."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.alarms = engine.client("cloudwatch")
        self.alarm = f"errors-{uuid.uuid4().hex[:8]}"
        self.alarms.put_metric_alarm(
            AlarmName=self.alarm, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Statistic="Sum",
            Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        self.old, self.new = self.scale(SERVE_OWN), self.scale(SERVE_OWN.replace("3", "5"))
        self.name = self.begin(self.old)
        self.settle(self.name)

    def scale(self, script: str, variant: str = "main") -> str:
        """Create a configuration with two instances; return its name."""
        config = f"config-{uuid.uuid4().hex[:8]}"
        described = {"VariantName": variant, "ModelName": self.model(script), "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[described | {"InitialInstanceCount": 2}]
        )
        return config

    def shift(self, config: str, kind: str, wait: int, *, alarm: str = "", last: int = 0, **size: Any) -> None:
        """Start an update."""
        routing = {"Type": kind, "WaitIntervalInSeconds": wait} | size
        policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": last}
        self.sagemaker.update_endpoint(
            EndpointName=self.name,
            EndpointConfigName=config,
            DeploymentConfig={
                "BlueGreenUpdatePolicy": policy,
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm or self.alarm}]},
            },
        )

    def set_alarm(self, state: str) -> None:
        """Set the state of the alarm."""
        self.alarms.set_alarm_state(AlarmName=self.alarm, StateValue=state, StateReason="a test's")

    def wait_until_baking(self) -> None:
        """Wait until a part of the traffic has shifted."""
        wait_until(lambda: self.describe(self.name), lambda one: "'Baking'" in str(one.get("PendingDeploymentSummary")))

    def answers(self) -> set[bytes]:
        """The different answers to many requests."""
        return {self.invoke(self.name, b"[1]") for _ in range(40)}


@pytest.fixture(scope="module")
def guarded(engine: Engine) -> Guarded:
    return Guarded(engine)


def test_an_alarm_during_a_canary_rolls_back(guarded: Guarded) -> None:
    guarded.set_alarm("OK")
    guarded.shift(guarded.new, "CANARY", 1200, CanarySize=ONE)
    guarded.wait_until_baking()
    assert guarded.answers() == {OLD, NEW}
    guarded.set_alarm("ALARM")
    described = guarded.settle(guarded.name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", guarded.old)
    assert guarded.alarm in described["FailureReason"]
    assert "PendingDeploymentSummary" not in described
    assert guarded.answers() == {OLD}


def test_linear_steps_shift_all_traffic(guarded: Guarded) -> None:
    guarded.set_alarm("OK")
    begin = time.monotonic()
    guarded.shift(guarded.new, "LINEAR", 10, last=20, LinearStepSize=ONE)
    described = guarded.settle(guarded.name)
    assert (described["EndpointConfigName"], "FailureReason" in described) == (guarded.new, False)
    assert time.monotonic() - begin > (10 + 10 + 20) / 20  # divided by the engine's time scale
    assert guarded.answers() == {NEW}


def test_an_alarm_after_the_last_step_rolls_back(guarded: Guarded) -> None:
    guarded.set_alarm("ALARM")
    before = guarded.describe(guarded.name)["EndpointConfigName"]
    guarded.shift(guarded.scale(SERVE_OWN), "ALL_AT_ONCE", 60)
    described = guarded.settle(guarded.name)
    assert described["EndpointConfigName"] == before
    assert guarded.alarm in described["FailureReason"]


@pytest.mark.parametrize(
    ("kind", "size", "alarm", "variant", "refusal"),
    [
        ("CANARY", {"CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60}}, "", "main", "at most 50%"),
        ("LINEAR", {"LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 5}}, "", "main", "10-50%"),
        ("CANARY", {}, "", "main", "CANARY needs a size"),
        ("ALL_AT_ONCE", {}, "absent", "main", "These alarms do not exist: absent"),
        ("ALL_AT_ONCE", {}, "", "other", "the same names as the present ones"),
    ],
)
def test_invalid_guardrails_are_refused(
    guarded: Guarded, kind: str, size: Any, alarm: str, variant: str, refusal: str
) -> None:
    config = guarded.scale(SERVE_OWN, variant)
    with pytest.raises(ClientError, match=refusal):
        guarded.shift(config, kind, 60, alarm=alarm, **size)
    assert guarded.describe(guarded.name)["EndpointStatus"] == "InService"


def test_rolling_updates_are_refused(guarded: Guarded) -> None:
    policy: Any = {"MaximumBatchSize": ONE, "WaitIntervalInSeconds": 60}
    with pytest.raises(ClientError, match="local/ does not support RollingUpdatePolicy"):
        guarded.sagemaker.update_endpoint(
            EndpointName=guarded.name,
            EndpointConfigName=guarded.new,
            DeploymentConfig={"RollingUpdatePolicy": policy},
        )


@pytest.mark.parametrize(
    ("routing", "shares"),
    [
        ({"Type": "ALL_AT_ONCE"}, [1]),
        ({"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}}, [0.1, 1]),
        ({"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 33}}, [0.33, 0.66, 0.99, 1]),
        ({"Type": "LINEAR", "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 2}}, [0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_the_steps_of_a_shift(routing: Any, shares: list[float]) -> None:
    update = {"TrafficRoutingConfiguration": routing | {"WaitIntervalInSeconds": 1}}
    policy = read_policy({"BlueGreenUpdatePolicy": update}, {"InitialInstanceCount": 10})
    assert policy.shares == pytest.approx(shares)
