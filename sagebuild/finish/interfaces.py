"""Waits until SageMaker has deleted the network interfaces of deleted endpoints and jobs in the user's VPC.

SageMaker deletes them a while after the endpoint or job, with the permissions of its role, so that role must exist
until then: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1327
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sagebuild.builds.records import now
from sagebuild.deadline import Deadline
from sagebuild.errors import StillRunningError
from sagebuild.finish.delete import POLL_SECONDS
from sagebuild.service import LARGE_PAGES, Service, aws_call

# Interfaces of trainings that ended earlier are gone.
_RECENT = timedelta(hours=2)
_Network = tuple[tuple[str, ...], tuple[str, ...]]  # security groups and subnets


def wait_for_interfaces(
    service: Service, prefix: str, tuning: str, sleep: Callable[[float], None], deadline: Deadline
) -> None:
    """Wait until no interface is left in the networks of the stack's models and recent trainings.

    Only a stack that may use a VPC makes calls.

    Parameters
    ----------
    prefix, tuning
        Contained in the names of models and trainings, and of the trainings of tuning jobs.

    Raises
    ------
    StillRunningError
        Interfaces are left at the deadline; the message names them.
    """
    if service.settings.vpc_access != "true":
        return
    networks = {*_list_networks_of_models(service, prefix), *_list_networks_of_jobs(service, prefix, tuning)}
    while left := sorted({name for network in networks for name in _list_interfaces(service, network)}):
        if deadline.is_over:
            raise StillRunningError(
                f"SageMaker has not deleted these network interfaces yet: {', '.join(left)}. Repeat the removal later. "
                "If they are not SageMaker's, delete the stack with --retain-resources Leftovers."
            )
        sleep(POLL_SECONDS)


def _list_networks_of_models(service: Service, prefix: str) -> Iterator[_Network]:
    with aws_call("list the networks of the models"):
        pages = service.sagemaker.get_paginator("list_models").paginate(
            NameContains=prefix, PaginationConfig=LARGE_PAGES
        )
        for model in [model["ModelName"] for page in pages for model in page["Models"]]:
            yield from _read_network(service.sagemaker.describe_model(ModelName=model))


def _list_networks_of_jobs(service: Service, prefix: str, tuning: str) -> Iterator[_Network]:
    with aws_call("list the networks of the jobs"):
        for contained in (prefix, tuning):
            pages = service.sagemaker.get_paginator("list_training_jobs").paginate(
                NameContains=contained, LastModifiedTimeAfter=now() - _RECENT, PaginationConfig=LARGE_PAGES
            )
            for job in [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]:
                yield from _read_network(service.sagemaker.describe_training_job(TrainingJobName=job))
        jobs = service.sagemaker.get_paginator("list_processing_jobs").paginate(
            NameContains=tuning, LastModifiedTimeAfter=now() - _RECENT, PaginationConfig=LARGE_PAGES
        )
        for job in [job["ProcessingJobName"] for page in jobs for job in page["ProcessingJobSummaries"]]:
            answer = service.sagemaker.describe_processing_job(ProcessingJobName=job)
            yield from _read_network(answer.get("NetworkConfig", {}))


def _read_network(answer: Any) -> Iterator[_Network]:
    if network := answer.get("VpcConfig"):
        yield tuple(sorted(network["SecurityGroupIds"])), tuple(sorted(network["Subnets"]))


def _list_interfaces(service: Service, network: _Network) -> Iterator[str]:
    """Yield the interfaces that may be SageMaker's.

    SageMaker's instances are in an account of AWS, so an interface at an instance of the user's account is not one of
    them, and neither is one that another service manages:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
    """
    groups, subnets = network
    filters = [{"Name": "group-id", "Values": [*groups]}, {"Name": "subnet-id", "Values": [*subnets]}]
    with aws_call("list the network interfaces"):
        pages = service.ec2.get_paginator("describe_network_interfaces").paginate(Filters=filters)
        for interface in [interface for page in pages for interface in page["NetworkInterfaces"]]:
            owner = interface.get("Attachment", {}).get("InstanceOwnerId")
            if owner != service.account and not interface.get("RequesterManaged"):
                yield interface["NetworkInterfaceId"]
