"""Unpacks tar and zip archives; no entry is written, and no link leads, outside the target folder."""

import copy
import os
import posixpath
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


class UnsafeEntryError(tarfile.TarError):
    """An entry of a tar archive is a device or a refused link, or leads outside the target folder."""


def unpack_tar(archive: Path, target: Path, *, refuse_links: bool = False) -> None:
    """Unpack a tar archive, compressed or not, into a folder.

    Parameters
    ----------
    refuse_links
        Whether symbolic links make the archive unsafe, wherever they lead.

    Raises
    ------
    tarfile.TarError
        When the archive is invalid or unsafe.
    """

    target.mkdir(parents=True, exist_ok=True)
    root = Path(os.path.realpath(target))
    with tarfile.open(archive) as tar:
        for entry in _read_entries(tar):
            if refuse_links and entry.issym():
                raise UnsafeEntryError(f"{entry.name!r} is a symbolic link")
            # For a missing target, tarfile reads the whole archive to find its entry, and keeps an object of each.
            if entry.islnk() and not os.path.lexists(root / entry.linkname):
                raise UnsafeEntryError(f"{entry.name!r} is a hard link to {entry.linkname!r}, which is not unpacked")
            # Since Python 3.11.4; Debian 12 has 3.11.2. docs.python.org/3.11/library/tarfile.html#extraction-filters
            if hasattr(tarfile, "data_filter"):
                tar.extract(entry, root, filter="data")
            else:
                tar.extract(_check_entry(entry, root), root)


def _read_entries(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the entries one after the other; tarfile would keep an object of each."""
    while (entry := tar.next()) is not None:
        yield entry
        tar.members.clear()  # type: ignore[attr-defined]  # public, and not in typeshed


def unpack_zip(archive: Path | IO[bytes], target: Path, left_out: Callable[[str], bool] = lambda _: False) -> None:
    """Unpack a zip archive into a folder, with the files' modes, which `zipfile` does not restore.

    Parameters
    ----------
    left_out
        Whether an entry is left out, by its name.
    """
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            if left_out(entry.filename):
                continue
            path = Path(content.extract(entry, target))
            mode = entry.external_attr >> 16 & 0o777
            if mode and path.is_file():
                path.chmod(mode)


def _check_entry(original: tarfile.TarInfo, root: Path) -> tarfile.TarInfo:
    """Check an entry as the filter "data" does, just before its extraction, to see the links of earlier entries."""
    entry = copy.copy(original)
    entry.name = entry.name.lstrip("/")
    _check_inside(root, entry.name, original)
    if entry.issym():
        # Without "a/..", a part that does not exist yet cannot become a link that changes the target.
        entry.linkname = posixpath.normpath(entry.linkname)
        _check_link(root, posixpath.dirname(entry.name), entry)
    elif entry.islnk():
        _check_link(root, "", entry)
        # A hard link to a relative link is one of its own, which could lead outside from its folder.
        if not _is_plain_file(root / entry.linkname):
            raise UnsafeEntryError(f"{entry.name!r} is a hard link to {entry.linkname!r}, which is not a file")
    elif not (entry.isreg() or entry.isdir()):
        raise UnsafeEntryError(f"{entry.name!r} is a special file; only files, folders and links are unpacked")
    entry.mode = _choose_mode(entry)
    entry.uid, entry.gid, entry.uname, entry.gname = os.getuid(), os.getgid(), "", ""
    return entry


def _check_link(root: Path, folder: str, entry: tarfile.TarInfo) -> None:
    if posixpath.isabs(entry.linkname):
        raise UnsafeEntryError(f"{entry.name!r} is a link to the absolute path {entry.linkname!r}")
    _check_inside(root, posixpath.join(folder, entry.linkname), entry)


def _check_inside(root: Path, name: str, entry: tarfile.TarInfo) -> None:
    path = root / name
    try:
        resolved = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        resolved = os.path.realpath(path)
    except OSError as error:  # too long, or a loop of links
        raise UnsafeEntryError(f"{entry.name!r} cannot be resolved: {error.strerror}") from error
    if not Path(resolved).is_relative_to(root):
        raise UnsafeEntryError(f"{entry.name!r} leads to {resolved!r}, outside the target folder")


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _choose_mode(entry: tarfile.TarInfo) -> int:
    """The mode without special bits and write permission for group and others, as the filter "data" sets it."""
    if entry.isdir():
        return 0o755
    mode = entry.mode & 0o755 | 0o600
    return mode if mode & 0o100 else mode & ~0o111
