"""Adds a serving script to a model's archive, for the containers that read it only from there."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from sagebuild.deadline import Deadline
from sagebuild.errors import ModelChangedError, PreflightError
from sagebuild.parameters.shown import show_value
from sagebuild.requests.script_mode import FOLDER_SCRIPT
from sagebuild.running.causes import NO_MODEL
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call
from sagebuild.steps.copy_time import PART_BYTES, refuse_late_copy
from sagebuild.tar_archives import BROKEN, Member

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CODE = "code"
_PIPE_BYTES = 1024 * 1024


# The model server imports this as a module: it runs the script in its own namespace, so that the server finds the
# script's functions, and pickled objects the script's classes. The containers may copy the code to other folders.
_ENTRY = """# Imports {path}: the model server finds scripts by file name only.
import os
import sys

_path = {path!r}
_folders = (os.path.dirname(os.path.abspath(__file__)), "/opt/ml/code", "/opt/ml/model/code")
__file__ = next(file for file in (os.path.join(each, _path) for each in _folders) if os.path.isfile(file))
sys.path.insert(0, os.path.dirname(__file__))
sys.modules[{module!r}] = sys.modules[__name__]
with open(__file__, "rb") as _script:
    exec(compile(_script.read(), __file__, "exec"))
"""


class _Timed:
    """An object in S3, or a part of one, that cannot be read after the deadline."""

    def __init__(self, uri: str, body: IO[bytes], deadline: Deadline) -> None:
        self._uri, self._body, self._deadline = uri, body, deadline

    def read(self, size: int = -1) -> bytes:
        """Read at most this many bytes; raise ModelTooLargeError after the deadline."""
        refuse_late_copy(self._uri, self._deadline)
        return self._body.read(size)


def pack_model(
    service: Service,
    artifacts: str,
    source: str,
    target: str,
    entry: str | None = None,
    key: str | None = None,
    etag: str | None = None,
    *,
    level: int = 1,
    deadline: Deadline | None = None,
) -> str:
    """Copy a model's archive with a source archive as its folder code/, which replaces an existing code/.

    Input and output are streamed, so that the model may exceed memory and disk.

    Parameters
    ----------
    artifacts, source, target
        S3 URIs of the model.tar.gz, the source archive and the new archive.
    entry
        Path of a serving script in a folder; the new archive gets a script beside that folder that imports it.
    key
        The KMS key that encrypts the new archive; default: the encryption of its bucket.
    etag
        The ETag that the model must have; default: any.
    level
        The level of gzip for the new archive; 0 for none.
    deadline
        When the copy must be complete; default: any time.

    Returns
    -------
    str
        The URI of the new archive.

    Raises
    ------
    PreflightError
        One of the archives is not a tar.gz archive, or the training saved no model.
    ModelChangedError
        The model has another ETag.
    ModelTooLargeError
        The model was not packed before the deadline.
    """
    from boto3.s3.transfer import TransferConfig

    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def write() -> None:
        # A failed upload closes the pipe first; that failure is the one to report.
        with suppress(BrokenPipeError), os.fdopen(writing, "wb", _PIPE_BYTES) as pipe:
            try:
                trained = _open(service, artifacts, "r|gz", etag, deadline)
                _merge(service, trained, source, entry, pipe, level, partial(_limit, artifacts, deadline))
            except Exception as error:  # raised again in the calling thread
                failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    bucket, name = split_s3_uri(target)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    with aws_call(f"write {target}"), os.fdopen(reading, "rb", _PIPE_BYTES) as pipe:
        # S3 takes 10,000 parts; boto3 does not know how many a stream becomes.
        service.s3.upload_fileobj(pipe, bucket, name, encryption, Config=TransferConfig(multipart_chunksize=PART_BYTES))
    writer.join()
    if failures:
        service.s3.delete_object(Bucket=bucket, Key=name)
        raise failures[0]
    return target


def _merge(
    service: Service,
    trained: AbstractContextManager[tarfile.TarFile],
    source: str,
    entry: str | None,
    pipe: IO[bytes],
    level: int,
    limit: Callable[[IO[bytes]], IO[bytes]],
) -> None:
    with (
        gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=level, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as merged,
    ):
        with trained as model:
            for member in model:
                if not _is_code(member.name):
                    _copy(model, member, merged, limit)
        with _open(service, source, "r|*") as code:
            for member in code:
                member.name = f"{CODE}/{member.name}"
                _copy(code, member, merged, limit)
        if entry:
            _add_entry(merged, entry)


@contextmanager
def _open(
    service: Service, uri: str, mode: Any, etag: str | None = None, deadline: Deadline | None = None
) -> Iterator[tarfile.TarFile]:
    """Open an archive in S3, and name it in the error if it cannot be read."""
    try:
        with (
            aws_call(f"read {uri}"),
            tarfile.open(fileobj=_read(service.s3, uri, etag, deadline), mode=mode, tarinfo=Member) as archive,
        ):
            yield archive
    except BROKEN as error:
        raise PreflightError(f"{uri} is not a tar.gz archive: {show_value(str(error))}.") from error


def _copy(
    source: tarfile.TarFile,
    member: tarfile.TarInfo,
    target: tarfile.TarFile,
    limit: Callable[[IO[bytes]], IO[bytes]],
) -> None:
    if member.islnk() and member.name.startswith(
        f"{CODE}/"
    ):  # a hard link names its target from the root of the archive
        member.linkname = f"{CODE}/{member.linkname}"
    assert isinstance(member, Member)
    content = source.extractfile(member) if member.has_data else None
    if content:
        # tarfile returns a sparse file with its holes, and the data of an unknown type as POSIX demands: as a file.
        member.type, member.sparse = tarfile.REGTYPE, None
        member.pax_headers = {
            name: value for name, value in member.pax_headers.items() if not name.startswith("GNU.sparse.")
        }
    else:
        member.size = 0
    # A small archive may describe a sparse file of any size, whose holes are read without reading the archive.
    target.addfile(member, limit(content) if content else None)


def _add_entry(target: tarfile.TarFile, path: str) -> None:
    content = _ENTRY.format(path=path, module=PurePosixPath(path).stem).encode()
    member = tarfile.TarInfo(f"{CODE}/{FOLDER_SCRIPT}")
    member.size = len(content)
    target.addfile(member, io.BytesIO(content))


def _is_code(name: str) -> bool:
    return name.removeprefix("./").split("/", 1)[0] == CODE


def _limit(uri: str, deadline: Deadline | None, body: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], _Timed(uri, body, deadline)) if deadline else body


def _read(s3: S3Client, uri: str, etag: str | None, deadline: Deadline | None) -> IO[bytes]:
    bucket, key = split_s3_uri(uri)
    condition: Any = {"IfMatch": f'"{etag}"'} if etag else {}
    try:
        body = s3.get_object(Bucket=bucket, Key=key, **condition)["Body"]
        return _limit(uri, deadline, cast(IO[bytes], body))
    except s3.exceptions.NoSuchKey as error:
        raise PreflightError(f"{NO_MODEL} at {uri}.") from error
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        raise ModelChangedError(f"{uri} changed while it was read; start a new build.") from error
