"""A pipeline's group in the model registry.

CloudFormation's AWS::SageMaker::ModelPackageGroup is missing in China and several other regions, where SageMaker itself
has the group. So the code creates all groups, the default pipeline's too.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from sagebuild.errors import PipelineNameError
from sagebuild.names import name_package_group, pipeline_tags
from sagebuild.service import Service, aws_call


def describe_package(service: Service, number: int) -> str:
    """Return the description of a build's package, which finds the package if its ARN was lost."""
    return f"Build {number} of {service.label}."


def find_package_group(service: Service) -> str:
    """Return the ARN of the pipeline's group; empty if it does not exist."""
    name = name_package_group(service)
    with aws_call(f"describe {name}"):
        try:
            found = service.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            # SageMaker answers ValidationException for a group that does not exist.
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return ""
    return found["ModelPackageGroupArn"]


def owns_package_group(service: Service) -> bool:
    """Return False when the pipeline has no group, or when the group of its name is not tagged as the pipeline's."""
    arn = find_package_group(service)
    if not arn:
        return False
    with aws_call(f"read the tags of {arn}"):
        pages = service.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    return pipeline_tags(service).items() <= tags.items()


def claim_package_group(service: Service) -> None:
    """Create the pipeline's group, unless it exists.

    Raises
    ------
    PipelineNameError
        A group of its name exists, which something else has created.
    """
    if not create_package_group(service) and not owns_package_group(service):
        raise PipelineNameError(
            f"There is already a model package group {name_package_group(service)}, which does not belong to this "
            "stack; choose another --stage, or delete the group."
        )


def create_package_group(service: Service) -> bool:
    """Create the pipeline's group.

    Returns
    -------
    bool
        False when it existed already; nothing was created.
    """
    if find_package_group(service):
        return False
    with aws_call("create the model package group"):
        try:
            service.sagemaker.create_model_package_group(
                ModelPackageGroupName=name_package_group(service),
                ModelPackageGroupDescription=f"The models that {service.label} has built",
                Tags=[{"Key": key, "Value": value} for key, value in pipeline_tags(service).items()],
            )
        except ClientError:
            # Another caller may have created it, or the first try of a call whose answer was lost.
            if not find_package_group(service):
                raise
    return True
