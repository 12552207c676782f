"""Finds a deployed stack by its CloudFormation outputs, with a person's own credentials."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sagebuild.client.explanations import explaining
from sagebuild.client.stack import Stack
from sagebuild.errors import StackNotFoundError
from sagebuild.service import Service

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

DEFAULT_STACK = "sagebuild-dev"

# By these outputs a stack is known as sagebuild's; an older deployment lacks some.
_NEEDED = (
    "BuildsTable",
    "CodeBucket",
    "DataBucket",
    "Framework",
    "HostingRoleArn",
    "ImageLogGroup",
    "ImageProject",
    "ImageRepositoryUri",
    "LaunchTopicArn",
    "ModelBucket",
    "ParametersName",
    "StateMachineArn",
    "TrainingRoleArn",
)


def connect(
    stack: str | None = None,
    *,
    region: str | None = None,
    profile: str | None = None,
    session: boto3.session.Session | None = None,
) -> Stack:
    """Find a deployed stack.

    Parameters
    ----------
    stack
        The name of its CloudFormation stack; default: what SAGEBUILD_STACK says, or "sagebuild-dev".
    region
        Default: as for every AWS tool, AWS_REGION or the profile's.
    profile
        Of the AWS configuration files; default: AWS_PROFILE.
    session
        In place of region and profile.

    Raises
    ------
    StackNotFoundError
        There is no such stack in this account and region.
    CredentialsError
        There are no credentials, or AWS does not take them.
    RegionError
        No region is set, or nothing answers there.
    """
    name = stack or os.environ.get("SAGEBUILD_STACK") or DEFAULT_STACK
    with explaining():
        session = session or boto3.session.Session(region_name=region or _region(), profile_name=profile)
        clients = Clients(session)
        described = _describe_stack(clients, name)
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}
    if lacking := [key for key in _NEEDED if key not in outputs]:
        raise StackNotFoundError(
            f"The stack {name} has no output {', '.join(lacking)}; it is none of sagebuild's, "
            f"or its deployment is older than this client or has failed ({described['StackStatus']}): deploy it again."
        )
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
    settings = {name_setting(key): value for key, value in (parameters | outputs).items()}
    settings |= {"STACK_NAME": described["StackName"], "STACK_ID": described["StackId"]}
    settings["AWS_REGION"] = described["StackId"].split(":")[3]
    return Stack(Service(settings, clients), clients, outputs)


class Clients:
    """Makes the boto3 clients of one session, each once."""

    def __init__(self, session: boto3.session.Session) -> None:
        self._session = session
        self._made: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """The client of an AWS service."""
        if name not in self._made:
            config = Config(connect_timeout=10, read_timeout=70, retries={"mode": "standard", "max_attempts": 3})
            self._made[name] = self._session.client(name, config=config)  # type: ignore[call-overload]
        return self._made[name]


def _region() -> str | None:
    """boto3 itself reads AWS_DEFAULT_REGION alone; the other tools read this one, too."""
    return os.environ.get("AWS_REGION") or None


def _describe_stack(clients: Clients, name: str) -> StackTypeDef:
    cloudformation = clients("cloudformation")
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]  # type: ignore[no-any-return]
    except ClientError as error:
        # ValidationError is CloudFormation's answer for a stack that does not exist.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
    region = cloudformation.meta.region_name
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    others = sorted(_name_ours(stack for page in pages for stack in page["Stacks"]))
    advice = (
        f"sagebuild's there: {', '.join(others)} (--stack, SAGEBUILD_STACK)"
        if others
        else "look in another region (--region, AWS_REGION), or deploy it: npx serverless deploy"
    )
    raise StackNotFoundError(f"There is no stack {name} in {region}; {advice}.")


def _name_ours(stacks: Iterable[StackTypeDef]) -> list[str]:
    return [
        stack["StackName"]
        for stack in stacks
        if {"BuildsTable", "LaunchTopicArn"} <= {output["OutputKey"] for output in stack.get("Outputs", [])}
    ]


def name_setting(output: str) -> str:
    """BuildsTable is what serverless.yml gives to functions as BUILDS_TABLE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", output).upper()
