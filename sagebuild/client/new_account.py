"""Finds what a new AWS account lacks: CodeBuild's concurrency, and the role with which AWS scales endpoints."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from botocore.exceptions import ClientError

from sagebuild.client.examination import Examination
from sagebuild.images.byod import list_images_to_build
from sagebuild.parameters import BuildParameters

# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html; resources/images.yml defines the environments: of
# the project that builds images, and of the one that copies sources and gated models.
IMAGE_QUOTA = "Concurrently running builds for Linux/Medium environment"
SOURCE_QUOTA = "Concurrently running builds for Linux/Small environment"
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def examine_new_account(examined: Examination) -> Iterator[tuple[str, str]]:
    """Yield a finding's state and text for each thing that the next build needs and the account does not have."""
    parameters = examined.context.parameters
    needs = dict(_list_codebuild_needs(parameters))
    for quota, value in _read_quotas(examined, needs).items():
        if value == 0:
            yield (
                "error",
                f"the account's CodeBuild quota '{quota}' is 0, as in some new accounts, so {needs[quota]}; request an "
                "increase in the Service Quotas console.",
            )
    if parameters.autoscaling and not _has_role(examined):
        yield (
            "ok",
            f"the account does not have the role {SCALING_ROLE} yet; the first build that scales its endpoint creates "
            "it. If your organization forbids that, an administrator can create it: aws iam "
            "create-service-linked-role --aws-service-name sagemaker.application-autoscaling.amazonaws.com",
        )


def _list_codebuild_needs(parameters: BuildParameters) -> Iterator[tuple[str, str]]:
    """Yield each quota that the next build needs, and what is impossible without it."""
    if list_images_to_build(parameters):
        yield IMAGE_QUOTA, "no image can be built"
    if getattr(parameters, "git_config", None):
        yield SOURCE_QUOTA, "no source can be copied from git"
    if getattr(parameters, "hubsecret", None):
        yield SOURCE_QUOTA, "no gated model can be copied from the hub"


def _read_quotas(examined: Examination, names: Collection[str]) -> dict[str, float]:
    """Return the values of these quotas, without those that Service Quotas does not have."""
    found: dict[str, float] = {}
    if not names:
        return found
    pages = examined.create_client("service-quotas").get_paginator("list_service_quotas")
    try:
        for page in pages.paginate(ServiceCode="codebuild", PaginationConfig={"PageSize": 100}):
            found |= {each["QuotaName"]: float(each["Value"]) for each in page["Quotas"] if each["QuotaName"] in names}
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
    return found


def _has_role(examined: Examination) -> bool:
    try:
        examined.create_client("iam").get_role(RoleName=SCALING_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True
