"""Sends messages of services to queues, topics and functions, through this engine's endpoint."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from local import accounts, clients, config
from local.audit import services


class NotPermittedError(Exception):
    """A function's policy does not let the service invoke it for this source."""


def _client(service: str, arn: str, role_arn: str | None = None) -> Any:
    """A client in the region and the account of a receiver."""
    with accounts.acting_in(accounts.of_arn(arn)):
        return clients.client(service, region_of(arn), role_arn)


def region_of(arn: str) -> str:
    """The region in an ARN."""
    return arn.split(":")[3]


def queue_url(arn: str) -> str:
    """The URL of a queue by its ARN."""
    *_, account, name = arn.split(":")
    return f"{config.current().endpoint_url}/{account}/{name}"


def send_to_queue(
    arn: str,
    body: str,
    attributes: Mapping[str, str] | None = None,
    *,
    role_arn: str | None = None,
    group_id: str | None = None,
) -> None:
    """Send a message with string attributes to a queue."""
    fifo = {"MessageGroupId": group_id} if group_id else {}
    _client("sqs", arn, role_arn).send_message(
        QueueUrl=queue_url(arn),
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
        },
        **fifo,
    )


def check_policy(service: str, source_arn: str, receiver: str) -> None:
    """Audit a message of a service to a queue or topic.

    Raises
    ------
    NotPermittedError
        When the receiver's policy does not allow it: with ``--enforce-iam``, or if the receiver is in another account.
    """
    verdict = services.check(service, source_arn, receiver)
    is_elsewhere = accounts.of_arn(source_arn) != accounts.of_arn(receiver)
    if (is_elsewhere or config.current().enforce_iam) and not verdict.allowed:
        raise NotPermittedError(f"{service} may not send to {receiver}: {verdict.reason}")


def publish(arn: str, message: str, subject: str | None = None, *, role_arn: str | None = None) -> None:
    """Publish a message to a topic."""
    optional = {"Subject": subject} if subject else {}
    _client("sns", arn, role_arn).publish(TopicArn=arn, Message=message, **optional)


def invoke(arn: str, payload: str, *, role_arn: str | None = None) -> None:
    """Invoke a function asynchronously."""
    _client("lambda", arn, role_arn).invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())


def check_queue(arn: str) -> None:
    """Raise ClientError if a queue does not exist."""
    _client("sqs", arn).get_queue_attributes(QueueUrl=queue_url(arn))


def check_topic(arn: str) -> None:
    """Raise ClientError if a topic does not exist."""
    _client("sns", arn).get_topic_attributes(TopicArn=arn)


def check_function(arn: str, service: str, source_arn: str) -> None:
    """Check that a service may invoke a function.

    Parameters
    ----------
    arn
        The function's ARN, which may be qualified.
    service
        The principal, such as ``sns.amazonaws.com``.
    source_arn
        The topic, rule or bucket.

    Raises
    ------
    ClientError
        When there is no such function.
    NotPermittedError
        When no statement of its policy permits this principal and source.
    """
    client = _client("lambda", arn)
    try:
        statements = json.loads(client.get_policy(FunctionName=arn)["Policy"])["Statement"]
    except client.exceptions.ResourceNotFoundException:
        client.get_function_configuration(FunctionName=arn)  # fails if there is no such function
        statements = []
    if not any(_permits(statement, arn, service, source_arn) for statement in statements):
        raise NotPermittedError(f"the policy of {arn} does not let {service} invoke it for {source_arn}")


def invoke_as_service(arn: str, payload: str, service: str, source_arn: str) -> None:
    """Invoke a function asynchronously as a service, if `check_function` permits it."""
    check_function(arn, service, source_arn)
    invoke(arn, payload)


def _permits(statement: dict[str, Any], arn: str, service: str, source_arn: str) -> bool:
    principal = statement["Principal"]
    named = principal == "*" or (isinstance(principal, dict) and principal.get("Service") == service)
    conditions = [
        (key.lower(), pattern)
        for operator in statement.get("Condition", {}).values()
        for key, pattern in operator.items()
    ]
    given = {"aws:sourcearn": source_arn, "aws:sourceaccount": accounts.of_arn(source_arn)}
    return (
        statement["Effect"] == "Allow"
        and named
        and statement["Resource"] == arn.removesuffix(":$LATEST")
        and statement["Action"] in ("lambda:InvokeFunction", "lambda:*")
        and all(fnmatchcase(given.get(key, ""), pattern) for key, pattern in conditions)
    )
