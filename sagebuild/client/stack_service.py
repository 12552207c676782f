"""Finds the service of a deployed stack, and creates the AWS clients of a session."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sagebuild.builds.pipelines import bind_pipeline
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.stacks import list_stack_names
from sagebuild.errors import RegionError, StackNotFoundError
from sagebuild.service import Service
from sagebuild.stack_outputs import read_outputs, read_settings

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


def find_service(create_client: Callable[[str], Any], name: str, pipeline: str) -> tuple[Service, dict[str, str]]:
    """Return the service of a stack, bound to a pipeline, and the stack's outputs.

    Raises
    ------
    StackNotFoundError
        There is no such stack in this account and region.
    PipelineNotFoundError
        The stack has no such pipeline.
    """
    with translating_errors():
        described = _describe_stack(create_client, name)
        outputs = read_outputs(described)
        if missing := [key for key in _REQUIRED_OUTPUTS if key not in outputs]:
            raise StackNotFoundError(
                f"The stack {name} ({described['StackStatus']}) has no output {', '.join(missing)}. If it is a "
                "sagebuild stack, its deployment failed or is older than this client: deploy it again."
            )
        return bind_pipeline(Service(read_settings(described), create_client), pipeline), outputs


class Clients:
    """Creates the boto3 clients of one session, each once."""

    def __init__(self, session: boto3.session.Session) -> None:
        self._session = session
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = RLock()  # the page asks from several threads, and a session may not create clients in two

    def __call__(self, name: str, region: str | None = None) -> Any:
        """Return the client of an AWS service; default: of the session's region."""
        with self._lock:
            return self._find_or_create(name, region)

    def _find_or_create(self, name: str, region: str | None) -> Any:
        if (name, region) not in self._clients:
            config = Config(connect_timeout=10, read_timeout=70, retries={"mode": "standard", "max_attempts": 3})
            try:
                client = self._session.client(name, region, config=config)  # type: ignore[call-overload]
                _check_address(client.meta.endpoint_url)
            except ValueError as error:  # botocore's error for an address in its variables or its configuration file
                raise RegionError(
                    f"The address of an AWS service is not valid ({error}). AWS_ENDPOINT_URL, and endpoint_url in the "
                    "AWS configuration file, must be a URL such as http://127.0.0.1:4577."
                ) from None
            self._clients[name, region] = client
        return self._clients[name, region]


def _check_address(url: str) -> None:
    """Raise ValueError for an address that botocore accepts and no connection can have."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(url)


def _describe_stack(clients: Callable[[str], Any], name: str) -> StackTypeDef:
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
