"""Refuses policies that name a resource of another partition, as IAM does."""

import json
import re
from collections.abc import Iterator
from typing import Any

from local import partitions
from local.calls import Call
from local.errors import RefusedError

_ARN = re.compile(r"arn:([a-z-]+):")


def check(call: Call) -> None:
    """Raise RefusedError for a policy with an ARN of another partition; ``arn:*`` fits all.

    The wording: https://github.com/hashicorp/terraform-provider-aws/pull/8639
    """
    if call.prefix != "iam" or "PolicyDocument" not in call.parameters:
        return
    own = partitions.current()
    for resource in _list_resources(str(call.parameters["PolicyDocument"])):
        found = _ARN.match(resource)
        if found and found[1] != own:
            message = f'Partition "{found[1]}" is not valid for resource "{resource}".'
            raise RefusedError("MalformedPolicyDocument", message, 400)


def _list_resources(document: str) -> Iterator[str]:
    try:
        statements: Any = json.loads(document)["Statement"]
    except (ValueError, KeyError, TypeError):  # the call itself refuses it
        return
    for statement in statements if isinstance(statements, list) else [statements]:
        for name in ("Resource", "NotResource"):
            given = statement.get(name, [])
            yield from map(str, given if isinstance(given, list) else [given])
