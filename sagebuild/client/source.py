"""Source archives of scripts: made of a folder or of a git checkout, and uploaded where builds find them."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sagebuild.errors import SourceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A script's archive is unpacked at the start of every training and by every server; data belong into a channel.
MAXIMUM_MB = 100
# What tools leave behind and no container needs.
LEFT_OUT = frozenset(
    {".DS_Store", ".git", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__"}
)
GIT_SECONDS = 120
_BYTES_PER_MB = 1024 * 1024


def pack_folder(folder: Path, maximum_mb: float = MAXIMUM_MB) -> bytes:
    """Return a tar.gz of what a folder holds, the same bytes for the same content, without caches and .git.

    Raises
    ------
    SourceError
        There is no such folder, it is empty, or it holds more than ``maximum_mb``.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder.")
    files = sorted(_list_files(folder))
    if not files:
        raise SourceError(f"{folder} holds no files to pack.")
    size_mb = sum(file.stat().st_size for file in files) / _BYTES_PER_MB
    if size_mb > maximum_mb:
        largest = max(files, key=lambda file: file.stat().st_size)
        raise SourceError(
            f"{folder} holds {size_mb:.1f} MB, {largest.relative_to(folder)} the most of it; a source archive may hold "
            f"{maximum_mb} MB: give data as a channel, not as source."
        )
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for file in files:
            archive.addfile(_describe(file, folder), io.BytesIO(file.read_bytes()))
    return buffer.getvalue()


def pack_checkout(repository: str, ref: str = "HEAD", subfolder: str = "", maximum_mb: float = MAXIMUM_MB) -> bytes:
    """Return a tar.gz of a git repository's content, the same bytes for the same commit.

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
        git is not installed, or the repository, the ref or the folder is not there; git's own words are in it.
    """
    if ref.startswith("-") or repository.startswith("-"):
        raise SourceError(f"{ref if ref.startswith('-') else repository} is an option of git, not a name.")
    with tempfile.TemporaryDirectory() as name:
        checkout = Path(name)
        _git(checkout, "init", "--quiet")
        # A server gives out single branches, tags and, most of them, commits: without the whole history.
        _git(checkout, "fetch", "--quiet", "--depth", "1", "--", _locate_repository(repository), ref)
        _git(checkout, "-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD")
        folder = (checkout / subfolder).resolve()
        if not folder.is_relative_to(checkout.resolve()) or not folder.is_dir():
            raise SourceError(f"{repository} has no folder {subfolder} at {ref}.")
        return pack_folder(folder, maximum_mb)


def upload_source(s3: S3Client, bucket: str, key: str, archive: bytes) -> str:
    """Upload a source archive; the answer is the S3 URI that trainsourcefile and hostsourcefile take."""
    s3.put_object(Bucket=bucket, Key=key, Body=archive, ContentType="application/gzip")
    return f"s3://{bucket}/{key}"


def _list_files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in LEFT_OUT or entry.suffix == ".pyc":
            continue
        # What a link leads to outside the folder is packed as a file; a folder's link could lead in circles.
        if entry.is_dir() and not entry.is_symlink():
            yield from _list_files(entry)
        elif entry.is_file():
            yield entry


def _describe(file: Path, folder: Path) -> tarfile.TarInfo:
    """The entry of a file, without what differs from one machine to another."""
    entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
    status = file.stat()
    entry.size = status.st_size
    entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
    return entry


def _locate_repository(repository: str) -> str:
    """A path stays true in the folder that git works in."""
    return str(Path(repository).resolve()) if Path(repository).exists() else repository


def _git(folder: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SourceError("git is not installed; install it, or pack a folder instead.") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"git {arguments[0]} did not end within {GIT_SECONDS} s.") from None
    if done.returncode:
        raise SourceError(f"git could not {arguments[0]}: {done.stderr.strip().splitlines()[-1]}")
