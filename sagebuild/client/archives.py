"""Packs files into archives for an upload, and examines archives that the user has packed."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from sagebuild.errors import InputError
from sagebuild.parameters.shown import show_name
from sagebuild.tar_archives import BROKEN, Member

# The earliest time that a zip archive can hold; with a fixed one, the same content gives the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
# The fastest level: model weights hardly compress.
_MODEL_LEVEL = 1
_CHUNK = 1024 * 1024  # bytes


def pack_files(files: Iterable[tuple[Path, str]]) -> bytes:
    """Return a tar.gz of files under the given names; the same content gives the same bytes on every machine."""
    buffer = io.BytesIO()
    write_tar(files, buffer)
    return buffer.getvalue()


def write_tar(files: Iterable[tuple[Path, str]], target: IO[bytes], *, is_model: bool = False) -> None:
    """Write a tar.gz of files under the given names."""
    level = _MODEL_LEVEL if is_model else 9
    with (
        gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0, compresslevel=level) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for file, name in files:
            entry = tarfile.TarInfo(name)
            with file.open("rb") as content:
                entry.size, entry.mode = file.stat().st_size, _choose_mode(file)
                archive.addfile(entry, content)


def write_zip(files: Iterable[tuple[Path, str]], target: IO[bytes]) -> None:
    """Write a zip of files under the given names."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, name in files:
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.external_attr = (0o100000 | _choose_mode(file)) << 16  # where unzip finds the mode
            entry.compress_type = zipfile.ZIP_DEFLATED
            with file.open("rb") as content, archive.open(entry, "w", force_zip64=True) as packed:
                while chunk := content.read(_CHUNK):
                    packed.write(chunk)


def read_tar(path: Path) -> list[str]:
    """Return the names of the files in a tar.gz; links to files count as files.

    Raises
    ------
    InputError
        It cannot be read to its end, contains no file, or a name in it leads outside.
    """
    names = []
    try:
        with gzip.open(path) as packed:
            with tarfile.open(fileobj=packed, mode="r|", tarinfo=Member) as archive:
                names += [member.name for member in archive if not member.isdir()]
            while packed.read(_CHUNK):  # to the checksum at the end
                pass
    except OSError as error:
        raise InputError(f"{path} is not a tar archive compressed with gzip: {error.strerror or error}.") from None
    except BROKEN as error:
        raise InputError(f"{path} is not a tar archive compressed with gzip, or it is broken: {error}.") from None
    return _require_files(path, names)


def read_zip(path: Path) -> list[str]:
    """Return the names of the files in a zip.

    Raises
    ------
    InputError
        It cannot be read, is encrypted or broken, contains no file, or a name in it leads outside.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
            broken = archive.testzip()
    except (OSError, RuntimeError, NotImplementedError, *BROKEN, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a zip archive, or it is broken: {error}.") from None
    if broken:
        raise InputError(f"{path} is a broken zip archive: its member {broken} has another checksum.")
    return _require_files(path, names)


def find_folders(names: Iterable[str], file: str) -> list[str]:
    """Return the folders that contain a file of the given name; "." is the top."""
    paths = [PurePosixPath(name.removeprefix("./")) for name in names]
    return sorted({str(path.parent) for path in paths if path.name == file})


def _require_files(path: Path, names: list[str]) -> list[str]:
    if not names:
        raise InputError(f"{path} contains no files.")
    outside = [name for name in names if name.startswith("/") or ".." in PurePosixPath(name).parts]
    if outside:
        raise InputError(f"{path} contains {show_name(outside[0])}, which leads outside the archive's folder.")
    return names


def _choose_mode(file: Path) -> int:
    return 0o755 if file.stat().st_mode & 0o100 else 0o644
