"""Finds what a new AWS account lacks and the first build creates: the role with which AWS scales endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from sagebuild.client.examination import Examination

# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def examine_new_account(examined: Examination) -> Iterator[tuple[str, str]]:
    """Yield a finding's state and text if the next build needs the role and the account does not have it."""
    if examined.context.parameters.autoscaling and not _has_role(examined):
        yield (
            "ok",
            f"the account does not have the role {SCALING_ROLE} yet; the first build that scales its endpoint creates "
            "it. If your organization forbids that, an administrator can create it: aws iam "
            "create-service-linked-role --aws-service-name sagemaker.application-autoscaling.amazonaws.com",
        )


def _has_role(examined: Examination) -> bool:
    try:
        examined.create_client("iam").get_role(RoleName=SCALING_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True
