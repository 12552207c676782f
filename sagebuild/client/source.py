"""Packs a folder or a git checkout into a source archive for builds."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from sagebuild.errors import SourceError

# Every training and every server unpacks the archive when it starts; data belongs in a channel.
MAXIMUM_MB = 100
# Files and folders that tools create and no container needs.
EXCLUDED = frozenset(
    {".DS_Store", ".git", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__"}
)
GIT_SECONDS = 120
_BYTES_PER_MB = 1024 * 1024


def pack_folder(folder: Path, maximum_mb: float = MAXIMUM_MB) -> bytes:
    """Return a tar.gz of a folder without caches and .git; the same content gives the same bytes.

    Raises
    ------
    SourceError
        There is no such folder, it is empty, or its files are larger than ``maximum_mb``.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder.")
    files = sorted(_list_files(folder))
    if not files:
        raise SourceError(f"{folder} contains no files to pack.")
    size_mb = sum(file.stat().st_size for file in files) / _BYTES_PER_MB
    if size_mb > maximum_mb:
        largest = max(files, key=lambda file: file.stat().st_size)
        raise SourceError(
            f"{folder} has {size_mb:.1f} MB, and source may have {maximum_mb} MB; the largest file is "
            f"{largest.relative_to(folder)}. Pass data as a channel, not as source."
        )
    return pack_files((file, file.relative_to(folder).as_posix()) for file in files)


def pack_files(files: Iterable[tuple[Path, str]]) -> bytes:
    """Return a tar.gz of files under the given names; the same content gives the same bytes on every machine."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for file, name in files:
            content, entry = file.read_bytes(), tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755 if file.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def pack_checkout(repository: str, ref: str = "HEAD", subfolder: str = "", maximum_mb: float = MAXIMUM_MB) -> bytes:
    """Return a tar.gz of a git repository's content; the same commit gives the same bytes.

    Parameters
    ----------
    repository
        The URL or the path of a repository.
    ref
        A branch, a tag, or a commit.
    subfolder
        The folder in the repository that becomes the archive's top.

    Raises
    ------
    SourceError
        git is not installed, or the repository, the ref or the folder does not exist; git's message is included.
    """
    if ref.startswith("-") or repository.startswith("-"):
        raise SourceError(f"{ref if ref.startswith('-') else repository} is an option of git; pass a name without '-'.")
    with tempfile.TemporaryDirectory() as name:
        checkout = Path(name)
        _git(checkout, "init", "--quiet")
        # Servers serve single branches and tags, and most serve single commits, without the whole history.
        _git(checkout, "fetch", "--quiet", "--depth", "1", "--", _locate_repository(repository), ref)
        _git(checkout, "-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD")
        folder = (checkout / subfolder).resolve()
        if not folder.is_relative_to(checkout.resolve()) or not folder.is_dir():
            raise SourceError(f"{repository} has no folder {subfolder} at {ref}.")
        return pack_folder(folder, maximum_mb)


def _list_files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in EXCLUDED or entry.suffix == ".pyc":
            continue
        # A link to a file is packed as the file. A link to a folder is left out: it could lead in circles.
        if entry.is_dir() and not entry.is_symlink():
            yield from _list_files(entry)
        elif entry.is_file():
            yield entry


def _locate_repository(repository: str) -> str:
    """Return a URL unchanged and a path as an absolute one, because git runs in another folder."""
    return str(Path(repository).resolve()) if Path(repository).exists() else repository


def _git(folder: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SourceError("git is not installed; install it or pack a folder instead.") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"git {arguments[0]} did not end within {GIT_SECONDS} s.") from None
    if done.returncode:
        raise SourceError(f"git could not {arguments[0]}: {done.stderr.strip().splitlines()[-1]}")
