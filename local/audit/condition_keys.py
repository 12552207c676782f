"""Derives the condition keys of one permission of a call: partition keys, events, and the tags of its resource."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from moto.dynamodb.exceptions import ResourceNotFoundException
from moto.dynamodb.models import dynamodb_backends
from moto.sagemaker.models import sagemaker_backends

from local import accounts
from local.audit.conditions import Context
from local.audit.resource_names import split_qualifier
from local.calls import Call

MOTO_NAMES = (
    "moto.dynamodb.models.dynamodb_backends",
    "moto.dynamodb.exceptions.ResourceNotFoundException",
    "moto.dynamodb.models.DynamoDBBackend.get_table",
    "moto.sagemaker.models.SageMakerModelBackend._get_resource_from_arn",
    "moto.sagemaker.models.sagemaker_backends",
)


def of_event(entry: dict[str, Any]) -> Context:
    """The keys of one entry of PutEvents: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html."""
    return {"events:source": str(entry.get("Source", "")), "events:detail-type": str(entry.get("DetailType", ""))}


def of_state_machine(call: Call) -> Context:
    """The version or alias that a call names, and None for one that it creates, which AWS does not document.

    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
    """
    if call.operation.name == "CreateStateMachineAlias":
        return {"states:StateMachineQualifier": None}
    members = ("stateMachineArn", "stateMachineVersionArn", "stateMachineAliasArn")
    found = [split_qualifier(str(call.parameters.get(name) or ""))[1] for name in members]
    return {"states:StateMachineQualifier": [each for each in found if each]} if any(found) else {}


def of_table(call: Call, table: str, request: Any) -> Context:
    """The partition keys of the items that a request of DynamoDB names; none for Scan.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html

    Parameters
    ----------
    table
        Its name or ARN.
    request
        The call's members, a part of a transaction, or the requests of a batch for this table.
    """
    try:
        attribute = dynamodb_backends[accounts.current()][call.region].get_table(table).hash_key_attr
    except ResourceNotFoundException:
        return {}
    if "IndexName" in request:
        return {}
    values = [value for key in _item_keys(request) for value in key.get(attribute, {}).values()]
    values += _queried_keys(request, attribute)
    return {"dynamodb:LeadingKeys": [str(value) for value in values]} if values else {}


def _item_keys(request: Any) -> Iterator[Any]:
    """The keys or items in a request, at any depth of a batch."""
    if isinstance(request, list):
        for each in request:
            yield from _item_keys(each)
        return
    yield from (request[name] for name in ("Key", "Item") if name in request)
    yield from request.get("Keys", [])
    for name in ("PutRequest", "DeleteRequest"):
        yield from _item_keys(request[name]) if name in request else ()


def _queried_keys(request: Any, attribute: str) -> Iterable[str]:
    """The partition key of a Query, from its key condition."""
    if isinstance(request, list):
        return []
    aliases = request.get("ExpressionAttributeNames", {})
    names = [attribute, *(alias for alias, name in aliases.items() if name == attribute)]
    pattern = rf"(?<![\w#:])(?:{'|'.join(map(re.escape, names))})\s*=\s*(:\w+)"
    found = re.search(pattern, request.get("KeyConditionExpression", ""))
    conditions = request.get("KeyConditions", {}).get(attribute, {}).get("AttributeValueList", [])
    values = [request["ExpressionAttributeValues"][found[1]]] if found else conditions
    return [str(text) for value in values for text in value.values()]


def of_resource(call: Call, arn: str | None) -> Context:
    """The tags of a resource of SageMaker, which its Create sets; aws:ResourceTag has the keys of all of them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
    """
    if call.prefix != "sagemaker" or arn is None or arn.count("/") != 1:
        return {}
    resource = None
    with suppress(Exception):  # moto raises several errors for a resource that does not exist
        resource = sagemaker_backends[accounts.current()][call.region]._get_resource_from_arn(arn)
    tags = {tag["Key"]: tag["Value"] for tag in getattr(resource, "tags", None) or []}
    return {"aws:ResourceTag": list(tags)} | {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
