"""EventBridge: rules, and the connections and API destinations of their targets."""

from local.cloudformation.errors import ResourceError
from local.cloudformation.providers.base import Attributes, Provider, Task, delete_if_exists, document, tag_list

_DESTINATION = "Description HttpMethod InvocationEndpoint InvocationRateLimitPerSecond"


def _put_rule(task: Task) -> Attributes:
    pattern = {"EventPattern": document(task["EventPattern"])} if "EventPattern" in task.properties else {}
    given = task.pick("Name EventBusName ScheduleExpression State Description RoleArn")
    arn = task.api.put_rule(**given, **pattern)["RuleArn"]
    task.retag(
        lambda tags: task.api.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
        lambda keys: task.api.untag_resource(ResourceARN=arn, TagKeys=keys),
    )
    bus = f"{task['EventBusName']}|" if task.get("EventBusName", "default") != "default" else ""
    return {"Ref": bus + task["Name"], "Arn": arn, "RuleName": task["Name"]}


def _put_targets(task: Task) -> None:
    rule = {"Rule": task["Name"], **task.pick("EventBusName")}
    targets = task.get("Targets", [])
    removed_ids = {target["Id"] for target in task.before.get("Targets", [])} - {target["Id"] for target in targets}
    if removed_ids:
        delete_if_exists(task.api.remove_targets, **rule, Ids=sorted(removed_ids))
    failed = task.api.put_targets(**rule, Targets=targets)["FailedEntries"] if targets else []
    if failed:
        raise ResourceError(f"Target {failed[0]['TargetId']}: {failed[0]['ErrorMessage']}")


def _delete_rule(task: Task) -> None:
    bus = task.pick("EventBusName")
    if ids := [target["Id"] for target in task.get("Targets", [])]:
        delete_if_exists(task.api.remove_targets, Rule=task["Name"], Ids=ids, **bus)
    task.api.delete_rule(Name=task["Name"], **bus)


def _create_connection(task: Task) -> Attributes:
    given = task.pick("Name Description AuthorizationType", AuthParameters={})
    arn = task.api.create_connection(**given)["ConnectionArn"]
    return _describe_connection(task, arn)


def _update_connection(task: Task) -> Attributes:
    given = task.pick("AuthorizationType AuthParameters", Description="")
    return _describe_connection(task, task.api.update_connection(Name=task.physical_id, **given)["ConnectionArn"])


def _describe_connection(task: Task, arn: str) -> Attributes:
    secret = task.api.describe_connection(Name=task["Name"])["SecretArn"]
    return {"Ref": task["Name"], "Arn": arn, "ArnForPolicy": arn.rpartition("/")[0], "SecretArn": secret}


def _create_destination(task: Task) -> Attributes:
    answer = task.api.create_api_destination(**task.pick(f"Name ConnectionArn {_DESTINATION}"))
    arn = answer["ApiDestinationArn"]
    return {"Ref": task["Name"], "Arn": arn, "ArnForPolicy": arn.rpartition("/")[0]}


def _update_destination(task: Task) -> None:
    task.api.update_api_destination(Name=task.physical_id, **task.pick(f"ConnectionArn {_DESTINATION}", Description=""))


def _put_policy(task: Task) -> Attributes:
    statement = {**task["Statement"], "Sid": task["StatementId"]}
    policy = document({"Version": "2012-10-17", "Statement": [statement]})
    task.api.put_permission(Policy=policy, **task.pick("EventBusName"))
    return {"Ref": task["StatementId"]}


PROVIDERS = {
    "AWS::Events::Rule": Provider(
        "events",
        "Name EventBusName EventPattern ScheduleExpression State Description RoleArn Targets Tags",
        _put_rule,
        _delete_rule,
        _put_targets,
        _put_rule,
        name="Name",
    ),
    "AWS::Events::EventBusPolicy": Provider(
        "events",
        "EventBusName Statement StatementId",
        _put_policy,
        lambda task: task.api.remove_permission(StatementId=task.physical_id, **task.pick("EventBusName")),
        update=_put_policy,
    ),
    "AWS::Events::Connection": Provider(
        "events",
        "Name Description AuthorizationType AuthParameters",
        _create_connection,
        lambda task: task.api.delete_connection(Name=task.physical_id),
        update=_update_connection,
        name="Name",
    ),
    "AWS::Events::ApiDestination": Provider(
        "events",
        f"Name ConnectionArn {_DESTINATION}",
        _create_destination,
        lambda task: task.api.delete_api_destination(Name=task.physical_id),
        update=_update_destination,
        name="Name",
    ),
}
