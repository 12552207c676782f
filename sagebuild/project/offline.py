"""A stack that does not exist, for checks of a project without AWS."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3

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
        # Its service model has the rules for requests; no call is made.
        session = boto3.session.Session(region_name=chosen)
        return session.client("sagemaker") if name == "sagemaker" else refuse_client(name)

    partition = find_partition(chosen)
    role = f"arn:{partition.name}:iam::{_ACCOUNT}:role/{_NAME}"
    settings = {
        "AWS_REGION": chosen,
        "STACK_NAME": _NAME,
        "STACK_ID": f"arn:{partition.name}:cloudformation:{chosen}:{_ACCOUNT}:stack/{_NAME}/00000000-0000",
        "FRAMEWORK": "SCIKIT",
        "DATA_BUCKET": f"{_NAME}-data",
        "CODE_BUCKET": f"{_NAME}-code",
        "MODEL_BUCKET": f"{_NAME}-model",
        "TRAINING_ROLE_ARN": f"{role}-training",
        "HOSTING_ROLE_ARN": f"{role}-hosting",
        "IMAGE_REPOSITORY_URI": f"{_ACCOUNT}.dkr.ecr.{chosen}.{partition.domain}/{_NAME}",
    }
    return Service(settings, create_client)


@cache
def _parse(text: str) -> BuildParameters:
    return parse_document(text)
