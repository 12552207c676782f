"""Uploads files and folders to the pipeline's folders in the buckets: data file by file, source as one archive."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boto3.exceptions import S3UploadFailedError
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sagebuild.client.aws_errors import translating_errors
from sagebuild.errors import InputError
from sagebuild.service import Service, aws_call

_EXCLUDED = frozenset({"__pycache__", "node_modules"})


def upload_data(service: Service, path: Path, prefix: str, *, progress: bool) -> str:
    """Upload data and return its S3 URI; see `Pipeline.upload_data`."""
    files = list(_list_files(path))
    if not files:
        if not path.is_dir():
            raise InputError(f"No such file or folder: {path}")
        raise InputError(f"{path} contains no files to upload; hidden files and caches are left out.")
    bucket = service.settings.data_bucket
    folder = service.folder + (prefix.strip("/") + "/" if prefix.strip("/") else "")
    total = sum(file.stat().st_size for file, _ in files)
    with (
        translating_errors(),
        aws_call(f"upload {path}"),
        _show_progress(_name_files(files), total, progress) as advance,
    ):
        for file, name in files:
            try:
                service.s3.upload_file(str(file), bucket, f"{folder}{name}", Callback=advance)
            except S3UploadFailedError as error:
                raise InputError(f"{file} could not be uploaded: {error}") from error
    return f"s3://{bucket}/{folder}{files[0][1] if path.is_file() else ''}"


def upload_source(service: Service, folder: Path, name: str | None) -> str:
    """Upload a folder as an archive and return its name; see `Pipeline.upload_source`."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; pass the folder that contains the training script.")
    files = list(_list_files(folder))
    if not any(file.suffix == ".py" for file, _ in files):
        raise InputError(f"{folder} contains no Python file; pass the folder that contains the training script.")
    archive = name or f"{folder.resolve().name}.tar.gz"
    key = f"{service.folder}{archive}"
    with translating_errors(), aws_call(f"upload {key}"):
        service.s3.put_object(Bucket=service.settings.code_bucket, Key=key, Body=pack_files(files))
    return archive


def pack_files(files: Iterable[tuple[Path, str]]) -> bytes:
    """Return a tar.gz of files under the given names; the same content gives the same bytes on every machine."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for file, name in files:
            content, entry = file.read_bytes(), tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755 if file.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _name_files(files: list[tuple[Path, str]]) -> str:
    return files[0][1] if len(files) == 1 else f"{len(files)} files"


def _list_files(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield files and their names relative to the path, without hidden files and caches."""
    if path.is_file():
        yield path, path.name
        return
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") or part in _EXCLUDED for part in parts):
            yield file, "/".join(parts)


@contextmanager
def _show_progress(description: str, total: int, is_enabled: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not is_enabled) as progress:
        task = progress.add_task(f"Upload {description}", total=total)
        yield lambda uploaded: progress.advance(task, uploaded)
