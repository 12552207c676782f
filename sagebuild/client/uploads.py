"""Uploads to the pipeline's folders in the buckets: data file by file; source code and models as one archive."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import IO, Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sagebuild.client.archives import read_tar, write_tar
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.files import list_files
from sagebuild.client.sources import Source, read_source
from sagebuild.client.upload_results import Upload
from sagebuild.errors import InputError
from sagebuild.names import MODELS_FOLDER
from sagebuild.parameters.shown import show_name
from sagebuild.service import Service, aws_call

Archive = BufferedRandom | BufferedReader  # of a temporary file or a given one
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_LONGEST_KEY = 1024  # bytes
# The containers cut off a key at ? and #, and parameters allow no colon in a key.
_ARCHIVE_NAME = re.compile(r"[^/\s:?#][^:?#]*")


def upload_data(service: Service, path: Path, prefix: str, *, hidden: bool = False, progress: bool) -> Upload:
    """Upload data; see `Pipeline.upload_data`."""
    listing = list_files(path, hidden=hidden, empty=False, broken_links=True)
    if not listing.files:
        left_out = Upload("", "", 0, 0, listing.skipped).lines
        raise InputError(f"{path} contains no files to upload. {'. '.join(left_out)}".rstrip())
    bucket = service.settings.data_bucket
    folder = service.folder + (prefix.strip("/") + "/" if prefix.strip("/") else "")
    keys = [_check_key(f"{folder}{name}") for _, name in listing.files]
    size, count = listing.size, len(keys)
    shown = listing.files[0][1] if count == 1 else f"{count} files"
    with _show_progress(shown, size, progress) as advance:
        for done, ((file, _), key) in enumerate(zip(listing.files, keys, strict=True)):
            state = f"; {done} of {count} files were uploaded before it" if count > 1 else ""
            with file.open("rb") as content:
                _send(service, content, bucket, key, advance, f"{file}{state}")
    uri = f"s3://{bucket}/{keys[0] if path.is_file() else folder}"
    return Upload(uri, uri, count, size, listing.skipped, listing.links)


def upload_source(
    service: Service,
    path: Path,
    name: str | None,
    *,
    dependencies: Sequence[Path] = (),
    docker: bool | None = None,
    hidden: bool = False,
    progress: bool = False,
) -> Upload:
    """Upload source code as an archive; see `Pipeline.upload_source`."""
    source = read_source(service, path, dependencies, docker=docker, hidden=hidden)
    archive = _choose_name(path, name, source)
    bucket, key = service.settings.code_bucket, _check_key(f"{service.folder}{archive}")
    with _open_archive(source) as content:
        packed_size = _upload_archive(service, content, bucket, key, progress)
    parameters = {name: value or archive for name, value in source.parameters.items()}
    return _describe(source, archive, f"s3://{bucket}/{key}", packed_size, parameters)


def upload_model(
    service: Service, path: Path, name: str | None, *, hidden: bool = False, progress: bool = False
) -> Upload:
    """Upload a model as an archive; see `Pipeline.upload_model`."""
    if path.is_file():
        source = Source(path, read_tar(path))
    else:
        listing = list_files(path, hidden=hidden)
        if not listing.files:
            raise InputError(f"{path} contains no files to upload; pass the folder with the model's files.")
        names = [name for _, name in listing.files]
        source = Source(path, names, listing.files, listing.size, listing.skipped, listing.links)
    stem = re.sub(r"[^\w.-]+", "-", name or re.sub(r"\.(tar\.gz|tgz)$", "", path.resolve().name)) or "model"
    with _open_archive(source, is_model=True) as content:
        # The key contains the content's hash: an upload must not replace a model that an endpoint serves.
        digest = file_digest(content, "sha256").hexdigest()[:12]
        key = _check_key(f"{service.folder}{MODELS_FOLDER}/{stem}-{digest}.tar.gz")
        packed_size = _upload_archive(service, content, service.settings.model_bucket, key, progress)
    uri = f"s3://{service.settings.model_bucket}/{key}"
    return _describe(source, uri, uri, packed_size, {"ModelArtifacts": uri, "skiptrain": True})


def _describe(source: Source, value: str, uri: str, packed_size: int, parameters: Mapping[str, Any]) -> Upload:
    size, notes = source.size or packed_size, source.notes
    return Upload(value, uri, len(source.names), size, source.skipped, source.links, parameters, notes)


@contextmanager
def _open_archive(source: Source, *, is_model: bool = False) -> Iterator[Archive]:
    """Open the archive that the user packed, or pack the files."""
    if not source.files:
        with source.path.open("rb") as given:
            yield given
        return
    with tempfile.TemporaryFile() as packed:
        try:
            source.write(source.files, packed) if source.write else write_tar(source.files, packed, is_model=is_model)
        except OSError as error:
            raise InputError(f"{source.path} could not be packed: {error}. Nothing was uploaded.") from None
        packed.seek(0)
        yield packed


def _upload_archive(service: Service, content: Archive, bucket: str, key: str, progress: bool) -> int:
    """Upload an archive, and return its size in bytes."""
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    with _show_progress(key, size, progress) as advance:
        _send(service, content, bucket, key, advance, key)
    return size


def _send(
    service: Service, content: IO[bytes], bucket: str, key: str, advance: Callable[[int], None], description: str
) -> None:
    with translating_errors(), aws_call(f"upload {description}"):
        service.s3.upload_fileobj(content, bucket, key, Callback=advance)


def _choose_name(path: Path, name: str | None, source: Source) -> str:
    suffix = ".zip" if source.is_docker else ".tar.gz"
    folder = re.sub(r"\.(tar\.gz|tgz|zip)$", "", path.resolve().name) if path.is_file() else path.resolve().name
    archive = name or f"{folder}{suffix}"
    if source.is_docker and not archive.endswith(suffix):
        raise InputError(f"The name {show_name(archive)} must end in {suffix}: CodeBuild unpacks no other archive.")
    if not _ARCHIVE_NAME.fullmatch(archive) or archive == suffix:
        raise InputError(
            f"{show_name(archive)} cannot be the name of an archive: it must not contain ':', '?' or '#', or begin "
            "with '/' or a space; pass another name."
        )
    return archive


def _check_key(key: str) -> str:
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise InputError(f"The name {show_name(key)} is not UTF-8; rename the file. Nothing was uploaded.") from None
    if length > _LONGEST_KEY:
        raise InputError(
            f"The key {show_name(key)} has {length} bytes; S3 allows {_LONGEST_KEY}. Nothing was uploaded."
        )
    return key


@contextmanager
def _show_progress(description: str, total: int, is_enabled: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not is_enabled) as progress:
        task = progress.add_task(f"Upload {description}", total=total)
        yield lambda uploaded: progress.advance(task, uploaded)
