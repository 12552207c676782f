"""Converts what several kinds of requests have: the network, tags and durations; and orders a document."""

from __future__ import annotations

from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.source import Source
from sagebuild.parameters import MODELS, BuildParameters
from sagebuild.parameters.common import Common, DataAndSteps
from sagebuild.units import SECONDS_PER_HOUR

_RESERVED = ("aws:", "sagebuild:")


def convert_network(draft: Draft, source: Source) -> None:
    """Set the network of the training and the model; a model with another network than its training is reported."""
    vpc = source.child("VpcConfig")
    asked = {
        "subnets": (vpc.name("Subnets"), vpc.take_list("Subnets")),
        "securitygroups": (vpc.name("SecurityGroupIds"), vpc.take_list("SecurityGroupIds")),
        "networkisolation": (source.name("EnableNetworkIsolation"), source.take("EnableNetworkIsolation") or False),
    }
    if not draft.has_network:
        for name, (origin, value) in asked.items():
            draft.put(name, value or None, origin)
        draft.has_network = True
        return
    for name, (origin, value) in asked.items():
        kept = draft.document.get(name)
        if value and value != kept:
            draft.refuse(origin, value, f"{name} is for the training and the model; the training's value is kept")
        elif kept and not value:
            draft.note(f"The model also gets {name} of the training, which its own request does not have.")


def convert_tags(draft: Draft, source: Source) -> None:
    """Set the tags that are the user's own."""
    for tag in source.children("Tags"):
        name, value = tag.take_text("Key"), tag.take("Value") or ""
        if name.lower().startswith(_RESERVED):
            draft.give(f"{tag.field} ({name})")
        else:
            draft.put_entry("Tags", name, value, tag.field)


def to_hours(seconds: Any) -> Any:
    """Return hours for a number of seconds; any other value as it is, for the check of the document."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return seconds
    hours = seconds / SECONDS_PER_HOUR
    return int(hours) if hours == int(hours) else hours


def order_parameters(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the framework's own parameters first."""
    model = MODELS.get(str(document.get("framework")), BuildParameters)
    own = (name for name in model.model_fields if name not in BuildParameters.model_fields)
    names = ["framework", *own, *Common.model_fields, *DataAndSteps.model_fields]
    return {name: document[name] for name in dict.fromkeys(names) if name in document} | document
