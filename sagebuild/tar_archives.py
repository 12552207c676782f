"""Reads tar archives that may be broken, or made to use up memory and time."""

from __future__ import annotations

import lzma
import tarfile
import zlib

# Names of files have at most 4096 bytes on Linux; a header may hold some more facts about a member.
LARGEST_HEADER = 1024 * 1024  # bytes
# A member of GNU's or POSIX's format has at most three such headers: facts, name and target.
MOST_HEADERS = 8
# The types of members that describe the following member: their content is read into memory.
_HEADERS = frozenset(
    {
        tarfile.GNUTYPE_LONGLINK,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.XHDTYPE,
    }
)
# What Python's tarfile and its decompressors raise for content that is no archive, or a broken one.
BROKEN = (
    EOFError,
    IndexError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zlib.error,
)


class Member(tarfile.TarInfo):
    """A member of an archive; pass it as ``tarinfo`` to `tarfile.open`.

    tarfile itself reads a header of any size into memory, calls itself for each header, and ends silently at an invalid
    one.
    """

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Member:
        """Read a member with its headers; raise ReadError if it has too many, or if one has a negative size."""
        depth: int = getattr(archive, "header_depth", 0)
        if depth > MOST_HEADERS:
            raise tarfile.ReadError(f"a member has more than {MOST_HEADERS} headers")
        archive.header_depth = depth + 1  # type: ignore[attr-defined]
        try:
            member = super().fromtarfile(archive)
        finally:
            archive.header_depth = depth  # type: ignore[attr-defined]
        _refuse_negative(member)
        return member

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Member:
        """Read a header; raise ReadError if it is invalid or too large."""
        try:
            member = super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error
        _refuse_negative(member)
        if member.type in _HEADERS and member.size > LARGEST_HEADER:
            raise tarfile.ReadError(f"a member has a header of {member.size} bytes")
        return member

    @property
    def has_data(self) -> bool:
        """Whether data follows the header: of a file, also of a type that tarfile does not know."""
        return self.isreg() or self.type not in tarfile.SUPPORTED_TYPES


def _refuse_negative(member: Member) -> None:
    if member.size < 0:
        raise tarfile.ReadError("a member has a negative size")
