"""Finds a deployed stack by its CloudFormation outputs, with your own credentials."""

from __future__ import annotations

import os

import boto3

from sagebuild.builds.pipelines import DEFAULT
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.stack import Stack
from sagebuild.client.stack_service import Clients, find_service
from sagebuild.names import DEFAULT_STACK


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
        service, outputs = find_service(clients, name, pipeline or os.environ.get("SAGEBUILD_PIPELINE") or DEFAULT)
    return Stack(service, clients, outputs)


def _read_region() -> str | None:
    """Read AWS_REGION, which other AWS tools read too; boto3 reads only AWS_DEFAULT_REGION."""
    return os.environ.get("AWS_REGION") or None
