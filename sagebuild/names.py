"""The names of everything that a build makes, derived from its number alone, so that a retry is the same call."""

import re

from sagebuild.service import Service

# Canary and linear shifting, and rollback, need a variant whose name never changes.
VARIANT = "AllTraffic"


def name_execution(number: int) -> str:
    """The name of a build's execution of the state machine."""
    return f"build-{number}"


def name_resource(service: Service, number: int) -> str:
    """The name of a build's training job, model and endpoint configuration.

    SageMaker allows 63 characters, and a name stays taken while its job is remembered: hence the stack's key in it.
    """
    return f"{resource_prefix(service)}{number}"


def resource_prefix(service: Service) -> str:
    """What the names of all resources that this stack's builds make begin with."""
    return f"{service.stack_name}-{service.stack_key}-"


def parse_resource_name(service: Service, name: str) -> int | None:
    """The build number in the name of a model or an endpoint configuration; None if no build of this stack made it."""
    number = name.removeprefix(resource_prefix(service))
    return int(number) if number != name and number.isdecimal() else None


def name_tuning_job(service: Service, number: int) -> str:
    """The name of a build's tuning job; those of its trainings begin with it."""
    return f"{tuning_prefix(service)}{number}"


def tuning_prefix(service: Service) -> str:
    """What the names of all tuning jobs of this stack begin with.

    SageMaker allows them 32 characters. The stack's key keeps them apart from other stacks' and leaves room for a
    million builds, so of a long stack name the beginning must do.
    """
    return f"{service.stack_name[:16].rstrip('-')}-{service.stack_key}-"


def name_image_tag(number: int, scope: str) -> str:
    """The tag of an image that a build makes for its training or inference, in the stack's repository."""
    return f"build-{number}-{scope}"


def parse_image_tag(tag: str) -> tuple[int, str] | None:
    """The build number and the scope in an image's tag; None for one that no build has given."""
    match = re.fullmatch(r"build-([0-9]+)-(training|inference)", tag)
    return (int(match[1]), match[2]) if match else None


def name_endpoint(service: Service) -> str:
    """The name of the stack's one endpoint."""
    return service.stack_name


def name_package_group(service: Service) -> str:
    """The name of the stack's group in the model registry."""
    return service.stack_name


def execution_arn(service: Service, number: int) -> str:
    """The ARN of a build's execution, from the state machine's own: ``arn:aws:states:r:a:stateMachine:name``."""
    machine = service.settings.state_machine_arn
    return f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name_execution(number)}"


def parse_execution_name(name: str) -> int:
    """The build number in an execution's name.

    Raises
    ------
    ValueError
        The execution was not started by sagebuild.
    """
    prefix, _, number = name.partition("-")
    if prefix != "build" or not number.isdigit():
        raise ValueError(f"{name!r} is not the name of a build's execution; those read 'build-12'.")
    return int(number)


def console_url(service: Service, number: int) -> str:
    """Where a person sees the build's execution in the AWS console."""
    return execution_url(service, execution_arn(service, number))


def execution_url(service: Service, arn: str) -> str:
    """Where a person sees an execution in the AWS console."""
    region = service.region
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{arn}"
