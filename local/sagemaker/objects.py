"""Files between S3 and the folders that stand for a container's disk, always in the role of the job or model."""

import json
import shutil
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local import clients
from local.archives import unpack_tar


class ObjectError(Exception):
    """S3 does not hold what a job or model needs, or what it holds cannot be used."""


class Entry(NamedTuple):
    """One object, and the name that it gets in a folder."""

    uri: str
    name: str


class Objects:
    """S3 as one role sees it."""

    def __init__(self, region: str, role_arn: str | None) -> None:
        self._s3: Any = clients.client("s3", region, role_arn)

    def fetch(self, uri: str, target: Path) -> None:
        """Download one object."""
        bucket, key = _split(uri)
        try:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(body, file)

    def check(self, uri: str) -> None:
        """Fail unless there is such an object, and the role may read it."""
        bucket, key = _split(uri)
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error

    def list_prefix(self, uri: str) -> list[Entry]:
        """Every object below a prefix; none if there is none."""
        bucket, prefix = _split(uri)
        try:
            pages = list(self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [Entry(f"s3://{bucket}/{key}", _relative(key, prefix)) for key in keys if not key.endswith("/")]

    def read_manifest(self, uri: str) -> list[Entry]:
        """What a manifest lists: ``[{"prefix": "s3://..."}, "key", ...]``."""
        try:
            first, *keys = json.loads(self.read(uri))
            prefix = first["prefix"]
        except (ValueError, TypeError, KeyError) as error:
            raise ObjectError(f"{uri} is not a manifest, which is a JSON list that begins with a prefix") from error
        return [Entry(prefix + key, key) for key in keys]

    def fetch_into(self, folder: Path, entries: Iterable[Entry]) -> None:
        """Download objects, each to its name in a folder."""
        for entry in entries:
            self.fetch(entry.uri, _inside(folder, entry.name))

    def fetch_archive(self, uri: str, target: Path) -> None:
        """Download a tar.gz and unpack it."""
        archive = target.with_name(f"{target.name}.tar.gz")
        self.fetch(uri, archive)
        try:
            unpack_tar(archive, target)
        except tarfile.TarError as error:
            raise ObjectError(f"{uri} is not a tar.gz archive: {error}") from error
        archive.unlink()

    def read(self, uri: str) -> bytes:
        """The content of one object."""
        bucket, key = _split(uri)
        try:
            content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error
        return content

    def store(self, content: IO[bytes] | bytes, uri: str, **more: str) -> None:
        """Upload one object."""
        bucket, key = _split(uri)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, **more)
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error

    def store_archive(self, folders: Sequence[Path], uri: str) -> None:
        """Pack what folders hold and upload it as one; of files with the same name the first folder's is taken."""
        archive = folders[0].with_name(f"{folders[0].name}.tar.gz")
        with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
            taken: set[Path] = set()
            for folder in folders:
                for path in sorted(folder.rglob("*")):
                    name = path.relative_to(folder)
                    if name not in taken:
                        taken.add(name)
                        tar.add(path, name, recursive=False)
        with archive.open("rb") as file:
            self.store(file, uri)
        archive.unlink()


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise ObjectError(f"{uri} is not an S3 address")
    return parts.netloc, parts.path.lstrip("/")


def _relative(key: str, prefix: str) -> str:
    """A key as it lies below the channel's folder: without the folders that the prefix names."""
    whole = prefix if prefix.endswith("/") or not key.startswith(f"{prefix}/") else f"{prefix}/"
    return key[len(whole) if key.startswith(whole) and whole.endswith("/") else whole.rfind("/") + 1 :]


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ObjectError(f"the key {name} would lie outside its folder")
    return path
