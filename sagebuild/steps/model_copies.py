"""Copies the files of a build's model to a folder that no training can write, and records them.

A training may write everything below builds/ in the model bucket, so it could replace the model of another build. The
copies are what the build's approval is for, and what its endpoint serves. Models in other buckets are copied as well:
their files can change at any time, also those of a live endpoint, which SageMaker reads again when it adds instances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import NOT_ENDED, BuildRecord, ModelFile, read_build, update_build
from sagebuild.deadline import Deadline
from sagebuild.errors import BuildNotFoundError, ModelChangedError, PreflightError
from sagebuild.requests.model_data import build_model_data, is_archive, read_model_data
from sagebuild.running.causes import NO_MODEL
from sagebuild.running.model_files import delete_copies, list_copies, list_files, locate_copies
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call
from sagebuild.steps.copy_time import PART_BYTES, PARTS_AT_ONCE, choose_level, refuse_late_copy
from sagebuild.steps.packing import pack_model

if TYPE_CHECKING:
    from sagebuild.requests.script_mode import PackingPlan


def copy_model(service: Service, request: Mapping[str, Any], *, deadline: Deadline) -> dict[str, Any]:
    """Copy the files of a build's model, and record the copies. Safe to repeat.

    Parameters
    ----------
    request
        The build's ``number``; ``model``, the request of CreateModel; ``artifacts``, the S3 address of the model
        as `build_model_data` takes it; and ``packing``, as `plan_packing` returned it.
    deadline
        When the copy must be complete.

    Returns
    -------
    dict
        ``model``, the request with the addresses of the copies, and ``artifacts``, the address of the copy.

    Raises
    ------
    PreflightError
        A file is missing, or an archive to which a script must be added is not a tar.gz archive.
    ModelChangedError
        A file is not the one that was trained or promoted, or it changed during the copy.
    ModelTooLargeError
        The files were not copied before the deadline.
    BuildNotFoundError
        The build has ended. Its copies are deleted, unless its model was deployed.
    """
    number, artifacts = request["number"], request["artifacts"]
    record = read_build(service, number)
    if record.has_ended:
        raise BuildNotFoundError(f"Build {number} has ended.")
    if record.origin:
        from sagebuild.promotion.receiving import verify_promotion  # imports models, which other builds do not need

        verify_promotion(service, record)
    if is_archive(artifacts):
        _remember_archive(service, record, artifacts)
    model, notes = deepcopy(request["model"]), list(record.notes)
    containers = model.get("Containers") or [model["PrimaryContainer"]]
    containers[-1] |= build_model_data(artifacts)
    for index, container in enumerate(containers):
        folder = f"{locate_copies(service, number)}{index}/"
        is_last = index == len(containers) - 1
        packing: PackingPlan = request["packing"] if is_last else _without_script(request["packing"])
        notes += _copy_container(service, container, folder, packing, deadline)
    files = list_copies(service, number)
    notes = list(dict.fromkeys(notes))
    if not update_build(service, number, only_if=NOT_ENDED, model_files=files, notes=notes):
        if not read_build(service, number).has_succeeded:  # else another call has made the same copies
            delete_copies(service, number)
        raise BuildNotFoundError(f"Build {number} has ended.")
    return {"model": model, "artifacts": read_model_data(containers[-1])}


def _remember_archive(service: Service, record: BuildRecord, artifacts: str) -> None:
    trained = _find_file(service, artifacts)
    if record.artifacts_etag not in ("", trained["etag"]):
        raise ModelChangedError(
            f"The trained model {artifacts} changed after its training: its ETag was {record.artifacts_etag}, and is "
            f"{trained['etag']} now; train again."
        )
    update_build(service, record.number, artifacts_etag=trained["etag"])


def _without_script(packing: PackingPlan) -> PackingPlan:
    return {"key": packing["key"]} if "key" in packing else {}


def _copy_container(
    service: Service, container: dict[str, Any], folder: str, packing: PackingPlan, deadline: Deadline
) -> Iterator[str]:
    """Copy the files of a container, and change their addresses; yield a note about each one that is not copied."""
    if address := container.get("ModelDataUrl"):
        if container.get("Mode") == "MultiModel" or not address.startswith("s3://"):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/add-models-to-endpoint.html
            why = "you may add models to it at any time" if address.startswith("s3://") else "it is not an S3 URI"
            yield f"The model data at {address} is not copied and not verified: {why}."
        else:
            container["ModelDataUrl"] = _copy_archive(service, _find_file(service, address), folder, packing, deadline)
    for index, source in enumerate(_list_sources(container)):
        place = f"{folder}data-{index}/"
        found = list(list_files(service, source["S3Uri"]))
        if source["S3DataType"] == "S3Object":
            found = [_find_file(service, source["S3Uri"])]
        if not found:
            raise PreflightError(f"{NO_MODEL} at {source['S3Uri']}.")
        if source["S3Uri"].startswith(folder):  # the build copied it there from the hub
            continue
        copies = {each["uri"]: f"{place}{_name_inside(each['uri'], source['S3Uri'])}" for each in found}
        for each in found:
            refuse_late_copy(each["uri"], deadline)
            _copy_file(service, each, copies[each["uri"]], packing.get("key"), deadline)
        source["S3Uri"] = copies.get(source["S3Uri"], place)


def _list_sources(container: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the data sources of a container, which hold models that are not compressed.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
    """
    for source in (container.get("ModelDataSource", {}), *container.get("AdditionalModelDataSources", [])):
        if "S3DataSource" in source:
            yield source["S3DataSource"]


def _name_inside(uri: str, folder: str) -> str:
    return uri.removeprefix(folder).lstrip("/") or uri.rpartition("/")[2]


def _copy_archive(service: Service, source: ModelFile, folder: str, packing: PackingPlan, deadline: Deadline) -> str:
    target = f"{folder}{source['uri'].rpartition('/')[2]}"
    if script := packing.get("source"):
        entry, key = packing.get("entry"), packing.get("key")
        level = choose_level(source["bytes"])
        return pack_model(
            service, source["uri"], script, target, entry, key, source["etag"], level=level, deadline=deadline
        )
    _copy_file(service, source, target, packing.get("key"), deadline)
    return target


def _copy_file(service: Service, source: ModelFile, target: str, key: str | None, deadline: Deadline) -> None:
    from boto3.s3.transfer import TransferConfig

    bucket, name = split_s3_uri(source["uri"])
    to_bucket, to_name = split_s3_uri(target)
    # Copying the tags would need more permissions.
    options = {"CopySourceIfMatch": f'"{source["etag"]}"', "TaggingDirective": "REPLACE"}
    if key:
        options |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    config = TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARTS_AT_ONCE
    )

    def note_progress(_bytes: int) -> None:
        refuse_late_copy(source["uri"], deadline)

    with aws_call(f"copy {source['uri']}"):
        try:
            service.s3.copy({"Bucket": bucket, "Key": name}, to_bucket, to_name, options, note_progress, Config=config)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("412", "PreconditionFailed"):
                raise
            raise ModelChangedError(f"{source['uri']} changed while it was copied; start a new build.") from error


def _find_file(service: Service, uri: str) -> ModelFile:
    found = next((each for each in list_files(service, uri) if each["uri"] == uri), None)
    if not found:
        raise PreflightError(f"{NO_MODEL} at {uri}.")
    return found
