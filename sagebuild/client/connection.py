"""Finds a deployed stack by its CloudFormation outputs, with your own credentials."""

from __future__ import annotations

import os
import re
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sagebuild.builds.pipelines import DEFAULT, bind_pipeline
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.stack import Stack
from sagebuild.client.stacks import list_stack_names
from sagebuild.errors import RegionError, StackNotFoundError
from sagebuild.names import DEFAULT_STACK
from sagebuild.service import Service

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

# The outputs that the client reads; other stacks and older deployments of sagebuild lack some of them.
_REQUIRED_OUTPUTS = (
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
    "SourceProject",
    "StateMachineArn",
    "TrainingRoleArn",
)


def connect(
    stack: str | None = None,
    *,
    region: str | None = None,
    profile: str | None = None,
    session: boto3.session.Session | None = None,
    pipeline: str | None = None,
) -> Stack:
    """Find a deployed stack.

    Parameters
    ----------
    stack
        The name of its CloudFormation stack; default: SAGEBUILD_STACK, or "sagebuild-dev".
    region
        Default: AWS_REGION, or the region of the profile.
    profile
        A profile of the AWS configuration files; default: AWS_PROFILE.
    session
        A boto3 session, instead of region and profile.
    pipeline
        The pipeline that the returned stack acts as, in any case; default: SAGEBUILD_PIPELINE, or "default".

    Returns
    -------
    Stack
        The stack, whose methods start, stop and show the builds of that pipeline.

    Raises
    ------
    StackNotFoundError
        There is no such stack in this account and region.
    CredentialsError
        There are no credentials, or AWS rejects them.
    RegionError
        No region is set, or AWS does not answer there.
    PipelineNotFoundError
        The stack has no such pipeline.
    """
    name = stack or os.environ.get("SAGEBUILD_STACK") or DEFAULT_STACK
    with translating_errors():
        session = session or boto3.session.Session(region_name=region or _read_region(), profile_name=profile)
        clients = Clients(session)
        described = _describe_stack(clients, name)
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}
    if missing := [key for key in _REQUIRED_OUTPUTS if key not in outputs]:
        raise StackNotFoundError(
            f"The stack {name} ({described['StackStatus']}) has no output {', '.join(missing)}. If it is a sagebuild "
            "stack, its deployment failed or is older than this client: deploy it again."
        )
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
    settings = {name_setting(key): value for key, value in (parameters | outputs).items()}
    settings |= {"STACK_NAME": described["StackName"], "STACK_ID": described["StackId"]}
    settings["AWS_REGION"] = described["StackId"].split(":")[3]
    with translating_errors():
        service = bind_pipeline(Service(settings, clients), pipeline or os.environ.get("SAGEBUILD_PIPELINE") or DEFAULT)
    return Stack(service, clients, outputs)


class Clients:
    """Creates the boto3 clients of one session, each once."""

    def __init__(self, session: boto3.session.Session) -> None:
        self._session = session
        self._clients: dict[str, Any] = {}
        self._lock = RLock()  # the page asks from several threads, and a session may not create clients in two

    def __call__(self, name: str) -> Any:
        """Return the client of an AWS service."""
        with self._lock:
            return self._find_or_create(name)

    def _find_or_create(self, name: str) -> Any:
        if name not in self._clients:
            config = Config(connect_timeout=10, read_timeout=70, retries={"mode": "standard", "max_attempts": 3})
            try:
                client = self._session.client(name, config=config)  # type: ignore[call-overload]
                _check_address(client.meta.endpoint_url)
            except ValueError as error:  # botocore's error for an address in its variables or its configuration file
                raise RegionError(
                    f"The address of an AWS service is not valid ({error}). AWS_ENDPOINT_URL, and endpoint_url in the "
                    "AWS configuration file, must be a URL such as http://127.0.0.1:4577."
                ) from None
            self._clients[name] = client
        return self._clients[name]


def _check_address(url: str) -> None:
    """Raise ValueError for an address that botocore accepts and no connection can have."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(url)


def _read_region() -> str | None:
    """Read AWS_REGION, which other AWS tools read too; boto3 reads only AWS_DEFAULT_REGION."""
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
    others = list_stack_names(clients)
    advice = (
        f"use --stack or SAGEBUILD_STACK to choose one of {', '.join(others)}"
        if others
        else "try another region (--region, AWS_REGION), or deploy it: sagebuild up"
    )
    raise StackNotFoundError(f"There is no stack {name} in {region}; {advice}.")


def name_setting(output: str) -> str:
    """Return an output's name as a setting: serverless.yml passes BuildsTable to functions as BUILDS_TABLE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", output).upper()
