"""Finds what a new AWS account lacks: CodeBuild's concurrency, and the role with which AWS scales endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from sagebuild.client.examination import Examination
from sagebuild.images.byod import list_images_to_build

# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html; resources/images.yml defines the environment.
CODEBUILD_QUOTA = "Concurrently running builds for Linux/Medium environment"
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def examine_new_account(examined: Examination) -> Iterator[tuple[str, str]]:
    """Yield a finding's state and text for each thing that the next build needs and the account does not have."""
    parameters = examined.context.parameters
    uses_codebuild = list_images_to_build(parameters) or getattr(parameters, "git_config", None)
    if uses_codebuild and _read_concurrency(examined) == 0:
        yield (
            "error",
            f"the account's CodeBuild quota '{CODEBUILD_QUOTA}' is 0, as in some new accounts, so no image can be "
            "built; request an increase in the Service Quotas console.",
        )
    if parameters.autoscaling and not _has_role(examined):
        yield (
            "ok",
            f"the account does not have the role {SCALING_ROLE} yet; the first build that scales its endpoint creates "
            "it. If your organization forbids that, an administrator can create it: aws iam "
            "create-service-linked-role --aws-service-name sagemaker.application-autoscaling.amazonaws.com",
        )


def _read_concurrency(examined: Examination) -> float | None:
    """Return the quota; None where Service Quotas does not have it."""
    pages = examined.create_client("service-quotas").get_paginator("list_service_quotas")
    try:
        for page in pages.paginate(ServiceCode="codebuild", PaginationConfig={"PageSize": 100}):
            for quota in page["Quotas"]:
                if quota["QuotaName"] == CODEBUILD_QUOTA:
                    return float(quota["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
    return None


def _has_role(examined: Examination) -> bool:
    try:
        examined.create_client("iam").get_role(RoleName=SCALING_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True
