"""The options of a pipeline's schedule, which applySchedule writes to EventBridge Scheduler."""

from typing import Annotated

from pydantic import Field

from sagebuild.parameters.groups import StrictModel
from sagebuild.parameters.schedule_kinds import ScheduleExpression, TimeZone


class ScheduleOptions(StrictModel):
    """When builds of the pipeline start by themselves."""

    schedule: Annotated[str | None, ScheduleExpression()] = Field(
        default=None,
        description="Starts builds regularly: rate(7 days) or cron(0 6 ? * MON *). A rate starts its first build at "
        "once. Default: no schedule.",
    )
    scheduletimezone: Annotated[str | None, TimeZone()] = Field(
        default=None, description="Time zone of schedule, such as Europe/Berlin. Default: UTC."
    )
