"""Resolves dynamic references to Secrets Manager, only in the properties of a resource that is created or updated.

The stack keeps the reference. So no template, event or description has the secret, and a secret that changes updates
nothing: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html.
"""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from local import clients
from local.cloudformation.errors import ResourceError
from local.cloudformation.stacks import Stack

# {{resolve:secretsmanager:ID:SecretString:KEY:STAGE:VERSION}}, in which all after the name or ARN is optional.
_REFERENCE = re.compile(
    r"\{\{resolve:secretsmanager:(?P<id>(?:arn:[^:}]*:secretsmanager:[^:}]*:[^:}]*:secret:)?[^:}]+)"
    r"(?::(?P<kind>[^:}]*))?(?::(?P<key>[^:}]*))?(?::(?P<stage>[^:}]*))?(?::(?P<version>[^:}]*))?\}\}"
)


def resolve(stack: Stack, value: Any) -> Any:
    """The value with the secrets in place of the references at any depth, read as the stack's operation.

    Raises
    ------
    ResourceError
        When a secret does not exist, may not be read, or has no such key.
    """
    if isinstance(value, dict):
        return {name: resolve(stack, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolve(stack, inner) for inner in value]
    return _REFERENCE.sub(lambda found: _read(stack, found), value) if isinstance(value, str) else value


def _read(stack: Stack, found: "re.Match[str]") -> str:
    if found["kind"] not in (None, "", "SecretString"):
        raise ResourceError(f"Secrets Manager has no {found['kind']}; a reference reads SecretString")
    versions = {"VersionStage": found["stage"], "VersionId": found["version"]}
    client = clients.client("secretsmanager", stack.region, stack.role_arn, stack.access_key)
    try:
        text = client.get_secret_value(SecretId=found["id"], **{name: each for name, each in versions.items() if each})
    except ClientError as error:
        raise ResourceError(str(error)) from error
    secret = str(text["SecretString"])
    if not found["key"]:
        return secret
    try:
        return str(json.loads(secret)[found["key"]])
    except (ValueError, TypeError, KeyError):
        raise ResourceError(
            f"Could not find a value associated with JSONKey in SecretString of {found['id']}"
        ) from None
