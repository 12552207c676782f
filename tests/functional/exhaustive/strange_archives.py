"""Writes tar archives with members that no honest program writes: links, devices, places outside, false sizes."""

from __future__ import annotations

import gzip
import io
import tarfile
from random import Random
from typing import Literal

_NAMES = (
    "train.py", "./train.py", "/train.py", "../train.py", "a/../../train.py", "code/train.py", "a//b", "", ".", "..",
    "model.pt", "a\n\x1b[31mb", "\u202e\U0001f600", "\udcff", "x" * 300, "folder/" * 60,
)  # fmt: skip
_TYPES = (
    tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE,
    tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE, tarfile.XGLTYPE, b"Z",
)  # fmt: skip
_FACTS = (
    ("path", "../outside"), ("path", ""), ("linkpath", "/etc/passwd"), ("size", "-1"), ("size", "9" * 400),
    ("size", "1e9"), ("mtime", "nan"), ("mtime", "1e300"), ("uid", "x"), ("GNU.sparse.map", "0,4,900"),
    ("GNU.sparse.size", "1" * 30), ("GNU.sparse.major", "1"), ("GNU.sparse.name", "train.py"), ("hdrcharset", "BINARY"),
)  # fmt: skip
_BOMB = bytes(20_000_000)  # 20 KB as gzip


def write_strange_archive(random: Random) -> bytes:
    """Return an archive of one to five members, compressed with gzip."""
    written = io.BytesIO()
    format: Literal[1, 2] = random.choice((1, 2))  # GNU's or POSIX's
    for _ in range(random.randint(1, 5)):
        content = random.randbytes(random.choice((0, 1, 512, 3000)))
        header = _make_member(random, len(content)).tobuf(format, errors="surrogateescape")
        written.write(header + content + bytes(-len(content) % tarfile.BLOCKSIZE))
    if random.random() < 0.01:
        written.write(_BOMB)
    elif random.random() < 0.8:
        written.write(bytes(2 * tarfile.BLOCKSIZE))
    return gzip.compress(written.getvalue(), compresslevel=1)


def _make_member(random: Random, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(random.choice(_NAMES))
    member.type, member.linkname = random.choice(_TYPES), random.choice(_NAMES)
    member.size = size if random.random() < 0.8 else random.choice((0, size + 1, 2**20, 2**33))
    member.mtime = random.choice((0, 2**33, 2**40))
    if random.random() < 0.3:
        member.pax_headers = dict(random.choices(_FACTS, k=2))
    return member
