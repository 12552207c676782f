"""Examines a source archive in S3: whether it can be read and contains the scripts to run, and what they contain."""

from __future__ import annotations

import io
import tarfile
import time
import zlib
from collections.abc import Callable, Collection
from pathlib import PurePosixPath
from typing import IO

from botocore.exceptions import ClientError

from sagebuild.parameters.shown import show_name
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call
from sagebuild.tar_archives import BROKEN, Member

LARGEST_ARCHIVE_MB = 20
LARGEST_CONTENT_MB = 200  # with the headers
MOST_MEMBERS = 10_000
LONGEST_SECONDS = 15.0
_MB = 1024 * 1024
# tarfile looks for the end of a member that is longer than the archive by reading on, block for block.
_MOST_READS_AT_END = 10
_CHUNK = 64 * 1024  # bytes
_GZIP = 16 + zlib.MAX_WBITS  # https://docs.python.org/3/library/zlib.html#zlib.decompressobj: with gzip's header


class Unreadable(Exception):  # noqa: N818 - an outcome, not a failure
    """The archive was not examined; the message gives the reason."""


class ArchiveError(Exception):
    """The archive is not as the build needs it; the message completes the sentence "<uri> ..."."""


def read_scripts(
    service: Service, uri: str, entry_points: Collection[str], clock: Callable[[], float] = time.monotonic
) -> dict[str, bytes]:
    """Return the content of the scripts that an archive must contain.

    Raises
    ------
    ArchiveError
        The archive does not exist, cannot be unpacked or lacks a script.
    Unreadable
        The archive is too large to examine, or its bucket denies read access to this function.
    """
    bucket, key = split_s3_uri(uri)
    # The containers read the address with a URL parser, and strip slashes:
    # https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/files.py (s3_download)
    if any(character in key for character in "?#") or key.startswith("/"):
        raise ArchiveError(
            "has a key with ? or #, or a slash at its begin, which the containers cut off; give it another key"
        )
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
            names, scripts = _list_files(_Unpacked(uri, answer["Body"], clock), entry_points)  # type: ignore[arg-type]
        except BROKEN:
            raise ArchiveError("is not a tar archive compressed with gzip") from None
    for entry_point in entry_points:
        if PurePosixPath(entry_point) not in names:
            found = sorted(show_name(str(name)) for name in names if name.suffix == ".py")
            raise ArchiveError(
                f"does not contain {entry_point}; it contains {', '.join(found[:5]) or 'no Python script'}"
            )
    return scripts


class _Unpacked(io.RawIOBase):
    """The content of a gzip file, whose reading ends when it takes too much memory or time."""

    def __init__(self, uri: str, packed: IO[bytes], clock: Callable[[], float]) -> None:
        super().__init__()
        self.uri = uri
        self._packed, self._clock = packed, clock
        self._deadline = clock() + LONGEST_SECONDS
        self._gzip = zlib.decompressobj(_GZIP)
        self._size = self._reads_at_end = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most 64 KB; empty at the end."""
        content = self._unpack(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._reads_at_end += not content
        if self._reads_at_end > _MOST_READS_AT_END:
            raise Unreadable(f"{self.uri} was not examined: a member is longer than the archive.")
        self._size += len(content)
        if self._size > LARGEST_CONTENT_MB * _MB:
            raise Unreadable(f"{self.uri} was not examined: it unpacks to more than {LARGEST_CONTENT_MB} MB.")
        return content

    def _unpack(self, size: int) -> bytes:
        while self._clock() < self._deadline:
            if self._gzip.eof:  # a gzip file may consist of several, one after the other, and end in zeros
                packed = self._gzip.unused_data.lstrip(b"\0") or self._packed.read(_CHUNK).lstrip(b"\0")
                if not packed:
                    return b""
                self._gzip = zlib.decompressobj(_GZIP)
            else:
                packed = self._gzip.unconsumed_tail or self._packed.read(_CHUNK)
            content = self._gzip.decompress(packed, size)
            if content:
                return content
            if not packed and not self._gzip.eof:
                raise EOFError("the compressed data ends too early")
        raise Unreadable(f"{self.uri} was not examined: reading it took more than {LONGEST_SECONDS:.0f} s.")


def _list_files(content: _Unpacked, entry_points: Collection[str]) -> tuple[set[PurePosixPath], dict[str, bytes]]:
    """Return the names in an archive, and the content of the entry points that are files of a moderate size."""
    wanted = {PurePosixPath(entry_point): entry_point for entry_point in entry_points}
    names, scripts = set[PurePosixPath](), dict[str, bytes]()
    with tarfile.open(fileobj=content, mode="r|", tarinfo=Member) as archive:
        for count, member in enumerate(archive):
            if count == MOST_MEMBERS:
                raise Unreadable(f"{content.uri} was not examined: it has more than {MOST_MEMBERS} members.")
            name = PurePosixPath(member.name)
            names.add(name)
            is_script = name in wanted and member.isreg() and member.size <= _MB
            if is_script and (file := archive.extractfile(member)):
                scripts[wanted[name]] = file.read()
    return names, scripts
