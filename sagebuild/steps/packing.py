"""Adds a serving script to a model's archive, for the containers that read it only from there."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

from sagebuild.errors import PreflightError
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CODE = "code"
# The fastest level: model weights hardly compress, and a Lambda function has 15 minutes.
_COMPRESS_LEVEL = 1
_PIPE_BYTES = 1024 * 1024


def pack_model(service: Service, artifacts: str, source: str, target: str) -> str:
    """Copy a model's archive with a source archive as its folder code/, which replaces an existing code/.

    Input and output are streamed, so that the model may exceed memory and disk.

    Parameters
    ----------
    artifacts, source, target
        S3 URIs of the model.tar.gz, the source archive and the new archive.

    Returns
    -------
    str
        The URI of the new archive.

    Raises
    ------
    PreflightError
        One of the archives is not a tar.gz archive.
    """
    with aws_call(f"read {source}"):
        code = _read(service.s3, source).read()
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def write() -> None:
        # A failed upload closes the pipe first; that failure is the one to report.
        with suppress(BrokenPipeError), os.fdopen(writing, "wb", _PIPE_BYTES) as pipe:
            try:
                with aws_call(f"read {artifacts}"):
                    _merge(_read(service.s3, artifacts), code, pipe, (artifacts, source))
            except Exception as error:  # raised again in the calling thread
                failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    bucket, key = split_s3_uri(target)
    with aws_call(f"write {target}"), os.fdopen(reading, "rb", _PIPE_BYTES) as pipe:
        service.s3.upload_fileobj(pipe, bucket, key)
    writer.join()
    if failures:
        service.s3.delete_object(Bucket=bucket, Key=key)
        raise failures[0]
    return target


def _merge(model: IO[bytes], code: bytes, pipe: IO[bytes], names: tuple[str, str]) -> None:
    with (
        gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=_COMPRESS_LEVEL, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as merged,
    ):
        with _report_archive(names[0]), tarfile.open(fileobj=model, mode="r|gz") as old:
            for member in old:
                if not _is_code(member.name):
                    _copy(old, member, merged)
        with _report_archive(names[1]), tarfile.open(fileobj=io.BytesIO(code), mode="r:*") as new:
            for member in new:
                member.name = f"{CODE}/{member.name}"
                _copy(new, member, merged)


@contextmanager
def _report_archive(uri: str) -> Iterator[None]:
    """Name the archive in the error if it cannot be read."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise PreflightError(f"{uri} is not a tar.gz archive: {error}.") from error


def _copy(source: tarfile.TarFile, member: tarfile.TarInfo, target: tarfile.TarFile) -> None:
    if member.islnk() and member.name.startswith(
        f"{CODE}/"
    ):  # a hard link names its target from the root of the archive
        member.linkname = f"{CODE}/{member.linkname}"
    target.addfile(member, source.extractfile(member) if member.isreg() else None)


def _is_code(name: str) -> bool:
    return name.removeprefix("./").split("/", 1)[0] == CODE


def _read(s3: S3Client, uri: str) -> IO[bytes]:
    bucket, key = split_s3_uri(uri)
    return cast(IO[bytes], s3.get_object(Bucket=bucket, Key=key)["Body"])
