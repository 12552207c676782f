"""S3 buckets and their policies."""

from typing import Any

from local import partitions
from local.cloudformation.errors import ResourceError
from local.cloudformation.providers.base import Attributes, Provider, Task, delete_if_exists, document, tag_list

_UNCHANGED_IN_RULE = ["Status", "Prefix", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"]
_EXPIRATION = {
    "ExpirationInDays": "Days",
    "ExpirationDate": "Date",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}


def _create_bucket(task: Task) -> Attributes:
    name = task["BucketName"]
    place = {} if task.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": task.region}}
    task.api.create_bucket(Bucket=name, **place)
    domain = partitions.domain(task.region)
    return {
        "Ref": name,
        "Arn": f"arn:{partitions.of(task.region)}:s3:::{name}",
        "DomainName": f"{name}.s3.{domain}",
        "RegionalDomainName": f"{name}.s3.{task.region}.{domain}",
    }


def _configure_bucket(task: Task) -> None:
    bucket = {"Bucket": task.physical_id}
    for name, (put, argument, convert, delete) in _BUCKET_SETTINGS.items():
        if not task.changed(name):
            continue
        if task.get(name):
            getattr(task.api, put)(**bucket, **{argument: convert(task[name])})
        elif delete:
            delete_if_exists(getattr(task.api, delete), **bucket)
        else:
            getattr(task.api, put)(**bucket, **{argument: convert({})})


def _encryption(value: dict[str, Any]) -> dict[str, Any]:
    names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    rules = value["ServerSideEncryptionConfiguration"]
    return {"Rules": [{names.get(key, key): item for key, item in rule.items()} for rule in rules]}


def _lifecycle(value: dict[str, Any]) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(dict(rule)) for rule in value["Rules"]]}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {name: rule.pop(name) for name in _UNCHANGED_IN_RULE if name in rule}
    if "Id" in rule:
        converted["ID"] = rule.pop("Id")
    if expiration := {name: rule.pop(key) for key, name in _EXPIRATION.items() if key in rule}:
        converted["Expiration"] = expiration
    for key, days in (("Transitions", "Days"), ("NoncurrentVersionTransitions", "NoncurrentDays")):
        names = {"TransitionInDays": days, "TransitionDate": "Date"}
        if key in rule:
            converted[key] = [{names.get(k, k): v for k, v in item.items()} for item in rule.pop(key)]
    if "Prefix" not in converted:
        tags = rule.pop("TagFilters", [])
        converted["Filter"] = {"And": {"Tags": tags}} if tags else {"Prefix": ""}
    if rule:
        raise ResourceError(f"local/ does not serve {sorted(rule)} of a bucket's lifecycle rule")
    return converted


def _notification(value: dict[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for kind, (target, argument) in _NOTIFICATIONS.items():
        entries = value.get(kind, [])
        if entries:
            converted[target] = [
                {argument: entry[kind.removesuffix("Configurations").replace("Lambda", "Function")]}
                | {"Events": [entry["Event"]]}
                | _key_filter(entry.get("Filter"))
                for entry in entries
            ]
    if value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
        converted["EventBridgeConfiguration"] = {}
    return converted


def _key_filter(value: dict[str, Any] | None) -> dict[str, Any]:
    return {"Filter": {"Key": {"FilterRules": value["S3Key"]["Rules"]}}} if value else {}


_NOTIFICATIONS = {
    "LambdaConfigurations": ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    "QueueConfigurations": ("QueueConfigurations", "QueueArn"),
    "TopicConfigurations": ("TopicConfigurations", "TopicArn"),
}

# By property: the call that sets it, its argument, the conversion to the argument, the call that deletes it.
_BUCKET_SETTINGS: dict[str, tuple[str, str, Any, str]] = {
    "BucketEncryption": (
        "put_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        _encryption,
        "delete_bucket_encryption",
    ),
    "VersioningConfiguration": (
        "put_bucket_versioning",
        "VersioningConfiguration",
        lambda value: value or {"Status": "Suspended"},
        "",
    ),
    "PublicAccessBlockConfiguration": (
        "put_public_access_block",
        "PublicAccessBlockConfiguration",
        dict,
        "delete_public_access_block",
    ),
    "OwnershipControls": (
        "put_bucket_ownership_controls",
        "OwnershipControls",
        dict,
        "delete_bucket_ownership_controls",
    ),
    "LifecycleConfiguration": (
        "put_bucket_lifecycle_configuration",
        "LifecycleConfiguration",
        _lifecycle,
        "delete_bucket_lifecycle",
    ),
    "NotificationConfiguration": (
        "put_bucket_notification_configuration",
        "NotificationConfiguration",
        _notification,
        "",
    ),
    "Tags": ("put_bucket_tagging", "Tagging", lambda tags: {"TagSet": tag_list(tags)}, "delete_bucket_tagging"),
}


def _put_bucket_policy(task: Task) -> None:
    task.api.put_bucket_policy(Bucket=task["Bucket"], Policy=document(task["PolicyDocument"]))


PROVIDERS = {
    "AWS::S3::Bucket": Provider(
        "s3",
        f"BucketName {' '.join(_BUCKET_SETTINGS)}",
        _create_bucket,
        lambda task: task.api.delete_bucket(Bucket=task.physical_id),
        _configure_bucket,
        name="BucketName",
        lower=True,
    ),
    "AWS::S3::BucketPolicy": Provider(
        "s3",
        "Bucket PolicyDocument",
        lambda task: {"Ref": task["Bucket"]},
        lambda task: task.api.delete_bucket_policy(Bucket=task["Bucket"]),
        _put_bucket_policy,
    ),
}
