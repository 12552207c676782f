"""Examines a source archive in S3: whether it can be read and contains the scripts to run, and what they contain."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import IO

from botocore.exceptions import ClientError

from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call

LARGEST_ARCHIVE_MB = 20
LARGEST_CONTENT_MB = 200
_MB = 1024 * 1024


class Unreadable(Exception):  # noqa: N818 - an outcome, not a failure
    """The archive was not examined; the message gives the reason."""


class ArchiveError(Exception):
    """The archive is not as the build needs it; the message completes the sentence "<uri> ..."."""


def read_scripts(service: Service, uri: str, entry_points: Collection[str]) -> dict[str, bytes]:
    """Return the content of the scripts that an archive must contain.

    Raises
    ------
    ArchiveError
        The archive does not exist, cannot be unpacked or lacks a script.
    Unreadable
        The archive is too large to examine, or its bucket denies read access to this function.
    """
    bucket, key = split_s3_uri(uri)
    with aws_call(f"read {uri}"):
        try:
            answer = service.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("NoSuchKey", "NoSuchBucket"):
                raise ArchiveError("does not exist; upload the source archive there") from None
            if code in ("AccessDenied", "403"):
                raise Unreadable(f"{uri} was not examined: its bucket denies access.") from None
            raise
        if answer["ContentLength"] > LARGEST_ARCHIVE_MB * _MB:
            raise Unreadable(f"{uri} was not examined: it is larger than {LARGEST_ARCHIVE_MB} MB.")
        try:
            names, scripts = _list_files(uri, answer["Body"], entry_points)  # type: ignore[arg-type]
        except (tarfile.TarError, EOFError, OSError, zlib.error):
            raise ArchiveError("is not a tar archive compressed with gzip") from None
    for entry_point in entry_points:
        if PurePosixPath(entry_point) not in names:
            found = sorted(str(name) for name in names if name.suffix == ".py")
            raise ArchiveError(
                f"does not contain {entry_point}; it contains {', '.join(found[:5]) or 'no Python script'}"
            )
    return scripts


def _list_files(
    uri: str, content: IO[bytes], entry_points: Collection[str]
) -> tuple[set[PurePosixPath], dict[str, bytes]]:
    """Return the names in an archive, and the content of the entry points that are files of a moderate size."""
    wanted = {PurePosixPath(entry_point): entry_point for entry_point in entry_points}
    names, scripts, size = set[PurePosixPath](), dict[str, bytes](), 0
    with tarfile.open(fileobj=content, mode="r|gz") as archive:
        for member in archive:
            size += member.size
            if size > LARGEST_CONTENT_MB * _MB:
                raise Unreadable(f"{uri} was not examined: it unpacks to more than {LARGEST_CONTENT_MB} MB.")
            name = PurePosixPath(member.name)
            names.add(name)
            if (
                name in wanted
                and member.size <= _MB
                and (file := archive.extractfile(member) if member.isreg() else None)
            ):
                scripts[wanted[name]] = file.read()
    return names, scripts
