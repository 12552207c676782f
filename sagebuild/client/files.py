"""Lists the files to upload from a folder, and what is left out of it, with the reasons."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sagebuild.errors import InputError
from sagebuild.parameters.shown import show_name

# Folders and files that tools write, and which hidden=True does not bring either.
_TOOL_FILES = frozenset(
    {
        *("__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules", ".venv"),
        *(".git", ".hg", ".svn", ".DS_Store"),
    }
)
_MARKER = "_$folder$"  # Hadoop's name for an object that stands for a folder
_SHOWN = 10  # names for each reason


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was left out; the name of a folder ends in a slash."""

    name: str
    reason: str


@dataclass
class Listing:
    """The files of a folder with their names relative to it, what was left out, and the links that were followed."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(path.stat().st_size for path, _ in self.files)


def list_files(
    path: Path,
    *,
    hidden: bool = False,
    empty: bool = True,
    broken_links: bool = False,
    keep: Sequence[str] = (),
    inside: Path | None = None,
) -> Listing:
    """List a file, or all files of a folder and of the folders that it links to.

    Parameters
    ----------
    hidden
        Include hidden files and folders, whose names begin with a dot.
    empty
        Include empty files.
    broken_links
        Skip links to nothing and to a folder that contains the link; by default, refuse them.
    keep
        Names of hidden files to include in any case.
    inside
        Refuse links that lead out of this folder; by default, all links are followed.

    Raises
    ------
    InputError
        There is no such file or folder, a file cannot be read, or a link is broken or leads outside.
    """
    if not path.exists():
        raise InputError(f"No such file or folder: {path}")
    real_inside = inside.resolve() if inside else None
    listing = Listing()
    walk = _Walk(listing, hidden, empty, broken_links, frozenset(keep), real_inside)
    walk.check_place(path, path.name)
    if path.is_file():
        _check_file(path, path.name)
        return Listing([(path, path.name)])
    if not path.is_dir():
        raise InputError(f"{path} is neither a file nor a folder.")
    walk.add_folder(path, "", (path.resolve(),))
    return listing


@dataclass(frozen=True)
class _Walk:
    """One walk through a folder."""

    listing: Listing
    hidden: bool
    empty: bool
    broken_links: bool
    keep: frozenset[str]
    inside: Path | None

    def check_place(self, path: Path, name: str) -> None:
        """Raise an error if a file or folder is a link, or below one, that leads out of `inside`."""
        if self.inside and not (real := path.resolve()).is_relative_to(self.inside):
            raise InputError(
                f"{show_name(name)} is a link to {real}, outside of the project, which a clone of the project lacks; "
                "copy the content into the project. Nothing was uploaded."
            )

    def add_folder(self, folder: Path, prefix: str, parents: tuple[Path, ...]) -> None:
        """Add the entries of a folder in the order of their names; ``parents`` are the real folders above them."""
        try:
            entries = sorted(os.listdir(folder))
        except OSError as error:
            raise InputError(f"{folder} cannot be read: {error.strerror}.") from None
        if not entries and prefix:
            self._skip(prefix, "empty folder")
        for entry in entries:
            self._add(folder / entry, f"{prefix}{entry}", parents)

    def _add(self, path: Path, name: str, parents: tuple[Path, ...]) -> None:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            self._refuse_link(name, f"cannot be read ({error.strerror})")
            return
        is_folder = stat.S_ISDIR(mode)
        shown = f"{name}/" if is_folder else name
        if path.name in _TOOL_FILES:
            self._skip(shown, "cache or version control")
        elif path.name.startswith(".") and not self.hidden and path.name not in self.keep:
            self._skip(shown, "hidden")
        elif path.name.endswith(_MARKER):
            self._skip(shown, "folder marker")
        elif is_folder:
            self._add_subfolder(path, shown, parents)
        elif not stat.S_ISREG(mode):
            self._skip(shown, "not a regular file")
        elif not self.empty and path.stat().st_size == 0:
            self._skip(shown, "empty")
        else:
            self._note_link(path, name)
            _check_file(path, name)
            self.listing.files.append((path, name))

    def _add_subfolder(self, path: Path, name: str, parents: tuple[Path, ...]) -> None:
        real = path.resolve()
        if real in parents:
            self._refuse_link(name, f"links to {real}, which contains it")
            return
        self._note_link(path, name)
        self.add_folder(path, name, (*parents, real))

    def _note_link(self, path: Path, name: str) -> None:
        if path.is_symlink():
            self.check_place(path, name)
            self.listing.links.append(name)

    def _refuse_link(self, name: str, reason: str) -> None:
        if not self.broken_links:
            raise InputError(f"{show_name(name)} {reason}; remove it or correct it. Nothing was uploaded.")
        self._skip(name, reason)

    def _skip(self, name: str, reason: str) -> None:
        self.listing.skipped.append(Skipped(name, reason))


def _check_file(path: Path, name: str) -> None:
    if not os.access(path, os.R_OK):
        raise InputError(f"{show_name(name)} cannot be read: Permission denied. Nothing was uploaded.")


def describe_skipped(skipped: Sequence[Skipped]) -> Iterator[str]:
    """Yield a line for each reason, with the names of what was left out."""
    by_reason: dict[str, list[str]] = {}
    for each in skipped:
        by_reason.setdefault(each.reason, []).append(each.name)
    for reason, names in by_reason.items():
        yield f"Left out ({reason}): {join_names(names)}"


def join_names(names: Sequence[str]) -> str:
    """Return the first names in a list, and the number of the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(show_name(name) for name in names[:_SHOWN]) + more
