"""EventBridge Scheduler: moto stores the schedules; this module runs them, and refuses what AWS refuses.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/
"""

import itertools
import json
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from local import clients
from local.messaging import senders

MOTO_NAMES = (
    "moto.scheduler.exceptions.ScheduleExists",
    "moto.scheduler.exceptions.ValidationException",
    "moto.scheduler.models.EventBridgeSchedulerBackend.create_schedule",
    "moto.scheduler.models.EventBridgeSchedulerBackend.create_schedule_group",
    "moto.scheduler.models.EventBridgeSchedulerBackend.delete_schedule_group",
    "moto.scheduler.models.EventBridgeSchedulerBackend.get_schedule_group",
    "moto.scheduler.models.EventBridgeSchedulerBackend.update_schedule",
    "moto.scheduler.models.scheduler_backends",
)


def install() -> None:
    """Replace moto's Scheduler by this one."""
    from moto.scheduler import models
    from moto.scheduler.exceptions import ScheduleExists, ValidationException

    from local.events.expressions import InvalidExpressionError, Timetable, parse

    def check(request: dict[str, Any]) -> Timetable:
        target = request["target"]
        if target["Arn"].split(":")[2] not in _SENDERS:
            served = ", ".join(_SENDERS)
            raise ValidationException(f"local/ delivers schedules to {served}, not to {target['Arn']}")
        if not clients.role_exists(target["RoleArn"]):
            raise ValidationException(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            )
        try:
            return parse(request["schedule_expression"], request["schedule_expression_timezone"] or "UTC")
        except InvalidExpressionError as error:
            raise ValidationException(str(error)) from None

    class EventBridgeSchedulerBackend(models.EventBridgeSchedulerBackend):  # type: ignore[misc]
        """moto's Scheduler, with schedules that run."""

        __module__ = models.EventBridgeSchedulerBackend.__module__

        def create_schedule(self, **request: Any) -> Any:
            """Create a schedule in an existing group, and run it."""
            self.get_schedule_group(request["group_name"])
            timetable = check(request)
            schedule = super().create_schedule(**request)
            _start(self, schedule, timetable)
            return schedule

        def update_schedule(self, **request: Any) -> Any:
            """Replace a schedule's values, and run it from now on with the new ones."""
            self.get_schedule(request["group_name"], request["name"])
            timetable = check(request)
            schedule = super().update_schedule(**request | {"state": request["state"] or "ENABLED"})
            _start(self, schedule, timetable)
            return schedule

        def create_schedule_group(self, name: str, tags: list[dict[str, str]]) -> Any:
            """Create a group with a new name."""
            if name in self.schedule_groups:
                raise ScheduleExists(name)
            return super().create_schedule_group(name, tags)

        def delete_schedule_group(self, name: str | None) -> None:
            """Delete a group with its schedules."""
            self.get_schedule_group(name)
            super().delete_schedule_group(name)

    models.scheduler_backends.backend = EventBridgeSchedulerBackend


def _start(backend: Any, schedule: Any, timetable: Any) -> None:
    """Run a schedule until it is changed or deleted; a rate without a StartDate begins at once, as on AWS."""
    from local.events.expressions import Rate
    from local.events.schedules import Run

    schedule.run = token = object()

    def is_current() -> bool:
        group = backend.schedule_groups.get(schedule.group_name)
        return bool(group and group.schedules.get(schedule.name) is schedule and schedule.run is token)

    def finish() -> None:
        if schedule.action_after_completion == "DELETE":
            backend.delete_schedule(schedule.group_name, schedule.name)

    Run(timetable, partial(_fire, schedule), is_current, finish).start(at_once=isinstance(timetable, Rate))


def _fire(schedule: Any, at: datetime) -> None:
    from local.messaging.delivery import DEFAULT_RETRIES, Delivery

    if schedule.state != "ENABLED":
        return
    target, attempts = schedule.target, itertools.count(1)

    def send() -> None:
        body = _build_input(schedule, at, next(attempts))
        _SENDERS[target["Arn"].split(":")[2]](target, body)

    queue = target.get("DeadLetterConfig", {}).get("Arn")
    Delivery(
        f"schedule {schedule.arn} to {target['Arn']}",
        send,
        (lambda _failure: senders.send_to_queue(queue, _build_input(schedule, at, 1))) if queue else None,
        target["RetryPolicy"].get("MaximumRetryAttempts", DEFAULT_RETRIES),
    ).start()


def _build_input(schedule: Any, at: datetime, attempt: int) -> str:
    """The target's input, with the values of the context attributes.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    from local.events.bus import describe

    region = schedule.arn.split(":")[3]
    default = json.dumps(describe("aws.scheduler", "Scheduled Event", [schedule.arn], {}, region))
    text = str(schedule.target.get("Input") or default)
    for name, value in {
        "schedule-arn": schedule.arn,
        "scheduled-time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": uuid.uuid4().hex[:16],  # one for each attempt
        "attempt-number": str(attempt),
    }.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _send(target: dict[str, Any], body: str) -> None:
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    senders.send_to_queue(target["Arn"], body, role_arn=target["RoleArn"], group_id=group)


def _put_event(target: dict[str, Any], body: str) -> None:
    """Send an event to a bus: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html."""
    parameters = target["EventBridgeParameters"]
    client = clients.client("events", senders.region_of(target["Arn"]), target["RoleArn"])
    client.put_events(
        Entries=[
            {
                "EventBusName": target["Arn"].partition("event-bus/")[2],
                "Source": parameters["Source"],
                "DetailType": parameters["DetailType"],
                "Detail": body,
            }
        ]
    )


_SENDERS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "events": _put_event,
    "sqs": _send,
    "lambda": lambda target, body: senders.invoke(target["Arn"], body, role_arn=target["RoleArn"]),
    "sns": lambda target, body: senders.publish(target["Arn"], body, role_arn=target["RoleArn"]),
}
