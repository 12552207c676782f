"""Plans a build: parameters read and checked, everything it needs looked for, every request written, nothing paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from sagebuild import requests
from sagebuild.containers import choose_image
from sagebuild.docker import find_source_problems, locate_source_in_s3, plan_images
from sagebuild.document import read_document
from sagebuild.endpoint import describe_endpoint
from sagebuild.errors import ParameterError, PreflightError
from sagebuild.names import name_resource
from sagebuild.parameters import BuildParameters, ByodParameters, ScriptModeParameters, parse_document
from sagebuild.records import NOT_ENDED, update_build
from sagebuild.service import Service, aws_call

# An update takes 3 to 10 minutes; an hour means that something hangs.
POLL_SECONDS = 30
MAXIMUM_POLLS = 120


def plan_build(service: Service, number: int) -> dict[str, Any]:
    """All that the state machine needs for one build.

    Returns
    -------
    dict
        ``training``, ``model``, ``endpointConfig`` and ``endpoint`` are the bodies of the SageMaker requests of those
        names; ``images`` is what ``plan_images`` gives; ``tags`` belong to the endpoint; ``pollSeconds`` and
        ``maximumPolls`` bound the wait for it.

    Raises
    ------
    ParameterError
        The document asks for something that cannot be built.
    PreflightError
        Something that the build needs is not there.
    """
    text = read_document(service)
    parameters = parse_document(text, default_framework=service.setting("FRAMEWORK"))
    refuse_other_builds(parameters)
    training_image = choose_image(service, number, parameters, "training")
    inference_image = choose_image(service, number, parameters, "inference")
    check_inputs(service, parameters)
    images = plan_images(service, number, parameters)
    live = describe_endpoint(service)
    name = name_resource(service, number)
    update_build(
        service,
        number,
        only_if=NOT_ENDED,
        status="running",
        parameters=text,
        notes=sorted({image.note for image in (training_image, inference_image) if image.note}),
        training_image=training_image.uri,
        inference_image=inference_image.uri,
        image_builds=[build["tag"] for build in images["builds"]],
        training_job=name,
        model=name,
        endpoint_config=name,
        live_before=live.config if live and live.status != "Failed" else "",
    )
    return {
        "number": number,
        "images": images,
        "training": requests.build_training_job(service, number, parameters, training_image.uri),
        "model": requests.build_model(service, number, parameters, inference_image.uri),
        "endpointConfig": requests.build_endpoint_config(service, number, parameters),
        "endpoint": requests.build_endpoint(service, number),
        "tags": requests.build_tags(service, number, parameters),
        "pollSeconds": POLL_SECONDS,
        "maximumPolls": MAXIMUM_POLLS,
    }


def refuse_other_builds(parameters: BuildParameters) -> None:
    """Refuse what the document may say and this version does not build, rather than build something else.

    Raises
    ------
    ParameterError
        With all of it.
    """
    asked = {
        "configtrain SAGEMAKERHPO": parameters.configtrain != "SAGEMAKER",
        "skiptrain": parameters.skiptrain,
        "train false": not getattr(parameters, "train", True),
        "ModelArtifacts": parameters.ModelArtifacts is not None,
        "deployEndpoint false": not parameters.deployEndpoint,
        "pipeline": bool(parameters.pipeline),
    }
    refused = [name for name, is_asked in asked.items() if is_asked]
    if refused:
        raise ParameterError(
            f"This version of sagebuild trains one model and deploys it; it does not know how to do "
            f"{', '.join(refused)}. Take that out of the document."
        )


def check_inputs(service: Service, parameters: BuildParameters) -> None:
    """Look for what the training will read.

    Raises
    ------
    PreflightError
        With everything that is missing, not the first alone.
    """
    problems = [
        f"The channel '{name}' has no objects at {channel.uri}; upload the training data there."
        for name, channel in requests.read_channels(service, parameters).items()
        if not _has_objects(service, str(channel.uri))
    ]
    if isinstance(parameters, ScriptModeParameters):
        problems += _find_script_problems(service, parameters)
    if isinstance(parameters, ByodParameters):
        problems += _find_docker_problems(service, parameters)
    if problems:
        raise PreflightError("\n".join(problems))


def _find_script_problems(service: Service, parameters: ScriptModeParameters) -> Iterator[str]:
    if not parameters.trainentrypoint:
        yield (
            f"trainentrypoint is not set; framework {parameters.framework} trains with a script of yours: "
            "name it here, such as train.py."
        )
    if not parameters.trainsourcefile:
        yield (
            "trainsourcefile is not set; pack the script into an archive, upload it to the code bucket "
            f"({service.setting('CODE_BUCKET')}), and give its key here, such as source.tar.gz."
        )
    for name in ("trainsourcefile", "hostsourcefile"):
        source = requests.locate_source(service, getattr(parameters, name))
        if source and not _has_objects(service, source):
            yield f"{name} names {source}, where there is no object; upload the source archive there."


def _find_docker_problems(service: Service, parameters: ByodParameters) -> Iterator[str]:
    yield from find_source_problems(parameters)
    source = locate_source_in_s3(service, parameters)
    if source and not _has_objects(service, source):
        yield f"sourcelocation names {source}, where there is no object; upload the Dockerfiles' source there."


def _has_objects(service: Service, uri: str) -> bool:
    """Whether any object's key begins as the URI does."""
    location = urlsplit(uri)
    with aws_call(f"list {uri}"):
        try:
            answer = service.s3.list_objects_v2(Bucket=location.netloc, Prefix=location.path.lstrip("/"), MaxKeys=1)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return False
            raise
    return bool(answer.get("KeyCount"))
