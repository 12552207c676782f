"""The names of a build's AWS resources, derived from its number, so that a retry is the same call."""

import re

from sagebuild.service import Service

# Canary and linear traffic shifting, and rollback, need a constant variant name.
VARIANT = "AllTraffic"


def name_execution(number: int) -> str:
    """Return the name of a build's execution of the state machine."""
    return f"build-{number}"


def name_resource(service: Service, number: int) -> str:
    """Return the name of a build's training job, model and endpoint configuration.

    SageMaker allows 63 characters. Job names stay taken after a stack is removed, so the name holds the stack's key.
    """
    return f"{resource_prefix(service)}{number}"


def resource_prefix(service: Service) -> str:
    """Return the prefix of the names of all resources that this stack's builds create."""
    return f"{service.stack_name}-{service.stack_key}-"


def parse_resource_name(service: Service, name: str) -> int | None:
    """Return the build number in a resource's name; None if no build of this stack created it."""
    return parse_number(resource_prefix(service), name)


def parse_number(prefix: str, name: str) -> int | None:
    """Return the build number that follows a prefix in a name; None if the name has another form."""
    number = name.removeprefix(prefix)
    return int(number) if number != name and number.isdecimal() else None


def name_tuning_job(service: Service, number: int) -> str:
    """Return the name of a build's tuning job, which is the prefix of its trainings' names."""
    return f"{tuning_prefix(service)}{number}"


def tuning_prefix(service: Service) -> str:
    """Return the prefix of the names of this stack's tuning jobs.

    SageMaker allows 32 characters: at most 16 of the stack's name, the stack's key, and room for a million builds.
    """
    return f"{service.stack_name[:16].rstrip('-')}-{service.stack_key}-"


def name_image_tag(number: int, scope: str) -> str:
    """Return the tag of an image that a build makes for its training or inference, in the stack's repository."""
    return f"build-{number}-{scope}"


def parse_image_tag(tag: str) -> tuple[int, str] | None:
    """Return the build number and the scope in an image's tag; None if no build gave the tag."""
    match = re.fullmatch(r"build-([0-9]+)-(training|inference)", tag)
    return (int(match[1]), match[2]) if match else None


def name_endpoint(service: Service) -> str:
    """Return the name of the stack's endpoint."""
    return service.stack_name


def name_package_group(service: Service) -> str:
    """Return the name of the stack's group in the model registry."""
    return service.stack_name


def execution_arn(service: Service, number: int) -> str:
    """Derive the ARN of a build's execution from the state machine's: ``arn:aws:states:r:a:stateMachine:name``."""
    machine = service.settings.state_machine_arn
    return f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name_execution(number)}"


def parse_execution_name(name: str) -> int:
    """Return the build number in an execution's name.

    Raises
    ------
    ValueError
        sagebuild did not start the execution.
    """
    prefix, _, number = name.partition("-")
    if prefix != "build" or not number.isdigit():
        raise ValueError(f"{name!r} is not the name of a build's execution, such as 'build-12'.")
    return int(number)


def console_url(service: Service, number: int) -> str:
    """Return the address of a build's execution in the AWS console."""
    return execution_url(service, execution_arn(service, number))


def execution_url(service: Service, arn: str) -> str:
    """Return the address of an execution in the AWS console."""
    region = service.region
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{arn}"
