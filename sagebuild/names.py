"""The names of a build's AWS resources, derived from pipeline and number, so that a retry is the same call.

A pipeline's name consists of letters, digits and single hyphens, and begins with a letter. So its resources never look
like those of the default pipeline, whose names have a number in that place.
"""

import re
from hashlib import blake2b

from sagebuild.partitions import find_partition
from sagebuild.service import Service

DEFAULT_STACK = "sagebuild-dev"  # serverless.yml's service, and the default stage
# Canary and linear traffic shifting, and rollback, need a constant variant name.
VARIANT = "AllTraffic"
SOURCES_FOLDER = "sources"  # in the pipeline's folder of the code bucket
# The user's own state machines, each with the setting that has its ARN.
HOOKS = {"preprocess": "preprocess_state_machine", "postprocess": "postprocess_state_machine"}
MODELS_FOLDER = "models"  # in the pipeline's folder of the model bucket
PROMOTIONS_FOLDER = "promotions"  # in the model bucket


_PIPELINE = r"[A-Za-z](?:-?[A-Za-z0-9])*"
_MAX_PIPELINE = 24  # characters
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html: 63 characters. A resource's name
# also holds the stack's key (8), two or three hyphens, and a number of up to seven digits.
MAX_STACK = 63 - 8 - 2 - 7
_MAX_STACK_AND_PIPELINE = MAX_STACK - 1


def is_pipeline_name(name: str) -> bool:
    """Return whether a pipeline can have this name, apart from its length."""
    return re.fullmatch(_PIPELINE, name) is not None


def max_pipeline_length(service: Service) -> int:
    """Return how many characters the name of a pipeline of this stack can have."""
    return max(0, min(_MAX_PIPELINE, _MAX_STACK_AND_PIPELINE - len(service.stack_name)))


def hash_pipeline(pipeline: str) -> str:
    """Return six hexadecimal digits for a pipeline, which no two pipelines of a stack share.

    Names that differ only in case have the same ones, because SageMaker does not distinguish them:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
    """
    return blake2b(pipeline.lower().encode(), digest_size=3).hexdigest()


def name_execution(service: Service, number: int) -> str:
    """Return the name of a build's execution of the state machine: ``build-12`` or ``build-fraud_12``."""
    return f"{execution_prefix(service)}{number}"


def execution_prefix(service: Service) -> str:
    """Return the prefix of the names of the pipeline's executions, with which no other pipeline's begin."""
    return f"build-{service.pipeline}_" if service.pipeline else "build-"


def name_resource(service: Service, number: int) -> str:
    """Return the name of a build's training job, model and endpoint configuration.

    SageMaker allows 63 characters. Job names stay taken after a stack is removed, so the name holds the stack's key.
    """
    return f"{resource_prefix(service)}{number}"


def stack_prefix(service: Service) -> str:
    """Return the prefix of the names of all resources that the builds of this stack create."""
    return f"{service.stack_name}-{service.stack_key}-"


def resource_prefix(service: Service) -> str:
    """Return the prefix of the names of the resources that the pipeline's builds create."""
    return f"{stack_prefix(service)}{service.pipeline}-" if service.pipeline else stack_prefix(service)


def parse_resource_name(service: Service, name: str) -> int | None:
    """Return the build number in a resource's name; None if no build of this pipeline created it."""
    return _parse_number(resource_prefix(service), name)


def parse_stack_resource(service: Service, name: str) -> tuple[str, int] | None:
    """Return the pipeline and the build number in a resource's name; None if no build of this stack created it."""
    match = re.fullmatch(rf"{re.escape(stack_prefix(service))}(?:({_PIPELINE})-)?([0-9]+)", name)
    return (match[1] or "", int(match[2])) if match else None


def _parse_number(prefix: str, name: str) -> int | None:
    number = name.removeprefix(prefix)
    return int(number) if number != name and number.isdecimal() else None


def name_tuning_job(service: Service, number: int) -> str:
    """Return the name of a build's tuning job, which is the prefix of its trainings' names."""
    return f"{tuning_prefix(service)}{number}"


def tuning_prefix(service: Service) -> str:
    """Return the prefix of the names of the pipeline's tuning jobs.

    SageMaker allows 32 characters, with room for a million builds. The default pipeline's prefix holds at most 16
    characters of the stack's name, and the stack's key. Another pipeline's holds at most 9 characters of its own name,
    the stack's key and `hash_pipeline`, which distinguishes pipelines whose names begin alike.
    """
    if service.pipeline:
        return f"{service.pipeline[:9].rstrip('-')}-{service.stack_key}-{hash_pipeline(service.pipeline)}-"
    return f"{service.stack_name[:16].rstrip('-')}-{service.stack_key}-"


def parse_tuning_name(service: Service, name: str) -> int | None:
    """Return the build number in a tuning job's name; None if no build of this pipeline created it."""
    return _parse_number(tuning_prefix(service), name)


def name_step_job(service: Service, number: int, step: str) -> str:
    """Return the name of a build's processing or evaluation job.

    SageMaker allows 63 characters: 26 of the prefix, 7 of the number, and a hyphen leave 29 for the name of the step.
    """
    return f"{name_tuning_job(service, number)}-{step}"


def parse_step_job(service: Service, name: str) -> tuple[int, str] | None:
    """Return the build number and the step in a job's name; None if no build of this pipeline created it."""
    match = re.fullmatch(rf"{re.escape(tuning_prefix(service))}([0-9]+)-({_PIPELINE})", name)
    return (int(match[1]), match[2]) if match else None


def find_hook(service: Service, hook: str) -> str:
    """Return the ARN of one of `HOOKS`; empty if the stack has none."""
    machine: str = getattr(service.settings, HOOKS[hook])
    return machine


def name_hook_execution(service: Service, number: int, hook: str) -> str:
    """Return the name of the execution of one of `HOOKS` in a build."""
    return f"{name_resource(service, number)}-{hook}"


def name_image_repository(service: Service) -> str:
    """Return the name of the stack's image repository, from its URI: ``account.dkr.ecr.region.domain/name``."""
    return service.settings.image_repository_uri.partition("/")[2]


def name_image_tag(service: Service, number: int, scope: str) -> str:
    """Return the tag of an image that a build makes for its training or inference, in the stack's repository."""
    return f"{name_execution(service, number)}-{scope}"


def key_git_source(service: Service, number: int) -> str:
    """Return the key, in the pipeline's folder of the code bucket, of the archive that a build packs from git."""
    return f"{SOURCES_FOLDER}/{name_resource(service, number)}.tar.gz"


def key_model_folder(service: Service, number: int) -> str:
    """Return the prefix of the keys, in the model bucket, of the files that a build's model serves.

    Uploaded models are in the same folder, one level higher.
    """
    return f"{service.folder}{MODELS_FOLDER}/{name_resource(service, number)}/"


def key_hub_model(service: Service, number: int) -> str:
    """Return the prefix of the keys, in the model bucket, to which a build copies a model of the hub.

    It is the folder of the build's first container, which needs no other copy.
    """
    return f"{key_model_folder(service, number)}0/hub/"


def key_promotion(service: Service, folder: str) -> str:
    """Return the prefix of the keys, in the model bucket, of the files of a promotion to this pipeline.

    No part of it is a pipeline's name alone: a pipeline could have the name of a folder that trainings may write.

    Parameters
    ----------
    folder
        `name_resource` of the promoted build, in its own stack.
    """
    pipeline = f"{service.pipeline}." if service.pipeline else ""
    return f"{PROMOTIONS_FOLDER}/{pipeline}{folder}/"


def parse_image_tag(service: Service, tag: str) -> tuple[int, str] | None:
    """Return the build number and the scope in an image's tag; None if no build of this pipeline gave the tag."""
    match = re.fullmatch(rf"{execution_prefix(service)}([0-9]+)-(training|inference)", tag)
    return (int(match[1]), match[2]) if match else None


def name_endpoint(service: Service) -> str:
    """Return the name of the pipeline's endpoint: the stack's name, or ``STACK-PIPELINE``."""
    return f"{service.stack_name}-{service.pipeline}" if service.pipeline else service.stack_name


def name_component(service: Service) -> str:
    """Return the name of the endpoint's inference component, the same for all builds: requests name it."""
    return name_endpoint(service)


def name_client_token(service: Service, number: int) -> str:
    """Return the token that makes a repeated CreateModelPackage return the build's existing package.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html allows 36 characters.
    """
    pipeline = f"{hash_pipeline(service.pipeline)}-" if service.pipeline else ""
    return f"{service.stack_key}-{pipeline}{number}"


def pipeline_tags(service: Service) -> dict[str, str]:
    """Return the tags of everything that belongs to the pipeline; the default pipeline's has only the stack's tag."""
    own = {"sagebuild:pipeline": service.pipeline} if service.pipeline else {}
    return {"sagebuild:stack": service.stack_name} | own


def name_package_group(service: Service) -> str:
    """Return the name of the pipeline's group in the model registry: the stack's name, or ``STACK-PIPELINE``."""
    return name_endpoint(service)


def parse_package_group(service: Service, group: str) -> str:
    """Return the name of the pipeline whose group in the model registry this may be; empty for the default pipeline."""
    return group.removeprefix(service.stack_name).removeprefix("-")


def execution_arn(service: Service, number: int) -> str:
    """Derive the ARN of a build's execution from the state machine's: ``arn:...:stateMachine:name``."""
    machine = service.settings.state_machine_arn
    return f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name_execution(service, number)}"


def parse_execution_name(name: str) -> tuple[str, int]:
    """Return the pipeline and the build number in an execution's name.

    Raises
    ------
    ValueError
        sagebuild did not start the execution.
    """
    match = re.fullmatch(rf"build-(?:({_PIPELINE})_)?([0-9]+)", name)
    if not match:
        raise ValueError(f"{name!r} is not the name of a build's execution, such as 'build-12' or 'build-fraud_12'.")
    return match[1] or "", int(match[2])


def console_url(service: Service, number: int) -> str:
    """Return the address of a build's execution in the AWS console."""
    return execution_url(service, execution_arn(service, number))


def execution_url(service: Service, arn: str) -> str:
    """Return the address of an execution in the AWS console, or its ARN where the console's address is not public."""
    region = service.region
    host = find_partition(region).console
    return f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}" if host else arn
