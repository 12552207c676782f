"""CloudWatch alarms: moto stores them; this module reports their state changes to EventBridge and to topics.

Metrics are not evaluated: only SetAlarmState changes a state.
"""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

from local import config

MOTO_NAMES = (
    "moto.cloudwatch.models.Alarm.update_state",
    "moto.cloudwatch.models.CloudWatchBackend.set_alarm_state",
    "moto.cloudwatch.models.cloudwatch_backends",
)
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

    models.cloudwatch_backends.backend = CloudWatchBackend


def _send_state_change(alarm: Any, before: str) -> None:
    from local import events
    from local.messaging import senders
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
        Delivery(f"alarm {alarm.name} to {action}", partial(senders.publish, action, message, subject)).start()


def _describe(alarm: Any, before: str, time: str) -> dict[str, Any]:
    """The message to a topic."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": config.ACCOUNT,
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
