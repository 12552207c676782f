"""Converts the parameters of aws-sagemaker-build that keep their name and change their form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sagebuild.client.migration.changes import Changes
from sagebuild.framework_facts import FrameworkFacts
from sagebuild.parameters.kinds import Flag, read_number
from sagebuild.parameters.rules import OWN_HYPERPARAMETERS

_REQUIREMENTS = "sagemaker_requirements"
_RANGE = ("Values", "MinValue", "MaxValue")


def convert_scalar(read: Callable[[Any], Any], name: str, value: Any, changes: Changes) -> Any:
    """Return a value with its type; the old documents have most of them as strings."""
    try:
        typed = read(value)
    except ValueError:
        return value
    if isinstance(value, str):
        changes.add(name, "retyped", value, f"it is {json.dumps(typed)}")
    return typed


def to_number(name: str, value: Any, changes: Changes) -> Any:
    """Return the number in a string; anything else unchanged."""
    return convert_scalar(read_number, name, value, changes)


def to_flag(name: str, value: Any, changes: Changes) -> Any:
    """Return the boolean in a string; anything else unchanged."""
    return convert_scalar(Flag().read, name, value, changes)


def convert_hyperparameters(
    given: Mapping[str, Any], facts: FrameworkFacts, changes: Changes
) -> tuple[dict[str, Any], str | None]:
    """Return the hyperparameters, and the requirements file that one of them names.

    The old stack passed the values of a range as they are, so that those of a script have quotation marks of JSON.
    """
    kept: dict[str, Any] = {}
    requirements = None
    for name, value in given.items():
        place = f"hyperparameters.{name}"
        if facts.has_script and name == _REQUIREMENTS:
            requirements = value or None
            reason = "it is the parameter requirementsfile" if value else "there is no requirements file"
            changes.add(place, "renamed" if value else "dropped", value, reason)
        elif facts.has_script and name in OWN_HYPERPARAMETERS:
            changes.add(place, "dropped", value, f"the build sets it; {OWN_HYPERPARAMETERS[name]}")
        elif isinstance(value, dict) and any(part in value for part in _RANGE):
            kept[name] = _convert_range(place, value, facts, changes)
        else:
            kept[name] = value
    return kept, requirements


def _convert_range(place: str, given: dict[str, Any], facts: FrameworkFacts, changes: Changes) -> dict[str, Any]:
    converted = {part: value for part, value in given.items() if part != "Name"}
    for part in ("MinValue", "MaxValue"):
        if part in converted:
            converted[part] = to_number(f"{place}.{part}", converted[part], changes)
    if facts.has_script and isinstance(converted.get("Values"), list):
        values = [unquote(value) for value in converted["Values"]]
        if values != converted["Values"]:
            changes.add(f"{place}.Values", "retyped", given["Values"], "the build adds JSON's quotation marks itself")
            converted["Values"] = values
    return converted


def unquote(value: Any) -> Any:
    """Return the string inside a string in JSON's quotation marks; anything else unchanged."""
    if isinstance(value, str) and value.startswith('"'):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def convert_metric(place: str, given: Any, changes: Changes) -> Any:
    """Return a metric or objective, whose name needs no quotation marks of its own."""
    if not isinstance(given, dict) or unquote(given.get("Name")) == given.get("Name"):
        return given
    changes.add(f"{place}.Name", "retyped", given["Name"], "a metric's name needs no quotation marks")
    return given | {"Name": unquote(given["Name"])}


def convert_channels(given: Mapping[str, Any], inputmode: Any, bucket: str, changes: Changes) -> dict[str, Any]:
    """Return the channels by name.

    The old stack read a channel as File unless the channel says otherwise, and any true ``dist`` sharded the data.

    Parameters
    ----------
    bucket
        The bucket of the data if it was not one of the old stack; otherwise empty.
    """
    return {
        name: _convert_channel(f"channels.{name}", channel, inputmode, bucket, changes)
        if isinstance(channel, dict)
        else channel
        for name, channel in given.items()
    }


def _convert_channel(place: str, channel: dict[str, Any], inputmode: Any, bucket: str, changes: Changes) -> Any:
    converted = dict(channel)
    if "dist" in channel:
        converted["dist"] = "ShardedByS3Key" if channel["dist"] else "FullyReplicated"
        changes.add(f"{place}.dist", "retyped", channel["dist"], f"it is {converted['dist']}")
    if "ContentType" in channel:
        converted.setdefault("contentType", converted.pop("ContentType"))
        changes.add(f"{place}.ContentType", "renamed", channel["ContentType"], "it is contentType")
    if "uri" in channel and "path" in channel:
        changes.add(f"{place}.path", "dropped", converted.pop("path"), "uri came first in the old stack, too")
    elif bucket and "path" in channel:
        converted["uri"] = f"s3://{bucket}/{str(converted.pop('path')).lstrip('/')}"
        changes.add(f"{place}.path", "renamed", channel["path"], f"it is uri {converted['uri']}")
    if inputmode not in (None, "File") and "InputMode" not in channel:
        converted["InputMode"] = "File"
        changes.add(
            f"{place}.InputMode", "defaulted", None, "it is File, as in the old stack; inputmode is the default"
        )
    return converted


def convert_tags(given: Any, changes: Changes) -> Any:
    """Return tags by name; those of the old stack are left out."""
    if not isinstance(given, list) or not all(isinstance(tag, dict) and "Key" in tag for tag in given):
        return given
    tags = {str(tag["Key"]): tag.get("Value", "") for tag in given}
    for name in [name for name in tags if name.lower().startswith(("sagebuild:", "aws:"))]:
        changes.add(f"Tags.{name}", "dropped", tags.pop(name), "names with this prefix are reserved")
    changes.add("Tags", "retyped", given, "it is an object of names and values")
    return tags


def convert_pipeline(given: Any, environment: Any, changes: Changes) -> Any:
    """Return the containers before the model's; the old stack gave each of them modelhostingenvironment."""
    if not isinstance(given, list):
        return given
    if any(isinstance(part, dict) and "tag" in part for part in given):
        reason = "a tag is one of the new repository, output ImageRepositoryUri; copy the images there"
        changes.add("pipeline", "kept", given, reason)
    if not environment:
        return given
    changes.add("pipeline", "defaulted", given, "each container has the modelhostingenvironment of the old stack")
    return [{"environment": environment} | part if isinstance(part, dict) else part for part in given]


def shorten_source(name: str, value: Any, bucket: str, changes: Changes) -> Any:
    """Return the key of an archive in the old stack's code bucket, for the code bucket of the new stack."""
    start = f"s3://{bucket}/"
    if not bucket or not isinstance(value, str) or not value.startswith(start):
        return value
    key = value.removeprefix(start)
    changes.add(name, "retyped", value, f"it is {key} in the new code bucket; copy the archive there")
    return key
