"""Makes a pipeline's schedule in EventBridge Scheduler the one that its parameter document describes.

Each call reads the document's present state, so repeated, late and reordered events all lead to the same schedule.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.pipelines import DEFAULT
from sagebuild.errors import AwsUnavailableError, ParameterError
from sagebuild.launch.triggers import REQUEST_SOURCE
from sagebuild.parameters.store import find_document, name_document
from sagebuild.service import Service, aws_call, suppress_code

_logger = logging.getLogger("sagebuild")
# Each further attempt follows a change of the document or of the schedule during the one before.
_ATTEMPTS = 5
# The schedule was created or deleted since it was read.
_CHANGED = ("ConflictException", "ResourceNotFoundException")


def apply_schedule(service: Service) -> None:
    """Create, update or delete the pipeline's schedule as its document says; an invalid document changes nothing.

    Raises
    ------
    AwsUnavailableError
        AWS did not answer, or others changed the document or the schedule all the time.
    """
    try:
        wanted = _read_wanted(service)
        for _ in range(_ATTEMPTS):
            written = _write(service, wanted)
            # A call that read the document earlier may have written in between; the last one to write is right.
            written_for, wanted = wanted, _read_wanted(service)
            if written and wanted == written_for:
                return
    except ParameterError as error:
        _logger.error("the schedule of %s stays as it is: %s", service.label, error)
        return
    raise AwsUnavailableError(f"The schedule of {service.label} changed during each attempt to write it; try again.")


def request_schedule(service: Service) -> None:
    """Have applySchedule check the pipeline's schedule in the background.

    Parameter Store reports changes "on a best effort basis", so that a change may be lost:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
    """
    if not (function := service.settings.apply_schedule_function):
        return
    try:
        with aws_call("check the schedule"):
            service.functions.invoke(
                FunctionName=function, InvocationType="Event", Payload=json.dumps({"pipeline": service.pipeline})
            )
    except AwsUnavailableError as error:  # no reason to fail a build
        _logger.warning("the schedule of %s was not checked: %s", service.label, error)


def delete_schedule(service: Service) -> None:
    """Delete the pipeline's schedule; do nothing when there is none."""
    with aws_call("delete the schedule"), suppress_code("ResourceNotFoundException"):
        service.scheduler.delete_schedule(**_locate(service))


def _locate(service: Service) -> dict[str, str]:
    """Return the names of the stack's schedule group and of the pipeline's schedule."""
    return {"GroupName": service.stack_name, "Name": service.pipeline or DEFAULT}


def _read_wanted(service: Service) -> dict[str, Any] | None:
    """Return the schedule that the document describes, as CreateSchedule takes it; None for no schedule."""
    text = find_document(service)
    if text is None:
        return None
    from sagebuild.parameters import parse_document  # the removal of a schedule needs no models

    parameters = parse_document(text, default_framework=service.settings.framework)
    if not parameters.schedule:
        return None
    return {
        "ScheduleExpression": parameters.schedule,
        "ScheduleExpressionTimezone": parameters.scheduletimezone or "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Description": f"Starts builds of {service.label}; edit schedule in {name_document(service)} instead.",
        "Target": {
            "Arn": service.settings.launch_queue_arn,
            "RoleArn": service.settings.schedule_role_arn,
            "Input": _build_input(service),
        },
    }


def _build_input(service: Service) -> str:
    """Build the message to the launch queue; Scheduler fills in the attributes in angle brackets.

    The id is the same for a repeated attempt, which then counts once; the execution-id differs for each attempt:
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    return json.dumps(
        {
            "source": REQUEST_SOURCE,
            "detail-type": f"{service.stack_name}/{service.pipeline}",
            "id": "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time>",
            "detail": {"trigger": "schedule", "detail": "<aws.scheduler.scheduled-time>"},
        }
    )


def _write(service: Service, wanted: dict[str, Any] | None) -> bool:
    """Write the schedule if it differs; return False when it was created or deleted at the same time.

    An unchanged schedule is not written, because a rate could begin again.
    """
    scheduler, present = service.scheduler, _find_schedule(service)
    if present == wanted or (present and wanted and _holds(present, wanted)):
        return True
    if wanted is None:
        write = scheduler.delete_schedule
    else:
        write = scheduler.update_schedule if present else scheduler.create_schedule
    try:
        with aws_call("write the schedule"):
            write(**_locate(service), **(wanted or {}))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ValidationException":
            raise ParameterError(f"EventBridge Scheduler refused it: {error.response['Error']['Message']}") from None
        if code not in _CHANGED:
            raise
        return False
    _logger.info("the schedule of %s is now %s", service.label, wanted["ScheduleExpression"] if wanted else "deleted")
    return True


def _find_schedule(service: Service) -> dict[str, Any] | None:
    with aws_call("read the schedule"):
        try:
            found: dict[str, Any] = service.scheduler.get_schedule(**_locate(service))
        except service.scheduler.exceptions.ResourceNotFoundException:
            return None
    return found


def _holds(present: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether a schedule has all wanted values; it may have more, such as the default retry policy."""
    return all(
        _holds(present.get(name, {}), value) if isinstance(value, dict) else present.get(name) == value
        for name, value in wanted.items()
    )
