"""Finds the next bigger or smaller instance type of the same family."""

from __future__ import annotations

from sagebuild.cost.offered import find_offered
from sagebuild.errors import InvalidValueError
from sagebuild.parameters import parse_document
from sagebuild.parameters.store import read_document
from sagebuild.service import Service

_SIZES = ("medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge")


def find_other_size(service: Service, size: str) -> str:
    """Return the training instance type that is one size "bigger" or "smaller" than the document's.

    Raises
    ------
    ParameterError
        The document is invalid.
    InvalidValueError
        The region has no such instance type.
    """
    parameters = parse_document(read_document(service), default_framework=service.settings.framework)
    current = parameters.traininstancetype
    family, _, now = current.rpartition(".")
    places = range(len(_SIZES)) if size == "bigger" else reversed(range(len(_SIZES)))
    ordered = [_SIZES[place] for place in places]
    offered = find_offered("traininstancetype", service.region)
    after = ordered[ordered.index(now) + 1 :] if now in ordered else []
    found = next((f"{family}.{other}" for other in after if f"{family}.{other}" in offered), None)
    if found is None:
        raise InvalidValueError(f"traininstancetype is {current}; no {size} one of its family is known in the region.")
    return found
