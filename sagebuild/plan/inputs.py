"""Describes what a build reads, with the version of each input, so that a model's lineage can name its data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildInput
from sagebuild.parameters import BuildParameters
from sagebuild.plan.storage import list_versions
from sagebuild.requests.bodies import read_channels
from sagebuild.requests.script_mode import locate_source
from sagebuild.service import Service
from sagebuild.steps.package import find_version

_DIGITS = 16  # of a version, in hexadecimal


def describe_inputs(context: BuildContext[BuildParameters]) -> list[BuildInput]:
    """Describe the data of the training and its source archive as they are now.

    The version of data is a hash of the keys, ETags and sizes of its objects. It is empty if there are more than
    10,000, or if the bucket denies access.
    """
    return list(_list_inputs(context)) if context.parameters.has_training else []


def _list_inputs(context: BuildContext[BuildParameters]) -> Iterator[BuildInput]:
    service, parameters = context.service, context.parameters
    for name, channel in read_channels(context).items():
        if channel.uri and not channel.output:
            yield {"name": name, "uri": channel.uri, "version": hash_data(service, channel.uri)}
    source = locate_source(service, getattr(parameters, "trainsourcefile", None))
    if source and not getattr(parameters, "git_config", None):
        yield {"name": "source", "uri": source, "version": find_version(service, source)}


def hash_data(service: Service, uri: str) -> str:
    """Return the version of the data at an address; empty if it cannot be listed."""
    try:
        versions = list_versions(service, uri)
    except OverflowError:
        return ""
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "NoSuchBucket"):
            return ""
        raise
    text = json.dumps(sorted(versions), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
