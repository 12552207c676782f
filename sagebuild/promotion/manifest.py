"""The manifest of a promotion: a file beside the copied model, which says where it is from and what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sagebuild.builds.records import ModelFile
from sagebuild.errors import ModelChangedError
from sagebuild.names import key_promotion
from sagebuild.running.model_files import list_files
from sagebuild.service import Service, aws_call, suppress_code

_NAME = "promotion.json"
MODEL = "model/"  # the folder of the model's files
SOURCE = "source/"  # the folder of the serving script's archive


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Origin(_Strict):
    """The build that made the model; the receiving build records it as its ``origin``.

    Parameters
    ----------
    pipeline
        Empty for the default pipeline.
    package
        The ARN of its model package; empty if the build registered none.
    artifact
        The S3 address of the model that it served: an archive or a folder; empty if the image brings the model.
    checksum
        ``sha256:`` and the SHA-256 of the archive. Of several files, of their lines as sha256sum writes them.
    """

    stack: str
    account: str
    region: str
    pipeline: str
    build: int
    package: str
    artifact: str
    checksum: str


class PromotedFile(_Strict):
    """A file in the folder of the promotion, as it was after the copy."""

    name: str
    etag: str
    bytes: int
    sha256: str


class Manifest(_Strict):
    """What moves with a model.

    Parameters
    ----------
    framework
        The framework of both pipelines.
    parameters
        The parameters of the document that belong to the model; see `sagebuild.promotion.rules.MOVED`.
    metrics
        The metrics of the origin's build.
    model
        The name of the model's archive in the folder, ``model/`` for a folder of files, or empty without files.
    source
        The name of the serving script's archive in the folder; empty without one.
    """

    version: Literal[1] = 1
    origin: Origin
    framework: str
    parameters: dict[str, Any]
    metrics: dict[str, float]
    model: str
    source: str
    files: tuple[PromotedFile, ...]


def locate_promotion(service: Service, folder: str) -> str:
    """Return the S3 address of a promotion's folder in the receiving stack's model bucket."""
    return f"s3://{service.settings.model_bucket}/{key_promotion(service, folder)}"


def combine_checksums(files: Iterable[PromotedFile]) -> str:
    """Return the checksum of a model; see `Origin`."""
    found = sorted(files, key=lambda each: each.name)
    if len(found) == 1:
        return f"sha256:{found[0].sha256}"
    lines = "".join(f"{each.sha256}  {each.name.removeprefix(MODEL)}\n" for each in found)
    return f"sha256:{sha256(lines.encode()).hexdigest()}"


def write_manifest(service: Service, folder: str, manifest: Manifest) -> str:
    """Write the manifest, after the files that it describes; return its SHA-256."""
    text = json.dumps(manifest.model_dump(), indent=2).encode()
    with aws_call(f"write the manifest of {folder}"):
        service.s3.put_object(
            Bucket=service.settings.model_bucket,
            Key=f"{key_promotion(service, folder)}{_NAME}",
            Body=text,
            ContentType="application/json",
        )
    return sha256(text).hexdigest()


def read_manifest(service: Service, folder: str, checksum: str) -> Manifest:
    """Read the manifest of a promotion to this pipeline, and verify it and the files that it describes.

    Raises
    ------
    ModelChangedError
        The manifest or a file is missing, or is not the one that was copied.
    """
    place, text = locate_promotion(service, folder), b""
    with aws_call(f"read {place}{_NAME}"), suppress_code("NoSuchKey"):
        answer = service.s3.get_object(
            Bucket=service.settings.model_bucket, Key=f"{key_promotion(service, folder)}{_NAME}"
        )
        text = answer["Body"].read()
    if sha256(text).hexdigest() != checksum:
        state = "changed after the promotion was requested" if text else "does not exist"
        raise ModelChangedError(
            f"The manifest {place}{_NAME} {state}, so nothing is deployed; promote the build again."
        )
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ModelChangedError(f"The manifest {place}{_NAME} is of another version of sagebuild: {error}") from None
    verify_files(service, place, manifest)
    return manifest


def verify_files(service: Service, place: str, manifest: Manifest) -> None:
    """Compare the files in the folder of a promotion with its manifest.

    Raises
    ------
    ModelChangedError
        A file changed, is missing, or was added.
    """
    recorded = {f"{place}{each.name}": (each.etag, each.bytes) for each in manifest.files}
    found = {each["uri"]: _identify(each) for each in list_files(service, place)}
    found.pop(f"{place}{_NAME}", None)
    changed = sorted(uri for uri in recorded | found if recorded.get(uri) != found.get(uri))
    if changed:
        raise ModelChangedError(
            f"{changed[0]} is not the file that was promoted, so nothing is deployed; find out who changed it in "
            "CloudTrail or S3's access log, then promote the build again."
        )


def _identify(file: ModelFile) -> tuple[str, int]:
    return file["etag"], file["bytes"]
