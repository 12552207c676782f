"""Verifies, before a deployment or a batch transform, that the models' files are those that their builds recorded."""

from __future__ import annotations

from collections.abc import Iterable

from sagebuild.builds.records import BuildRecord, ModelFile, read_build
from sagebuild.errors import ModelChangedError
from sagebuild.names import parse_stack_resource
from sagebuild.running.model_files import list_copies
from sagebuild.service import Service


def verify_models(service: Service, models: Iterable[str]) -> None:
    """Verify the files of the models that an endpoint will serve, or that a batch transform uses.

    Models that no build of the stack created are not verified, because no build recorded their files; neither are
    those of builds before this check existed.

    Parameters
    ----------
    models
        The names of the SageMaker models.

    Raises
    ------
    ModelChangedError
        A file changed, is missing, or was added.
    BuildNotFoundError
        The record of a model's build was deleted.
    """
    for model in dict.fromkeys(models):
        if build := parse_stack_resource(service, model):
            pipeline, number = build
            owner = service.for_pipeline(pipeline)
            _verify_build(owner, read_build(owner, number))


def _verify_build(service: Service, record: BuildRecord) -> None:
    if not record.model_files:
        return
    recorded = {each["uri"]: each for each in record.model_files}
    found = {each["uri"]: each for each in list_copies(service, record.number)}
    changed = sorted(uri for uri in recorded | found if recorded.get(uri) != found.get(uri))
    if not changed:
        return
    uri, more = changed[0], len(changed) - 1
    others = f" (and {more} more)" if more else ""
    raise ModelChangedError(
        f"The model of build {record.number} changed after the build copied it, so it is not used: for "
        f"{uri}{others} the build recorded {_describe(recorded.get(uri))}, and S3 has {_describe(found.get(uri))}; "
        "find out in CloudTrail or S3's access log who changed it, then start a new build."
    )


def _describe(file: ModelFile | None) -> str:
    return f"{file['bytes']} bytes with the ETag {file['etag']}" if file else "no such file"
