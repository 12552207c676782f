"""Finds the permissions that a call needs: IAM actions, resources and condition keys.

The source is AWS's Service Authorization Reference. The resource is ``*`` for an action without resource types there:
only a statement about ``*`` can allow it. The resource is None when this engine does not derive its ARN.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local import accounts
from local.audit import condition_keys, encryption, resources
from local.audit.conditions import Context
from local.callers import Caller
from local.calls import Call

# Operations with another name in IAM, or that need no permission ("").
_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteBucketCors": "s3:PutBucketCORS",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sts:GetCallerIdentity": "",
    "sts:GetSessionToken": "",
}
# Operations that need a second action for the same resource. The Service Authorization Reference has an action of the
# operation's own name, and the page of the operation asks for the second one:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
_SECOND_ACTIONS = {"sagemaker:InvokeEndpointWithResponseStream": "sagemaker:InvokeEndpoint"}
_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
# Condition keys whose value is a member of the request.
_KEYS = {
    "application-autoscaling:service-namespace": "ServiceNamespace",
    "lambda:FunctionArn": "FunctionArn",
    "s3:delimiter": "Delimiter",
    "s3:prefix": "Prefix",
    "ssm:Overwrite": "Overwrite",
    "sts:ExternalId": "ExternalId",
    "sts:RoleSessionName": "RoleSessionName",
}
_ROLE_MEMBERS = ("role", "rolearn", "executionrolearn", "servicerole", "servicerolearn")


@dataclass(frozen=True, slots=True)
class Permission:
    """An action on a resource, with the condition keys of this permission only."""

    action: str
    resource: str | None
    context: Context = field(default_factory=dict, compare=False)


def of(call: Call) -> Iterator[Permission]:
    """Every permission that the caller needs for a call."""
    if call.action in ("dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"):
        yield from _transaction(call)
        return
    if call.action in ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"):
        yield from _batch(call)
        return
    action = _ACTIONS.get(call.action, call.action)
    if not action:
        return
    named = list(resources.of(call))
    actions = [action, _SECOND_ACTIONS[action]] if action in _SECOND_ACTIONS else [action]
    for index, resource in enumerate(named):
        yield from (Permission(each, resource, _context_of(call, resource, index)) for each in actions)
    yield from _additional(call, named[0])


def _additional(call: Call, resource: str | None) -> Iterator[Permission]:
    """The permissions that a call needs for other resources, and for the tags and versions of its own."""
    if call.prefix == "s3" and "CopySource" in call.parameters:
        yield Permission("s3:GetObject", resources.copied_object(call.parameters["CopySource"]))
    yield from (Permission(*needed) for needed in encryption.of_objects(call))
    if _ACTIONS.get(call.action, call.action) == "s3:DeleteObject":
        # In addition: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        yield from (Permission("s3:DeleteObjectVersion", each) for each in resources.deleted_versions(call))
    if call.prefix == "sagemaker" and call.operation.name.startswith("Create") and call.parameters.get("Tags"):
        yield Permission("sagemaker:AddTags", resource)
    if call.prefix == "states" and call.parameters.get("publish") is True:
        # https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
        yield Permission("states:PublishStateMachineVersion", resource)
    if call.prefix not in ("iam", "sts"):
        for role in passed_roles(call.parameters):
            yield Permission("iam:PassRole", role, {"iam:PassedToService": f"{call.prefix}.amazonaws.com"})


def context(call: Call, caller: Caller | None = None) -> Context:
    """The condition keys of all permissions of a call, by default of its own caller.

    The loopback interface counts as TLS, so ``aws:SecureTransport`` is true.
    """
    keys: Context = {
        "aws:SecureTransport": "true",
        "aws:PrincipalAccount": call.account,
        "aws:ResourceAccount": accounts.current(),
        "aws:RequestedRegion": call.region,
    }
    caller = caller or call.caller
    if caller.arn:
        kind = "AssumedRole" if caller.role_arn else "User"
        keys |= {"aws:PrincipalArn": caller.arn, "aws:PrincipalType": kind}
    tags = _tags(call.parameters)
    if tags:
        keys |= {"aws:TagKeys": list(tags)} | {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    for key, member in _KEYS.items():
        if member in call.parameters:
            value = call.parameters[member]
            keys[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return keys


def _context_of(call: Call, resource: str | None, index: int) -> Context:
    """The condition keys of one of a call's resources, which `resources.of` returns at this index."""
    if call.action == "events:PutEvents":
        return condition_keys.of_event(call.parameters["Entries"][index])
    if call.prefix == "dynamodb" and "TableName" in call.parameters:
        return condition_keys.of_table(call, str(call.parameters["TableName"]), call.parameters)
    if call.prefix == "states":
        return condition_keys.of_state_machine(call)
    return condition_keys.of_resource(call, resource) | encryption.of_call(call)


def _transaction(call: Call) -> Iterator[Permission]:
    for item in call.parameters.get("TransactItems", []):
        for kind, part in item.items():
            action = _TRANSACTED.get(kind, "GetItem")
            name = part.get("TableName", "")
            keys = condition_keys.of_table(call, name, part)
            yield Permission(f"dynamodb:{action}", resources.table(call, name), keys)


def _batch(call: Call) -> Iterator[Permission]:
    for name, requests in call.parameters.get("RequestItems", {}).items():
        keys = condition_keys.of_table(call, name, requests)
        yield Permission(call.action, resources.table(call, name), keys)


def passed_roles(parameters: Any) -> Iterator[str]:
    """The roles that a request passes to the service, at any depth."""
    if isinstance(parameters, list):
        for item in parameters:
            yield from passed_roles(item)
    elif isinstance(parameters, dict):
        for name, value in parameters.items():
            if name.lower() in _ROLE_MEMBERS and isinstance(value, str) and ":role/" in value:
                yield value
            yield from passed_roles(value)


def _tags(parameters: dict[str, Any]) -> dict[str, str]:
    given = parameters.get("Tags", parameters.get("tags"))
    if isinstance(given, dict):
        return {str(key): str(value) for key, value in given.items()}
    pairs = given if isinstance(given, list) else []
    return {str(pair.get("Key", pair.get("key"))): str(pair.get("Value", pair.get("value"))) for pair in pairs}
