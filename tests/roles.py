"""What a test gives services: roles that may do everything, and queues and topics to which they may send."""

import json
import uuid
from typing import Any

from tests.engine import Engine

EVERYTHING: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def create_role(engine: Engine, *services: str, name: str = "", statement: dict[str, Any] = EVERYTHING) -> str:
    """Create a role.

    Parameters
    ----------
    services
        The services that may assume it, such as ``lambda``.
    name
        Its name; by default a new one.
    statement
        What it may do.

    Returns
    -------
    str
        Its ARN.
    """
    iam, name = engine.client("iam"), name or f"role-{uuid.uuid4().hex[:8]}"
    principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_write(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_write(statement))
    return str(role["Arn"])


def _write(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _open(action: str) -> dict[str, str]:
    principal = {"Service": [f"{service}.amazonaws.com" for service in ("events", "lambda", "s3", "sns")]}
    return {"Policy": _write({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"})}


# The attributes of a queue and of a topic to which services may send.
OPEN_QUEUE, OPEN_TOPIC = _open("sqs:SendMessage"), _open("sns:Publish")
