"""CloudWatch alarms: moto stores them; this module evaluates them and reports their state changes.

An alarm on one metric is evaluated when PutMetricData brings a value, with its statistic of the period so far; instead
of a percentile, the newest value counts. Missing data change no state. Reports go to EventBridge, topics and scaling
policies.
"""

import json
import operator
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from statistics import fmean
from typing import Any

from local import accounts, config

MOTO_NAMES = (
    "moto.cloudwatch.models.Alarm.update_state",
    "moto.cloudwatch.models.CloudWatchBackend.put_metric_data",
    "moto.cloudwatch.models.CloudWatchBackend.set_alarm_state",
    "moto.cloudwatch.models.cloudwatch_backends",
)
_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": fmean,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}
_ACTIONS = {"ALARM": "alarm_actions", "OK": "ok_actions", "INSUFFICIENT_DATA": "insufficient_data_actions"}


def install() -> None:
    """Replace moto's alarms by these."""
    from moto.cloudwatch import models

    class CloudWatchBackend(models.CloudWatchBackend):  # type: ignore[misc]
        """moto's CloudWatch, which also sends state changes."""

        __module__ = models.CloudWatchBackend.__module__

        def set_alarm_state(self, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
            """Set a state, and report it if it changed."""
            alarm = self.alarms.get(alarm_name)
            before = alarm and alarm.state_value
            super().set_alarm_state(alarm_name, reason, reason_data, state_value)
            if alarm and before != state_value:
                _send_state_change(alarm, before)

        def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
            """Store values, and evaluate the alarms on their metrics."""
            super().put_metric_data(namespace, metric_data)
            for datum in metric_data:
                watching = [alarm for alarm in list(self.alarms.values()) if _watches(alarm, namespace, datum)]
                for alarm in watching if "Value" in datum else []:
                    _evaluate(self, alarm, float(datum["Value"]))

    models.cloudwatch_backends.backend = CloudWatchBackend


def _evaluate(backend: Any, alarm: Any, value: float) -> None:
    state = _add_value(alarm, value)
    if state == alarm.state_value == "ALARM":
        _repeat_scaling(alarm)
    elif state and state != alarm.state_value:
        backend.set_alarm_state(alarm.name, f"The value is {value:g}.", "{}", state)


def _watches(alarm: Any, namespace: str, datum: dict[str, Any]) -> bool:
    dimensions = {(one["Name"], one["Value"]) for one in datum.get("Dimensions") or []}
    watched = {(one.name, one.value) for one in alarm.dimensions}
    return bool((alarm.namespace, alarm.metric_name, watched) == (namespace, datum["MetricName"], dimensions))


def _add_value(alarm: Any, value: float) -> str | None:
    """Add a value; return the state that follows, or None if there are too few values."""
    periods: list[tuple[float, list[float]]] = alarm.__dict__.setdefault("local_periods", [])
    moment = time.monotonic()
    if periods and moment - periods[-1][0] < config.scale_seconds(alarm.period) * 0.9:
        periods[-1][1].append(value)
    else:
        periods.append((moment, [value]))
    del periods[: -int(alarm.evaluation_periods)]
    values = _list_values(alarm)
    compare = _COMPARISONS.get(alarm.comparison_operator)
    if compare is None:
        return None
    breaching = sum(bool(compare(one, float(alarm.threshold))) for one in values)
    if breaching >= int(alarm.datapoints_to_alarm or alarm.evaluation_periods):
        return "ALARM"
    return "OK" if len(values) >= int(alarm.evaluation_periods) else None


def _list_values(alarm: Any) -> list[float]:
    """The statistic of each of the last periods, oldest first."""
    compute = _STATISTICS.get(alarm.statistic)
    periods: list[tuple[float, list[float]]] = alarm.__dict__.get("local_periods", [])
    return [compute(values) if compute else values[-1] for _, values in periods]


def _send_state_change(alarm: Any, before: str) -> None:
    from local import events
    from local.messaging.delivery import Delivery

    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"
    detail = {
        "alarmName": alarm.name,
        "state": {"value": alarm.state_value, "reason": alarm.state_reason, "timestamp": time},
        "previousState": {"value": before},
        "configuration": {"description": alarm.description},
    }
    events.emit("aws.cloudwatch", "CloudWatch Alarm State Change", [alarm.alarm_arn], detail, alarm.region_name)
    message = json.dumps(_describe(alarm, before, time))
    subject = f'{alarm.state_value}: "{alarm.name}" in {alarm.region_name}'
    for action in getattr(alarm, _ACTIONS[alarm.state_value]) if alarm.actions_enabled else []:
        send = partial(_publish, alarm, action, message, subject)
        if action.split(":")[2] == "autoscaling":
            send = partial(_scale, alarm, action)
        Delivery(f"alarm {alarm.name} to {action}", send).start()


def _repeat_scaling(alarm: Any) -> None:
    """Carry out the scaling policies of an alarm that stays in ALARM, as CloudWatch does it each minute.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """
    from local.messaging.delivery import Delivery

    for action in alarm.alarm_actions if alarm.actions_enabled else []:
        if action.split(":")[2] == "autoscaling":
            Delivery(f"alarm {alarm.name} to {action}", partial(_scale, alarm, action, repeated=True)).start()


def _publish(alarm: Any, topic: str, message: str, subject: str) -> None:
    from local.messaging import senders

    senders.check_policy("cloudwatch.amazonaws.com", alarm.alarm_arn, topic)
    senders.publish(topic, message, subject)


def _scale(alarm: Any, policy: str, *, repeated: bool = False) -> None:
    from local import scaling

    values = _list_values(alarm) or [float(alarm.threshold)]  # SetAlarmState brings no value
    scaling.run_policy(policy, values[-1] - float(alarm.threshold), repeated=repeated)


def _describe(alarm: Any, before: str, time: str) -> dict[str, Any]:
    """The message to a topic."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": accounts.current(),
        "AlarmArn": alarm.alarm_arn,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": time,
        "Region": alarm.region_name,
        "OldStateValue": before,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "Threshold": alarm.threshold,
            "ComparisonOperator": alarm.comparison_operator,
        },
    }
