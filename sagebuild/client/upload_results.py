"""The result of an upload: its address or name, what it contains, what was left out, and the parameters to set."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from sagebuild.client.descriptions import suggest
from sagebuild.client.files import Skipped, describe_skipped, join_names
from sagebuild.service import Service

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


class Upload(str):
    """The address or name of an upload, as a parameter's value; the attributes describe the upload.

    Attributes
    ----------
    uri
        The S3 address of the object, or of the folder with the objects.
    file_count, size
        The number of files, and their size in bytes before compression; of an archive that was uploaded as it is, the
        archive's size.
    skipped
        The files and folders that were left out, with the reasons.
    links
        The names of the links that were followed.
    parameters
        The parameters that make builds use the upload; empty if they do so already.
    notes
        More facts for the user, a sentence each.
    """

    uri: str
    file_count: int
    size: int
    skipped: Sequence[Skipped]
    links: Sequence[str]
    parameters: Mapping[str, Any]
    notes: Sequence[str]

    def __new__(
        cls,
        value: str,
        uri: str,
        file_count: int,
        size: int,
        skipped: Sequence[Skipped] = (),
        links: Sequence[str] = (),
        parameters: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> Self:
        """Create the text ``value`` with the attributes."""
        upload = super().__new__(cls, value)
        upload.uri, upload.file_count, upload.size = uri, file_count, size
        upload.skipped, upload.links, upload.notes = tuple(skipped), tuple(links), tuple(notes)
        upload.parameters = dict(parameters or {})
        return upload

    @property
    def size_text(self) -> str:
        """The number of files and their size: "3 files, 12.4 KB"."""
        files = "1 file" if self.file_count == 1 else f"{self.file_count} files"
        return f"{files}, {format_size(self.size)}"

    @property
    def lines(self) -> list[str]:
        """What the user should know about the upload, a line each: left out files, followed links, notes."""
        links = [f"Links that were followed: {join_names(self.links)}"] if self.links else []
        return [*describe_skipped(self.skipped), *links, *self.notes]

    def suggest_command(self, service: Service) -> str:
        """Return the command that sets `parameters`; empty if there are none."""
        if not self.parameters:
            return ""
        return suggest(service, f"params set {' '.join(_write_assignments(self.parameters))}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "uri": self.uri,
            "files": self.file_count,
            "bytes": self.size,
            "skipped": [vars(each) for each in self.skipped],
            "links": list(self.links),
            "parameters": dict(self.parameters),
            "notes": list(self.notes),
        }


def format_size(size: float) -> str:
    """Return a number of bytes in the unit that suits it: "12.4 KB" for 12,400."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {'byte' if size == 1 else unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("the last unit has no limit")


def _write_assignments(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, value in parameters.items():
        yield shlex.quote(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
