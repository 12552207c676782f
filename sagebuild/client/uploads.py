"""Brings a person's folder to the stack's buckets: the source as one archive, the data as it is."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boto3.exceptions import S3UploadFailedError
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sagebuild.client.explanations import explaining
from sagebuild.errors import InputError
from sagebuild.service import Service, aws_call

_LEFT_OUT = frozenset({"__pycache__", "node_modules"})


def upload_data(service: Service, path: Path, prefix: str, *, progress: bool) -> str:
    """The S3 address under which it now lies; see `Stack.upload_data`."""
    files = list(_list_files(path))
    if not files:
        raise InputError(f"{path} is no file and no folder with files; there is nothing to upload.")
    bucket = service.settings.data_bucket
    folder = prefix.strip("/") + "/" if prefix.strip("/") else ""
    total = sum(file.stat().st_size for file, _ in files)
    with explaining(), aws_call(f"upload {path}"), _show_progress(_name_files(files), total, progress) as advance:
        for file, name in files:
            try:
                service.s3.upload_file(str(file), bucket, f"{folder}{name}", Callback=advance)
            except S3UploadFailedError as error:
                raise InputError(f"{file} could not be uploaded: {error}") from error
    return f"s3://{bucket}/{folder}{files[0][1] if path.is_file() else ''}"


def upload_source(service: Service, folder: Path, name: str | None) -> str:
    """The archive's name in the code bucket; see `Stack.upload_source`."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the folder that holds the training script.")
    files = list(_list_files(folder))
    if not any(file.suffix == ".py" for file, _ in files):
        raise InputError(f"{folder} holds no Python file; give the folder that holds the training script.")
    key = name or f"{folder.resolve().name}.tar.gz"
    with explaining(), aws_call(f"upload {key}"):
        service.s3.put_object(Bucket=service.settings.code_bucket, Key=key, Body=_pack(files))
    return key


def _name_files(files: list[tuple[Path, str]]) -> str:
    return files[0][1] if len(files) == 1 else f"{len(files)} files"


def _list_files(path: Path) -> Iterator[tuple[Path, str]]:
    """Files with their names below the path; what is hidden or made by Python stays at home."""
    if path.is_file():
        yield path, path.name
        return
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") or part in _LEFT_OUT for part in parts):
            yield file, "/".join(parts)


def _pack(files: list[tuple[Path, str]]) -> bytes:
    """The same files give the same bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for file, name in files:
            member = tarfile.TarInfo(name)
            content = file.read_bytes()
            member.size, member.mode = len(content), 0o755 if file.stat().st_mode & 0o100 else 0o644
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@contextmanager
def _show_progress(what: str, total: int, wanted: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not wanted) as shown:
        task = shown.add_task(f"Upload {what}", total=total)
        yield lambda done: shown.advance(task, done)
