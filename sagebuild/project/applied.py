"""Marks the versions of a parameter document that a project wrote, and finds changes that were made after them.

The mark is in the description that SSM keeps with each version. The console keeps the description when a person edits
the value, so the mark has a hash of the value.
"""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sagebuild.client.differences import describe_differences
from sagebuild.client.document import Parameters
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.store import DESCRIPTION, name_document
from sagebuild.service import Service, aws_call

_MARK = re.compile(r"Applied from a project: sha256 ([0-9a-f]{64})")


class _Version(NamedTuple):
    number: int
    text: str
    is_applied: bool
    written_at: datetime
    written_by: str


def describe_applied(text: str, commit: str) -> str:
    """Return the description of a version that a project writes."""
    of = f", git commit {commit}" if commit else ""
    return f"{DESCRIPTION} Applied from a project: sha256 {_hash(text)}{of}."


def find_foreign_change(service: Service) -> str:
    """Explain who changed the document after the last apply; empty if nobody did.

    A document that no project has written yet is only free to overwrite while it has the deployment's defaults.
    """
    versions = _read_versions(service)
    if not versions or versions[-1].is_applied:
        return ""
    newest = versions[-1]
    last = next((version for version in reversed(versions) if version.is_applied), None)
    name, content = name_document(service), read_leniently(newest.text)
    if last is None and (newest.number == 1 or content == Parameters(service).defaults()):
        return ""
    who = f"by {newest.written_by or 'an unknown user'} at {newest.written_at.astimezone():%Y-%m-%d %H:%M:%S}"
    if last is None:
        return f"{name} was written {who}, and not from a project."
    lines = describe_differences(read_leniently(last.text), content)
    return "\n".join([f"{name} was changed after the last apply, {who}:", *lines])


def _read_versions(service: Service) -> list[_Version]:
    found = []
    with aws_call("read the history of the build parameters"):
        for page in service.ssm.get_paginator("get_parameter_history").paginate(Name=name_document(service)):
            for one in page["Parameters"]:
                mark = _MARK.search(one.get("Description", ""))
                is_applied = mark is not None and mark[1] == _hash(one["Value"])
                found.append(
                    _Version(
                        one["Version"],
                        one["Value"],
                        is_applied,
                        one["LastModifiedDate"],
                        one.get("LastModifiedUser", ""),
                    )
                )
    return sorted(found)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
