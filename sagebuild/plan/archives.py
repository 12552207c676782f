"""Examines a source archive in S3: whether it can be read, and contains the script to run."""

from __future__ import annotations

import tarfile
import zlib
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


def find_archive_problem(service: Service, uri: str, entry_point: str) -> str | None:
    """Return what is wrong with an archive, to complete the sentence "<uri> ..."; None if it contains the entry point.

    Raises
    ------
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
                return "does not exist; upload the source archive there"
            if code in ("AccessDenied", "403"):
                raise Unreadable(f"{uri} was not examined: its bucket denies access.") from None
            raise
        if answer["ContentLength"] > LARGEST_ARCHIVE_MB * _MB:
            raise Unreadable(f"{uri} was not examined: it is larger than {LARGEST_ARCHIVE_MB} MB.")
        try:
            names = _list_files(uri, answer["Body"])  # type: ignore[arg-type]
        except (tarfile.TarError, EOFError, OSError, zlib.error):
            return "is not a tar archive compressed with gzip"
    if PurePosixPath(entry_point) in names:
        return None
    scripts = sorted(str(name) for name in names if name.suffix == ".py")
    return f"does not contain {entry_point}; it contains {', '.join(scripts[:5]) or 'no Python script'}"


def _list_files(uri: str, content: IO[bytes]) -> set[PurePosixPath]:
    names, size = set(), 0
    with tarfile.open(fileobj=content, mode="r|gz") as archive:
        for member in archive:
            size += member.size
            if size > LARGEST_CONTENT_MB * _MB:
                raise Unreadable(f"{uri} was not examined: it unpacks to more than {LARGEST_CONTENT_MB} MB.")
            names.add(PurePosixPath(member.name))
    return names
