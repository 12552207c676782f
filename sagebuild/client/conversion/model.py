"""Converts a model: its container, and those before it in an inference pipeline."""

from __future__ import annotations

from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.images import put_serving_image
from sagebuild.client.conversion.script import read_json
from sagebuild.client.conversion.shared import convert_network, convert_tags
from sagebuild.client.conversion.source import Source
from sagebuild.requests.script_mode import CODE_IN_MODEL

_PROGRAM, _FOLDER, _LEVEL = "SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY", "SAGEMAKER_CONTAINER_LOG_LEVEL"
_SERVING_LEVEL, _METRICS = "SAGEMAKER_TFS_NGINX_LOGLEVEL", "SAGEMAKER_ENABLE_CLOUDWATCH_METRICS"
_REQUIREMENTS = "SAGEMAKER_REQUIREMENTS"
# sdk, tensorflow/model.py, LOG_LEVEL_MAP
_NGINX_LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40}

_ARCHIVE = {"S3DataType": "S3Object", "CompressionType": "Gzip"}
_FOLDER_OF_FILES = {"S3DataType": "S3Prefix", "CompressionType": "None"}


def convert_model(draft: Draft, source: Source) -> None:
    """Set the parameters of a model; after a training request, the training makes the model's data."""
    containers = source.children("Containers")
    *before, container = [*containers] or [source.child("PrimaryContainer")]
    environment = container.child("Environment")
    trains = "framework" in draft.origins
    image = container.take_text("Image")
    put_serving_image(draft, image, container.name("Image"), _PROGRAM in environment)
    _convert_data(draft, container, trains)
    if draft.facts.has_script:
        _convert_script(draft, environment)
    for name, value in environment.take_entries():
        draft.put_entry("modelhostingenvironment", name, value, environment.name(name))
    draft.put("pipeline", [_read_container(each) for each in before] or None, source.name("Containers"))
    convert_network(draft, source)
    convert_tags(draft, source)


def _convert_data(draft: Draft, container: Source, trains: bool) -> None:
    address = _take_data(container)
    if address and trains:
        draft.give(container.name("ModelDataUrl"))
    else:
        draft.put("ModelArtifacts", address, container.name("ModelDataUrl"))
    if not trains and not address:
        draft.put("skiptrain", True, container.field or "PrimaryContainer")


def _take_data(container: Source) -> Any:
    """Take the address of the model's archive; a model that is not an archive stays for the report.

    Describe returns the address of an archive twice: as ModelDataUrl, and as the object of ModelDataSource.
    """
    address = container.take("ModelDataUrl")
    stored = container.child("ModelDataSource").child("S3DataSource")
    is_archive = _ARCHIVE.items() <= stored.content.items()
    if is_archive and address in (None, stored.content.get("S3Uri")):
        for member in _ARCHIVE:
            stored.take(member)
        return stored.take("S3Uri")
    if address is None and _FOLDER_OF_FILES.items() <= stored.content.items():
        for member in _FOLDER_OF_FILES:
            stored.take(member)
        return f"{stored.take_text('S3Uri').rstrip('/')}/"
    return address


def _convert_script(draft: Draft, environment: Source) -> None:
    """Take the variables by which a model server finds the script: sagebuild/requests/script_mode.py."""
    if environment.take("SAGEMAKER_REGION"):
        draft.give(environment.name("SAGEMAKER_REGION"))
    program = environment.take("SAGEMAKER_PROGRAM")
    # A server with a default for every function serves a script only if the document names it.
    is_named = draft.facts.serves_without_script or program != draft.document.get("trainentrypoint")
    draft.put("hostentrypoint", program if is_named else None, environment.name(_PROGRAM))
    _convert_folder(draft, environment)
    serving = _NGINX_LEVELS.get(str(environment.content.get(_SERVING_LEVEL)))
    for name, parameter, value in (
        (_LEVEL, "containerloglevel", read_json(environment.content.get(_LEVEL))),
        (_SERVING_LEVEL, "containerloglevel", serving),
        (_METRICS, "enablecloudwatchmetrics", read_json(environment.content.get(_METRICS))),
    ):
        if value is not None and _put_if_free(draft, parameter, value, environment.name(name)):
            environment.take(name)
    draft.put("requirementsfile", environment.take(_REQUIREMENTS), environment.name(_REQUIREMENTS))


def _put_if_free(draft: Draft, name: str, value: Any, origin: str) -> bool:
    """Set a parameter; False if it has another value already, so that the model's variable must stay."""
    if draft.document.get(name, value) != value:
        return False
    draft.put(name, value, origin, default=False)
    return True


def _convert_folder(draft: Draft, environment: Source) -> None:
    place = environment.take_text(_FOLDER)
    if place.removeprefix("file://") == CODE_IN_MODEL:
        draft.give(environment.name(_FOLDER))
        if "trainsourcefile" not in draft.document:
            draft.note(
                "The serving script is in the folder code/ of the model's archive; pack that folder as a .tar.gz, and "
                "set hostsourcefile to its address."
            )
    elif place != draft.document.get("trainsourcefile"):
        draft.put("hostsourcefile", place or None, environment.name(_FOLDER))


def _read_container(container: Source) -> dict[str, Any]:
    parts = {
        "image": container.take("Image"),
        "artifacts": _take_data(container),
        "environment": dict(container.child("Environment").take_entries()) or None,
    }
    return {name: value for name, value in parts.items() if value is not None}
