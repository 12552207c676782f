"""Deployment guardrails: shifts an endpoint's traffic to the new servers in steps, and back if an alarm is raised."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.exceptions import ValidationError

from local import clients, config
from local.sagemaker.resources import Json, refuse

_POLL_SECONDS = 0.1  # between two reads of the alarms


@dataclass(frozen=True)
class Policy:
    """The settings of a DeploymentConfig.

    Parameters
    ----------
    shares
        The new servers' share of the traffic in each step; the last is 1.
    wait, last_wait
        Seconds of watching the alarms after each step, and after the last one.
    timeout
        Maximum seconds of the whole update.
    alarms
        The names of the alarms.
    """

    shares: tuple[float, ...] = (1.0,)
    wait: float = 0.0
    last_wait: float = 0.0
    timeout: float | None = None
    alarms: tuple[str, ...] = ()


def read_policy(deployment: Json | None, variant: Json) -> Policy:
    """The policy of UpdateEndpoint's DeploymentConfig; raise ValidationError if it is invalid or unsupported."""
    refuse(deployment or {}, ["RollingUpdatePolicy"], "UpdateEndpoint")
    given = deployment or {}
    alarms = _read_alarms(given)
    update = given.get("BlueGreenUpdatePolicy")
    if not update:
        return Policy(alarms=alarms)
    routing = update["TrafficRoutingConfiguration"]
    wait = float(routing["WaitIntervalInSeconds"])
    # A canary has no interval after its last step.
    last_wait = 0.0 if routing["Type"] == "CANARY" else wait
    return Policy(
        shares=tuple(_read_shares(routing, variant)),
        wait=wait,
        last_wait=last_wait + float(update.get("TerminationWaitInSeconds") or 0),
        timeout=update.get("MaximumExecutionTimeoutInSeconds"),
        alarms=alarms,
    )


def read_rolling_policy(deployment: Json, copies: int) -> Policy:
    """The policy of UpdateInferenceComponent's DeploymentConfig; raise ValidationError if a step is too large.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentRollingUpdatePolicy.html
    """
    rolling = deployment["RollingUpdatePolicy"]
    size = rolling["MaximumBatchSize"]
    step = size["Value"] / (100 if size["Type"] == "CAPACITY_PERCENT" else copies or 1)
    if not 0.05 <= step <= 0.5:
        raise ValidationError(
            message=f"The MaximumBatchSize is {size['Value']} of {copies} copies by {size['Type']}; it must be between "
            "5% and 50% of the copies."
        )
    wait = float(rolling["WaitIntervalInSeconds"])
    return Policy(
        shares=(*(step * number for number in range(1, math.ceil(1 / step))), 1.0),
        wait=wait,
        last_wait=wait,
        timeout=rolling.get("MaximumExecutionTimeoutInSeconds"),
        alarms=_read_alarms(deployment),
    )


def _read_alarms(deployment: Json) -> tuple[str, ...]:
    rollback: Json = deployment.get("AutoRollbackConfiguration") or {}
    return tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms") or [])


def _read_shares(routing: Json, variant: Json) -> Iterator[float]:
    kind = routing["Type"]
    size = routing.get({"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind, ""))
    if kind != "ALL_AT_ONCE":
        count = variant.get("InitialInstanceCount")
        if not count or not size:
            raise ValidationError(message=f"{kind} needs a size, and a variant with instances.")
        step = size["Value"] / (100 if size["Type"] == "CAPACITY_PERCENT" else count)
        least = 0.1 if kind == "LINEAR" else 0.0
        if not least <= step <= 0.5 or count < 2:
            raise ValidationError(
                message=f"The {kind} size is {size['Value']} of {count} instances by {size['Type']}; it must be "
                f"{'10-50%' if kind == 'LINEAR' else 'at most 50%'} of the instances."
            )
        share = step
        while share < 0.999:
            yield share
            share = 1.0 if kind == "CANARY" else share + step
    yield 1.0


class Shift:
    """The traffic shift of one update.

    Parameters
    ----------
    policy
        The steps and alarms.
    region
        The region of the alarms.
    role_arn
        The role that reads the alarms.
    """

    def __init__(self, policy: Policy, region: str, role_arn: str) -> None:
        self.share = 0.0
        self.stage = "Creating"
        self._policy = policy
        self._cloudwatch: Any = clients.client("cloudwatch", region, role_arn) if policy.alarms else None

    def check_alarms(self) -> None:
        """Raise ValidationError if an alarm does not exist."""
        if missing := set(self._policy.alarms) - self._read_states().keys():
            raise ValidationError(message=f"These alarms do not exist: {', '.join(sorted(missing))}.")

    def run(self) -> str:
        """Shift the traffic; return the reason for a rollback, or ""."""
        limit = self._policy.timeout
        deadline = time.monotonic() + config.scale_seconds(limit) if limit else float("inf")
        for share in self._policy.shares:
            self.stage, self.share = "ActivatingTraffic", share
            self.stage = "Baking"
            wait = self._policy.last_wait if share == 1.0 else self._policy.wait
            reason = self._watch(config.scale_seconds(wait), deadline)
            if reason:
                return reason
        return ""

    def _watch(self, seconds: float, deadline: float) -> str:
        end = time.monotonic() + seconds
        while True:
            raised = sorted(name for name, state in self._read_states().items() if state == "ALARM")
            if raised:
                return (
                    f"The deployment was rolled back because the alarms {raised} went into ALARM while traffic "
                    "shifted to the new instances."
                )
            if time.monotonic() >= deadline:
                return f"The deployment was rolled back because it took more than {self._policy.timeout} seconds."
            if time.monotonic() >= end:
                return ""
            time.sleep(min(_POLL_SECONDS, max(0.0, end - time.monotonic())))

    def _read_states(self) -> dict[str, str]:
        if not self._policy.alarms:
            return {}
        answer = self._cloudwatch.describe_alarms(AlarmNames=list(self._policy.alarms))
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}
