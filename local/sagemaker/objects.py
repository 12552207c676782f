"""Transfers files between S3 and the folders of containers, in the role of the job or model."""

import gzip
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local import clients
from local.archives import unpack_tar


class ObjectError(Exception):
    """An object is missing, not permitted or unusable; the message says which."""


class ArchiveError(ObjectError):
    """An object is not an archive that can be unpacked."""


class Entry(NamedTuple):
    """One object, and its name in the target folder."""

    uri: str
    name: str


class Objects:
    """S3 in one role.

    Parameters
    ----------
    key
        The KMS key of new objects; default: the encryption of their bucket.
    """

    def __init__(self, region: str, role_arn: str | None, key: str | None = None) -> None:
        self._s3: Any = clients.client("s3", region, role_arn)
        self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def fetch(self, uri: str, target: Path) -> None:
        """Download one object."""
        bucket, key = _split(uri)
        with _translated_errors(uri):
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(body, file)

    def check(self, uri: str) -> None:
        """Raise ObjectError unless the object exists and the role may read it."""
        bucket, key = _split(uri)
        with _translated_errors(uri):
            self._s3.head_object(Bucket=bucket, Key=key)

    def list_prefix(self, uri: str) -> list[Entry]:
        """Every object below a prefix."""
        bucket, prefix = _split(uri)
        with _translated_errors(uri):
            pages = list(self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [Entry(f"s3://{bucket}/{key}", _relative(key, prefix)) for key in keys if not key.endswith("/")]

    def read_manifest(self, uri: str) -> list[Entry]:
        """The entries of a manifest: ``[{"prefix": "s3://..."}, "key", ...]``."""
        try:
            first, *keys = json.loads(self.read(uri))
            prefix = first["prefix"]
        except (ValueError, TypeError, KeyError) as error:
            raise ObjectError(f"{uri} is not a manifest (a JSON list that begins with a prefix)") from error
        return [Entry(prefix + key, key) for key in keys]

    def fetch_into(self, folder: Path, entries: Iterable[Entry]) -> None:
        """Download objects to their names in a folder."""
        for entry in entries:
            self.fetch(entry.uri, _inside(folder, entry.name))

    def fetch_archive(self, uri: str, target: Path, *, refuse_links: bool = False) -> None:
        """Download a tar.gz and unpack it; with links only if they are not refused."""
        archive = target.with_name(f"{target.name}.tar.gz")
        self.fetch(uri, archive)
        try:
            unpack_tar(archive, target, refuse_links=refuse_links)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ArchiveError(f"{uri} is not a tar.gz archive that can be unpacked: {error}") from error
        archive.unlink()

    def read(self, uri: str) -> bytes:
        """The content of one object."""
        bucket, key = _split(uri)
        with _translated_errors(uri):
            content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def store(self, content: IO[bytes] | bytes, uri: str, **more: str) -> None:
        """Upload one object."""
        bucket, key = _split(uri)
        with _translated_errors(uri):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, **self._encryption, **more)

    def store_archive(self, folders: Sequence[Path], uri: str) -> None:
        """Upload the content of folders as one tar.gz; the first folder's file wins over others of its name."""
        archive = folders[0].with_name(f"{folders[0].name}.tar.gz")
        with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
            taken: set[str] = set()
            for folder in folders:
                for name in sorted(_list_names(folder)):
                    if name not in taken:
                        taken.add(name)
                        tar.add(folder / name, name, recursive=False)
                        # Only readers need them; with many files, Python's garbage collector would stop the engine.
                        tar.members.clear()  # type: ignore[attr-defined]  # public, and not in typeshed
        with archive.open("rb") as file:
            self.store(file, uri)
        archive.unlink()


def _list_names(folder: Path) -> Iterator[str]:
    """The paths of all files and folders in a folder, as strings: they are no work for the garbage collector."""
    for parent, folders, files in os.walk(folder):
        yield from (os.path.relpath(os.path.join(parent, each), folder) for each in (*folders, *files))


@contextmanager
def _translated_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise ObjectError(f"{uri} is not an S3 URI")
    return parts.netloc, parts.path.lstrip("/")


def _relative(key: str, prefix: str) -> str:
    """The path of a key in the channel's folder: without the folders in the prefix."""
    whole = prefix if prefix.endswith("/") or not key.startswith(f"{prefix}/") else f"{prefix}/"
    return key[len(whole) if key.startswith(whole) and whole.endswith("/") else whole.rfind("/") + 1 :]


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ObjectError(f"the key {name} leads outside its folder")
    return path
