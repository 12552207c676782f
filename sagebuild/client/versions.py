"""The versions of the parameter document that SSM keeps, and which of them an undo restores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagebuild.client.differences import list_differences
from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters.json_text import read_raw_document
from sagebuild.parameters.store import DESCRIPTION, name_document
from sagebuild.service import Service, aws_call

_RESTORES = re.compile(r"restores version (\d{1,9})\.$", re.ASCII)


@dataclass(frozen=True)
class Version:
    """One version of the document.

    Parameters
    ----------
    written_by
        The ARN of a user or role.
    restores
        The number of the version that an undo has restored with this one; None for any other change.
    """

    number: int
    written_at: datetime
    written_by: str
    document: dict[str, Any]
    restores: int | None = None

    def to_dict(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return plain values, for JSON.

        Parameters
        ----------
        before
            The document of the version before it.
        """
        facts = {"number": self.number, "written_at": self.written_at.isoformat(), "written_by": self.written_by}
        changes = list_differences(before, self.document)
        return {**facts, "restores": self.restores, "document": self.document, "changes": changes}


def describe_restored(number: int) -> str:
    """Return the description that SSM keeps with a version that restores another; `read_versions` reads it."""
    return f"{DESCRIPTION} This version restores version {number}."


def read_versions(service: Service) -> list[Version]:
    """Return the versions that SSM keeps, up to 100, newest first, without those that are not JSON objects."""
    found: dict[int, Version] = {}
    with aws_call("read the history of the build parameters"):
        for page in service.ssm.get_paginator("get_parameter_history").paginate(Name=name_document(service)):
            for one in page["Parameters"]:
                try:
                    document = read_raw_document(one["Value"])
                except ParameterError:
                    continue
                restored = _RESTORES.search(one.get("Description", ""))
                found[one["Version"]] = Version(
                    one["Version"],
                    one["LastModifiedDate"],
                    one.get("LastModifiedUser", ""),
                    document,
                    int(restored[1]) if restored else None,
                )
    return sorted((_check_restored(found, version) for version in found.values()), key=_newest_first)


def find_version(versions: Sequence[Version], number: int, name: str) -> Version:
    """Return the version with a number.

    Raises
    ------
    InputError
        There is no such version.
    """
    for version in versions:
        if version.number == number:
            return version
    known = ", ".join(str(version.number) for version in versions)
    raise InputError(f"There is no version {number} of {name}; the versions are {known}.")


def find_undone(versions: Sequence[Version], current: Mapping[str, Any]) -> Version | None:
    """Return the version that an undo restores: the one before the last change that is not undone yet.

    A version that restores another stands for that one, so that each further undo goes one change further back.

    Parameters
    ----------
    versions
        Newest first.
    current
        The document; empty if it is not JSON.
    """
    by_number = {version.number: version for version in versions}
    place = versions[0].number if versions and versions[0].document == current else float("inf")
    while True:
        place = _resolve(by_number, place)
        earlier = next((version for version in versions if version.number < place), None)
        if earlier is None or earlier.document != current:
            return earlier and by_number[int(_resolve(by_number, earlier.number))]
        place = earlier.number


def _resolve(versions: Mapping[int, Version], number: float) -> float:
    """Return the version that a version stands for: itself, unless it restores another."""
    while number in versions and (restored := versions[int(number)].restores) in versions:
        number = restored  # type: ignore[assignment]
    return number


def _check_restored(versions: Mapping[int, Version], version: Version) -> Version:
    """Forget what a version restores if it differs: the console keeps the description when a person edits the value."""
    restored = versions.get(version.restores or 0)
    if restored and restored.number < version.number and restored.document == version.document:
        return version
    return Version(version.number, version.written_at, version.written_by, version.document)


def _newest_first(version: Version) -> int:
    return -version.number
