"""Files between S3 and the folders that stand for a container's disk, always in the role of the job or model."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local import clients


class ObjectError(Exception):
    """S3 does not hold what a job or model needs, or what it holds cannot be used."""


class Objects:
    """S3 as one role sees it."""

    def __init__(self, region: str, role_arn: str) -> None:
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

    def fetch_prefix(self, uri: str, target: Path) -> int:
        """Download every object below a prefix; returns how many there were."""
        bucket, prefix = _split(uri)
        try:
            pages = list(self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        files = [key for key in keys if not key.endswith("/")]
        for key in files:
            self.fetch(f"s3://{bucket}/{key}", _inside(target, _relative(key, prefix)))
        return len(files)

    def fetch_manifest(self, uri: str, target: Path) -> int:
        """Download what a manifest lists: ``[{"prefix": "s3://..."}, "key", ...]``; returns how many there were."""
        manifest = target.with_name(f"{target.name}-manifest")
        self.fetch(uri, manifest)
        try:
            first, *keys = json.loads(manifest.read_text())
            prefix = first["prefix"]
        except (ValueError, TypeError, KeyError) as error:
            raise ObjectError(f"{uri} is not a manifest, which is a JSON list that begins with a prefix") from error
        for key in keys:
            self.fetch(prefix + key, _inside(target, key))
        return len(keys)

    def fetch_archive(self, uri: str, target: Path) -> None:
        """Download a tar.gz and unpack it."""
        archive = target.with_name(f"{target.name}.tar.gz")
        self.fetch(uri, archive)
        target.mkdir(parents=True, exist_ok=True)
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(target, filter="data")
        except tarfile.TarError as error:
            raise ObjectError(f"{uri} is not a tar.gz archive: {error}") from error
        archive.unlink()

    def store_archive(self, folder: Path, uri: str) -> None:
        """Pack what a folder holds and upload it."""
        archive = folder.with_name(f"{folder.name}.tar.gz")
        with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
            for entry in sorted(folder.iterdir()):
                tar.add(entry, entry.name)
        bucket, key = _split(uri)
        try:
            with archive.open("rb") as file:
                self._s3.put_object(Bucket=bucket, Key=key, Body=file)
        except ClientError as error:
            raise ObjectError(f"{uri}: {error.response['Error']['Message']}") from error
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
