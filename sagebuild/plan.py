"""Plans a build: parameters read and checked, everything it needs looked for, every request written, nothing paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from sagebuild import requests
from sagebuild.containers import choose_image
from sagebuild.document import read_document
from sagebuild.endpoint import describe_endpoint
from sagebuild.errors import BuildNotFoundError, ParameterError, PreflightError
from sagebuild.names import name_resource
from sagebuild.parameters import BuildParameters, ScriptModeParameters, parse_document
from sagebuild.records import NOT_ENDED, update_build
from sagebuild.service import Service, aws_call
from sagebuild.training import plan_training

# An update takes 3 to 10 minutes; an hour means that something hangs.
POLL_SECONDS = 30
MAXIMUM_POLLS = 120


def plan_build(service: Service, number: int) -> dict[str, Any]:
    """All that the state machine needs for one build.

    Returns
    -------
    dict
        ``way`` is "train" with the body ``training``, "tune" with ``tuning``, or "none" with ``artifacts``.
        ``model``, ``endpointConfig`` and ``endpoint`` are the bodies of the SageMaker requests of those names;
        ``deploy`` says whether the endpoint is wanted; ``tags`` belong to it; ``pollSeconds`` and ``maximumPolls``
        bound the wait for it.

    Raises
    ------
    ParameterError
        The document asks for something that cannot be built.
    PreflightError
        Something that the build needs is not there.
    BuildNotFoundError
        No running build has that number.
    """
    text = read_document(service)
    parameters = parse_document(text, default_framework=service.setting("FRAMEWORK"))
    refuse_other_builds(parameters)
    training = plan_training(service, number, parameters)
    inference_image = choose_image(parameters, service.region, "inference")
    check_inputs(service, parameters, training.artifacts)
    live = describe_endpoint(service)
    name = name_resource(service, number)
    planned = update_build(
        service,
        number,
        only_if=NOT_ENDED,
        status="running",
        parameters=text,
        notes=sorted({*training.notes, inference_image.note} - {None}),
        model=name,
        endpoint_config=name if parameters.deployEndpoint else "",
        live_before=live.config if live and live.status != "Failed" else "",
        **training.record,
    )
    if not planned:
        raise BuildNotFoundError(
            f"Build {number} was not launched or has ended; start a build by voice or through the launch topic, "
            "not by an execution of your own."
        )
    return {
        "number": number,
        "way": training.way,
        "training": training.training,
        "tuning": training.tuning,
        "artifacts": training.artifacts,
        "model": requests.build_model(service, number, parameters, inference_image.uri),
        "endpointConfig": requests.build_endpoint_config(service, number, parameters),
        "endpoint": requests.build_endpoint(service, number),
        "deploy": parameters.deployEndpoint,
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
        "pipeline": bool(parameters.pipeline),
    }
    refused = [name for name, is_asked in asked.items() if is_asked]
    if refused:
        raise ParameterError(
            f"This version of sagebuild serves one model in one container; it does not know how to do "
            f"{', '.join(refused)}. Take that out of the document."
        )


def check_inputs(service: Service, parameters: BuildParameters, artifacts: str | None = None) -> None:
    """Look for what the build will read.

    Parameters
    ----------
    artifacts
        The trained model, for a build that trains none.

    Raises
    ------
    PreflightError
        With everything that is missing, not the first alone.
    """
    channels = requests.read_channels(service, parameters) if parameters.has_training else {}
    problems = [
        f"The channel '{name}' has no objects at {channel.uri}; upload the training data there."
        for name, channel in channels.items()
        if not _has_objects(service, str(channel.uri))
    ]
    if artifacts:
        problems += _find_artifact_problems(service, artifacts)
    if isinstance(parameters, ScriptModeParameters):
        problems += _find_script_problems(service, parameters)
    if problems:
        raise PreflightError("\n".join(problems))


def _find_script_problems(service: Service, parameters: ScriptModeParameters) -> Iterator[str]:
    serves_only = not parameters.has_training
    if not parameters.trainentrypoint and not (serves_only and parameters.hostentrypoint):
        yield (
            f"trainentrypoint is not set; framework {parameters.framework} trains with a script of yours: "
            "name it here, such as train.py."
        )
    if not parameters.trainsourcefile and not (serves_only and parameters.hostsourcefile):
        yield (
            "trainsourcefile is not set; pack the script into an archive, upload it to the code bucket "
            f"({service.setting('CODE_BUCKET')}), and give its key here, such as source.tar.gz."
        )
    for name in ("trainsourcefile", "hostsourcefile"):
        source = requests.locate_source(service, getattr(parameters, name))
        if source and not _has_objects(service, source):
            yield f"{name} names {source}, where there is no object; upload the source archive there."


def _find_artifact_problems(service: Service, artifacts: str) -> Iterator[str]:
    bucket, model_bucket = urlsplit(artifacts).netloc, service.setting("MODEL_BUCKET")
    if bucket not in (model_bucket, service.setting("CODE_BUCKET")):
        yield (
            f"ModelArtifacts is in the bucket {bucket}, which the endpoint's role may not read; "
            f"copy it to the model bucket ({model_bucket})."
        )
    elif not _has_objects(service, artifacts):
        yield f"There is no trained model at {artifacts}; train again, or give another address in ModelArtifacts."


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
