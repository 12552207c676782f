"""Copies a model and its serving script to the receiving stack's model bucket, and writes the manifest beside them."""

from __future__ import annotations

from hashlib import sha256
from typing import IO, Any, cast

from botocore.exceptions import ClientError

from sagebuild.builds.records import ModelFile
from sagebuild.errors import ModelChangedError
from sagebuild.promotion.manifest import (
    MODEL,
    SOURCE,
    Manifest,
    Origin,
    PromotedFile,
    combine_checksums,
    locate_promotion,
    verify_files,
    write_manifest,
)
from sagebuild.promotion.rules import Promotable
from sagebuild.running.model_files import list_files
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call


class _HashedBody:
    """The body of an object, whose SHA-256 and size are known when it has been read."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._hash = sha256()
        self.bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read at most this many bytes."""
        data: bytes = self._body.read(size if size >= 0 else None)
        self._hash.update(data)
        self.bytes += len(data)
        return data

    @property
    def digest(self) -> str:
        """The SHA-256 of what was read."""
        return self._hash.hexdigest()


def copy_promotion(service: Service, promotable: Promotable, receiver: Service) -> dict[str, str]:
    """Copy what moves, and return what the request for the promotion names. Safe to repeat.

    The files pass through this machine, with the credentials of both stacks: no role of the one needs access to the
    other, in the same or another account and region.

    Raises
    ------
    ModelChangedError
        A file changed while it was copied.
    """
    place = locate_promotion(receiver, promotable.folder)
    wanted = dict(promotable.files)
    source = f"{SOURCE}{promotable.source['uri'].rpartition('/')[2]}" if promotable.source else ""
    if promotable.source:
        wanted[source] = promotable.source
    files = tuple(_copy_file(service, wanted[name], receiver, place, name) for name in sorted(wanted))
    model = [each for each in files if each.name in promotable.files]
    record = promotable.record
    origin = Origin(
        stack=service.stack_name,
        account=service.account,
        region=service.region,
        pipeline=service.pipeline,
        build=record.number,
        package=record.model_package,
        artifact=promotable.artifact,
        checksum=combine_checksums(model) if model else "",
    )
    manifest = Manifest(
        origin=origin,
        framework=promotable.framework,
        parameters=promotable.parameters,
        metrics=record.metrics,
        model=_name_model(promotable),
        source=source,
        files=files,
    )
    verify_files(receiver, place, manifest)
    return {"folder": promotable.folder, "manifest": write_manifest(receiver, promotable.folder, manifest)}


def _name_model(promotable: Promotable) -> str:
    if not promotable.artifact.endswith("/"):
        return next(iter(promotable.files), "")
    return MODEL


def _copy_file(service: Service, file: ModelFile, receiver: Service, place: str, name: str) -> PromotedFile:
    bucket, key = split_s3_uri(file["uri"])
    to_bucket, to_key = split_s3_uri(f"{place}{name}")
    with aws_call(f"copy {file['uri']}"):
        try:
            answer = service.s3.get_object(Bucket=bucket, Key=key, IfMatch=f'"{file["etag"]}"')
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "NoSuchKey"):
                raise
            raise ModelChangedError(f"{file['uri']} changed or was deleted; nothing was promoted.") from error
        body = _HashedBody(answer["Body"])
        # S3 compares the SHA-256 of each part with what has arrived:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
        receiver.s3.upload_fileobj(
            cast("IO[bytes]", body), to_bucket, to_key, ExtraArgs={"ChecksumAlgorithm": "SHA256"}
        )
    copied = next((each for each in list_files(receiver, f"{place}{name}") if each["uri"] == f"{place}{name}"), None)
    if not copied or not body.bytes == copied["bytes"] == file["bytes"]:
        raise ModelChangedError(f"The copy of {file['uri']} is not complete; nothing was promoted. Try again.")
    return PromotedFile(name=name, etag=copied["etag"], bytes=copied["bytes"], sha256=body.digest)
