"""DynamoDB tables and SSM parameters."""

from typing import Any

from local.cloudformation.providers.base import Attributes, Provider, Task, tag_list

_TABLE_SETTINGS = "BillingMode ProvisionedThroughput DeletionProtectionEnabled TableClass"
_TABLE_KEYS = "TableName KeySchema AttributeDefinitions GlobalSecondaryIndexes LocalSecondaryIndexes"


def _table_extras(task: Task) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if stream := task.get("StreamSpecification"):
        extras["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}
    if encryption := task.get("SSESpecification"):
        extras["SSESpecification"] = {{"SSEEnabled": "Enabled"}.get(k, k): v for k, v in encryption.items()}
    return extras


def _table_attributes(table: dict[str, Any]) -> Attributes:
    streams = {"StreamArn": table["LatestStreamArn"]} if "LatestStreamArn" in table else {}
    return {"Ref": table["TableName"], "Arn": table["TableArn"], **streams}


def _create_table(task: Task) -> Attributes:
    given = task.pick(f"{_TABLE_KEYS} {_TABLE_SETTINGS}")
    return _table_attributes(
        task.api.create_table(**given, **_table_extras(task), Tags=tag_list(task.tags))["TableDescription"]
    )


def _update_table(task: Task) -> Attributes:
    table = {"TableName": task.physical_id}
    for change in _index_changes(task):
        task.api.update_table(**table, **task.pick("AttributeDefinitions"), GlobalSecondaryIndexUpdates=[change])
    settings = {name: task[name] for name in _TABLE_SETTINGS.split() if name in task.properties and task.changed(name)}
    if task.changed("DeletionProtectionEnabled"):
        settings["DeletionProtectionEnabled"] = task.get("DeletionProtectionEnabled", False)
    if task.changed("StreamSpecification", "SSESpecification"):
        settings |= _table_extras(task)
        if "StreamSpecification" in task.before and "StreamSpecification" not in task.properties:
            settings["StreamSpecification"] = {"StreamEnabled": False}
    if settings:
        task.api.update_table(**table, **settings)
    attributes = _table_attributes(task.api.describe_table(**table)["Table"])
    task.retag(
        lambda tags: task.api.tag_resource(ResourceArn=attributes["Arn"], Tags=tag_list(tags)),
        lambda keys: task.api.untag_resource(ResourceArn=attributes["Arn"], TagKeys=keys),
    )
    return attributes


def _index_changes(task: Task) -> list[dict[str, Any]]:
    after = {index["IndexName"]: index for index in task.get("GlobalSecondaryIndexes", [])}
    before = {index["IndexName"]: index for index in task.before.get("GlobalSecondaryIndexes", [])}
    deleted = [{"Delete": {"IndexName": name}} for name in before if before[name] != after.get(name)]
    return deleted + [{"Create": after[name]} for name in after if after[name] != before.get(name)]


def _configure_table(task: Task) -> None:
    table = {"TableName": task.physical_id}
    if task.changed("TimeToLiveSpecification"):
        former = task.before.get("TimeToLiveSpecification", {})
        ttl = task.get("TimeToLiveSpecification", {**former, "Enabled": False})
        task.api.update_time_to_live(**table, TimeToLiveSpecification=ttl)
    if task.changed("PointInTimeRecoverySpecification"):
        recovery = task.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
        task.api.update_continuous_backups(**table, PointInTimeRecoverySpecification=recovery)


_PARAMETER = "Name Type Value Description Tier AllowedPattern DataType Policies"


def _create_parameter(task: Task) -> Attributes:
    task.api.put_parameter(**task.pick(_PARAMETER), Tags=tag_list(task.tags))
    return {"Ref": task["Name"], **task.pick("Type Value")}


def _update_parameter(task: Task) -> Attributes:
    task.api.put_parameter(**task.pick(_PARAMETER), Overwrite=True)
    kind = {"ResourceType": "Parameter", "ResourceId": task.physical_id}
    task.retag(
        lambda tags: task.api.add_tags_to_resource(**kind, Tags=tag_list(tags)),
        lambda keys: task.api.remove_tags_from_resource(**kind, TagKeys=keys),
    )
    return {"Ref": task["Name"], **task.pick("Type Value")}


PROVIDERS = {
    "AWS::DynamoDB::Table": Provider(
        "dynamodb",
        f"{_TABLE_KEYS} {_TABLE_SETTINGS} StreamSpecification SSESpecification TimeToLiveSpecification "
        "PointInTimeRecoverySpecification Tags",
        _create_table,
        lambda task: task.api.delete_table(TableName=task.physical_id),
        _configure_table,
        _update_table,
        name="TableName",
        replaces="LocalSecondaryIndexes",
    ),
    "AWS::SSM::Parameter": Provider(
        "ssm",
        f"{_PARAMETER} Tags",
        _create_parameter,
        lambda task: task.api.delete_parameter(Name=task.physical_id),
        update=_update_parameter,
        name="Name",
    ),
}
