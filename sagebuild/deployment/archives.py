"""Keeps the archives of the functions in the deployment bucket, as serverless does."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.deployment.release import Release
from sagebuild.errors import DeploymentError

_HASH = "filesha256"  # the metadata in which serverless, too, keeps the hash of an archive
_KEPT = 5  # deployments, as serverless keeps them


class DeploymentBucket:
    """The deployment bucket of a stack.

    Parameters
    ----------
    s3
        The client of S3.
    report
        Called with a line for each upload.
    """

    def __init__(self, s3: Any, name: str, report: Callable[[str], Any]) -> None:
        self.name = name
        self._s3 = s3
        self._report = report

    def upload_archives(self, release: Release, parent: str, current: str | None) -> str:
        """Return the folder of the archives; the one that the stack uses, if they have not changed.

        Parameters
        ----------
        parent
            The folder of all deployments.
        current
            The folder that the stack uses; None if it has no functions yet.
        """
        hashes = {name: _hash(path) for name, path in release.archives.items()}
        if current and all(self._read_hash(f"{current}/{name}") == one for name, one in hashes.items()):
            return current
        now = datetime.now(UTC)
        folder = f"{parent}{int(now.timestamp() * 1000)}-{now.isoformat(timespec='milliseconds')[:-6]}Z"
        for name, path in release.archives.items():
            self._report(f"Upload {name}, {path.stat().st_size / 1e6:.1f} MB")
            metadata = {"Metadata": {_HASH: hashes[name]}, "ContentType": "application/zip"}
            self._s3.upload_file(str(path), self.name, f"{folder}/{name}", ExtraArgs=metadata)
        return folder

    def delete_old(self, parent: str, folder: str) -> None:
        """Delete the archives of all but the last deployments; those of ``folder`` stay."""
        keys = list(self._list_keys(parent))
        folders = sorted({key.rpartition("/")[0] for key in keys} - {folder})
        self._delete([key for key in keys if key.rpartition("/")[0] in folders[: -(_KEPT - 1)]])

    def empty(self) -> None:
        """Delete all objects."""
        self._delete(list(self._list_keys("")))

    def _read_hash(self, key: str) -> str:
        try:
            return str(self._s3.head_object(Bucket=self.name, Key=key)["Metadata"].get(_HASH, ""))
        except ClientError as error:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: 403 without s3:ListBucket
            if error.response["Error"]["Code"] in ("404", "403", "NoSuchKey", "AccessDenied"):
                return ""
            raise

    def _list_keys(self, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            yield from (one["Key"] for one in page.get("Contents", ()))

    def _delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), 1000):  # the maximum of DeleteObjects
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            answer = self._s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise DeploymentError(
                    f"s3://{self.name}/{errors[0]['Key']} was not deleted: {errors[0].get('Message')}."
                )


def _hash(path: Path) -> str:
    with path.open("rb") as content:
        return b64encode(file_digest(content, "sha256").digest()).decode()
