"""Creates a pipeline: its parameter document, its model package group, and last its state.

A pipeline exists when it has a state. So an interrupted creation can be repeated, and no build uses half of a pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.lock import PipelineState, change_state, read_state
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.builds.records import now
from sagebuild.cost.offered import fit_to_region
from sagebuild.errors import ParameterError, PipelineNameError
from sagebuild.names import (
    MODELS_FOLDER,
    SOURCES_FOLDER,
    is_pipeline_name,
    max_pipeline_length,
    name_endpoint,
    parse_execution_name,
    pipeline_tags,
)
from sagebuild.parameters import default_document, parse_parameters
from sagebuild.parameters.changes import change_document, combine_problems
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.store import name_document, read_document, write_document
from sagebuild.requests.extensions import ANSWERS_FOLDER, CAPTURE_FOLDER, CHECKPOINTS_FOLDER
from sagebuild.service import Service, aws_call
from sagebuild.steps.package_group import create_package_group, find_package_group
from sagebuild.steps.registry import FOLDER as REGISTRY_FOLDER

_SHOWN = 80  # characters of a wrong name in a message


def create_pipeline(service: Service, name: str, framework: str, parameters: Mapping[str, Any] | None) -> Service:
    """Create a pipeline; see `Stack.create_pipeline`. Return the service bound to it."""
    check_name(service, name)
    document = _build_document(framework, service.region, parameters or {})
    bound = service.for_pipeline(name)
    if read_state(service.for_pipeline("")).removed_at:
        raise PipelineNameError(f"The stack {service.stack_name} is being removed; no pipeline can be created.")
    _check_state(bound, read_state(bound))
    _check_owners(bound)
    _write_document(bound, document)
    _tag_document(bound)
    _create_package_group(bound)
    _write_state(bound)
    return bound


def check_name(service: Service, name: str) -> None:
    """Check that a pipeline can have this name.

    Raises
    ------
    PipelineNameError
        It cannot; the message says which names are allowed.
    """
    longest, shown = max_pipeline_length(service), repr(name[:_SHOWN])
    if longest == 0:
        raise PipelineNameError(
            f"The stack's name {service.stack_name} has {len(service.stack_name)} characters, which leaves no room for "
            "the name of a pipeline; the name of a stack with pipelines has at most 44."
        )
    if not is_pipeline_name(name) or len(name) > longest:
        given = f"{shown}, with {len(name)} characters," if len(name) > longest else shown
        raise PipelineNameError(
            f"{given} cannot be the name of a pipeline of {service.stack_name}: it must have at most {longest} "
            "characters, begin with a letter, and consist of letters, digits and single hyphens, such as fraud-2."
        )
    reserved = _reserve_names(service)
    if name.lower() in reserved:
        raise PipelineNameError(
            f"{shown} cannot be the name of a pipeline: the default pipeline uses it. Reserved are "
            f"{', '.join(sorted(reserved))}."
        )


def _reserve_names(service: Service) -> set[str]:
    """Return the name of the default pipeline, and its folders in the buckets."""
    uploads = service.settings.upload_prefix.lstrip("/").partition("/")[0]
    folders = (REGISTRY_FOLDER, CHECKPOINTS_FOLDER, ANSWERS_FOLDER, CAPTURE_FOLDER, MODELS_FOLDER, SOURCES_FOLDER)
    names = (DEFAULT, "train", uploads, "builds", *folders)
    return {name.lower() for name in names if name}


def _build_document(framework: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    document, problems = change_document(fit_to_region(default_document(framework), region), parameters, (), framework)
    if problems:
        raise combine_problems(problems, lambda: parse_parameters(document, default_framework=framework))
    if parameters:
        parse_parameters(document, default_framework=framework)
    return document


def _check_state(service: Service, state: PipelineState) -> None:
    """Refuse a name whose item in the builds table belongs to a pipeline."""
    if state.version == 0:
        return
    name, other = service.pipeline, state.pipeline
    if other.lower() != name.lower():  # the key is a hash of the name: one chance in 16 million for each pipeline
        raise PipelineNameError(
            f"{name} and the pipeline {other} have the same key in the builds table; choose another."
        )
    if state.removed_at:
        raise PipelineNameError(
            f"The pipeline {other} is being removed; complete that first: sagebuild pipelines remove {other}."
        )
    raise PipelineNameError(
        f"{service.stack_name} already has a pipeline {other}; names must differ in more than case."
    )


def _check_owners(service: Service) -> None:
    """Refuse a name whose endpoint or model package group belongs to something else, such as the stack STACK-NAME."""
    wanted = pipeline_tags(service).items()
    for kind, arn in _find_resources(service):
        with aws_call(f"read the tags of {kind}"):
            pages = service.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        if not wanted <= tags.items():
            raise PipelineNameError(
                f"There is already {kind} {name_endpoint(service)}, which does not belong to this pipeline; choose "
                f"another name, or delete it. ({arn})"
            )


def _find_resources(service: Service) -> Iterator[tuple[str, str]]:
    """Yield the kinds and ARNs of the pipeline's endpoint and model package group, if they exist."""
    if arn := _find_endpoint(service):
        yield "an endpoint", arn
    if arn := find_package_group(service):
        yield "a model package group", arn


def _find_endpoint(service: Service) -> str:
    """Return the ARN of the pipeline's endpoint; empty if it does not exist."""
    name = name_endpoint(service)
    with aws_call(f"describe {name}"):
        try:
            return service.sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"]
        except ClientError as error:
            # SageMaker answers ValidationException for an endpoint that does not exist.
            if error.response["Error"]["Code"] != "ValidationException":
                raise
    return ""


def _write_document(service: Service, document: Mapping[str, Any]) -> None:
    """Write the document, unless an interrupted creation has written it."""
    if write_document(service, document, overwrite=False):
        return
    stored = read_leniently(read_document(service))
    framework = str(stored.get("framework", service.settings.framework)).strip().upper()
    if framework != document["framework"]:
        raise ParameterError(
            f"{name_document(service)} exists already, for the framework {framework}. Pass this framework to use the "
            f"document, or delete it: aws ssm delete-parameter --name {name_document(service)}"
        )


def _tag_document(service: Service) -> None:
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html: PutParameter tags
    # only a new parameter. AddTagsToResource also tags one that exists, and can be repeated.
    with aws_call("tag the build parameters"):
        service.ssm.add_tags_to_resource(
            ResourceType="Parameter",
            ResourceId=name_document(service),
            Tags=[{"Key": key, "Value": value} for key, value in pipeline_tags(service).items()],
        )


def _create_package_group(service: Service) -> None:
    if create_package_group(service):
        _check_owners(service)


def _write_state(service: Service) -> None:
    created = PipelineState(
        last_number=_find_last_number(service), created_at=now().isoformat(), pipeline=service.pipeline
    )
    if change_state(service, PipelineState(pipeline=service.pipeline), created):
        return
    state = read_state(service)
    if (state.pipeline, state.created_at) != (created.pipeline, created.created_at):
        _check_state(service, state)


def _find_last_number(service: Service) -> int:
    """Return the number of the last build of a removed pipeline with this name; 0 without one.

    Its executions stay, and Step Functions refuses their names for 90 days:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    numbers = [0]
    with aws_call("list the executions of the state machine"):
        pages = service.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=service.settings.state_machine_arn, PaginationConfig={"PageSize": 1000}
        )
        for execution in (execution for page in pages for execution in page["executions"]):
            try:
                pipeline, number = parse_execution_name(execution["name"])
            except ValueError:  # started by hand
                continue
            if pipeline.lower() == service.pipeline.lower():
                numbers.append(number)
    return max(numbers)
