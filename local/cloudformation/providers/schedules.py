"""EventBridge Scheduler."""

from local.cloudformation.providers.base import Attributes, Provider, Task, tag_list

_SCHEDULE = (
    "Name GroupName Description ScheduleExpression ScheduleExpressionTimezone FlexibleTimeWindow Target State "
    "StartDate EndDate KmsKeyArn"
)


def _create_schedule(task: Task) -> Attributes:
    return {"Ref": task["Name"], "Arn": task.api.create_schedule(**task.pick(_SCHEDULE))["ScheduleArn"]}


def _update_schedule(task: Task) -> None:
    task.api.update_schedule(**task.pick(_SCHEDULE))


def _create_schedule_group(task: Task) -> Attributes:
    arn = task.api.create_schedule_group(**task.pick("Name"), Tags=tag_list(task.tags))["ScheduleGroupArn"]
    return {"Ref": task["Name"], "Arn": arn, "State": "ACTIVE"}


def _update_schedule_group(task: Task) -> None:
    arn = task.api.get_schedule_group(Name=task.physical_id)["Arn"]
    task.retag(
        lambda tags: task.api.tag_resource(ResourceArn=arn, Tags=tag_list(tags)),
        lambda keys: task.api.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


PROVIDERS = {
    "AWS::Scheduler::ScheduleGroup": Provider(
        "scheduler",
        "Name Tags",
        _create_schedule_group,
        lambda task: task.api.delete_schedule_group(Name=task.physical_id),
        update=_update_schedule_group,
        name="Name",
    ),
    "AWS::Scheduler::Schedule": Provider(
        "scheduler",
        _SCHEDULE,
        _create_schedule,
        lambda task: task.api.delete_schedule(**task.pick("Name GroupName")),
        update=_update_schedule,
        name="Name",
    ),
}
