"""A stack that does not exist, for checks of a project without AWS."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.client.examination import Examination
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.partitions import find_partition
from sagebuild.project.folder_objects import refuse_client
from sagebuild.service import Service

_ACCOUNT = "000000000000"
_NAME = "sagebuild-dev"
_REGION = "us-east-1"


class OfflineExamination(Examination):
    """The first build of a project in a new stack, without any call to AWS."""

    @property
    def context(self) -> BuildContext[BuildParameters]:
        """The first build."""
        return BuildContext(self.service, 1, self.parameters)

    @property
    def parameters(self) -> BuildParameters:
        """The parameters in the document."""
        return _parse(str(self.document))


def open_offline(region: str | None) -> Service:
    """Return a service with the names of a new stack, whose calls are refused.

    Parameters
    ----------
    region
        Default: AWS_REGION or AWS_DEFAULT_REGION, else us-east-1.
    """
    chosen = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION

    def create_client(name: str) -> Any:
        if name == "dynamodb":
            return _NoBuilds()
        if name != "sagemaker":
            return refuse_client(name)
        # Its service model has the rules for requests; no call leaves this machine.
        client = boto3.session.Session(region_name=chosen).client("sagemaker")
        client.meta.events.register("before-call.sagemaker", _refuse_call)
        return client

    partition = find_partition(chosen)
    role = f"arn:{partition.name}:iam::{_ACCOUNT}:role/{_NAME}"
    settings = {
        "AWS_REGION": chosen,
        "STACK_NAME": _NAME,
        "STACK_ID": f"arn:{partition.name}:cloudformation:{chosen}:{_ACCOUNT}:stack/{_NAME}/00000000-0000",
        "FRAMEWORK": "SCIKIT",
        "DATA_BUCKET": f"{_NAME}-data",
        "CODE_BUCKET": f"{_NAME}-code",
        "BUILDS_TABLE": f"{_NAME}-builds",
        "MODEL_BUCKET": f"{_NAME}-model",
        "TRAINING_ROLE_ARN": f"{role}-training",
        "HOSTING_ROLE_ARN": f"{role}-hosting",
        "IMAGE_REPOSITORY_URI": f"{_ACCOUNT}.dkr.ecr.{chosen}.{partition.domain}/{_NAME}",
    }
    return Service(settings, create_client)


class _NoBuilds:
    """A DynamoDB client of a new stack, which has no builds."""

    def get_paginator(self, name: str) -> Any:
        """Return a paginator without items."""
        return self if name == "query" else refuse_client("dynamodb")

    def paginate(self, **_request: Any) -> list[dict[str, list[Any]]]:
        """Return one empty page."""
        return [{"Items": []}]

    def __getattr__(self, name: str) -> Any:
        return refuse_client("dynamodb")


def _refuse_call(model: Any, **_given: Any) -> None:
    """Answer that there is no endpoint, and refuse all other calls."""
    if model.name == "DescribeEndpoint":
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "no endpoint"}}, model.name)
    refuse_client("sagemaker")


@cache
def _parse(text: str) -> BuildParameters:
    return parse_document(text)
