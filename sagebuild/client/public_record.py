"""The build's record as JSON for scripts: what docs/command-line.md lists, without the internals of the service."""

from __future__ import annotations

from typing import Any

from sagebuild.builds.records import BuildRecord, describe_record
from sagebuild.errors import ParameterError
from sagebuild.parameters.json_text import read_object

# What the service needs to lock a build, to notify once, to undo and to prune.
_INTERNAL = frozenset(
    {
        "notice_claimed_at",
        "notice_claimed_by",
        "notified_at",
        "changes_scaling",
        "scaling_before",
        "component_before",
        "keep_builds",
    }
)
_JSON = ("parameters", "overrides")


def describe_publicly(record: BuildRecord) -> dict[str, Any]:
    """Return a build's record as JSON values, with its seconds from launch to end, or to now.

    ``parameters`` and ``overrides`` are objects; None before the build has read its document, or without overrides. The
    document of a build that failed because it is not a JSON object is the text.
    """
    public = {name: value for name, value in describe_record(record).items() if name not in _INTERNAL}
    return public | {name: _parse(public[name]) for name in _JSON} | {"seconds": round(record.seconds, 1)}


def _parse(text: str) -> Any:
    if not text:
        return None
    try:
        return read_object(text)
    except ParameterError:
        return text
