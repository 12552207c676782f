"""Finds why a parameter's value is refused, for those reasons that the skill can say in every language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.parameters.kinds import Hours, WholeNumber
from sagebuild.parameters.store import read_document
from sagebuild.service import Service


class Refusal(NamedTuple):
    """The values that a parameter may have.

    Parameters
    ----------
    lowest, highest
        The limits, in the parameter's own unit.
    framework
        The framework that limits the parameter to one instance; empty if none does.
    """

    lowest: float
    highest: float
    framework: str = ""


def find_refusal(service: Service, name: str, value: str) -> Refusal | None:
    """Return why a number is refused for a parameter; None if that is not a matter of its limits.

    Raises
    ------
    ParameterError
        The stored document is invalid.
    """
    limits = next(_find_limits(name), None)
    if limits is None or not value.replace(".", "", 1).isdecimal():
        return None
    if not limits.lowest <= float(value) <= limits.highest:
        return limits
    if name != "traininstancecount" or float(value) == 1:
        return None
    parameters = parse_document(read_document(service), default_framework=service.settings.framework)
    return Refusal(1, 1, parameters.framework) if parameters.facts.trains_on_one_instance else None


def _find_limits(name: str) -> Iterator[Refusal]:
    field = BuildParameters.model_fields.get(name)
    for kind in field.metadata if field else ():
        if isinstance(kind, WholeNumber | Hours):
            yield Refusal(kind.minimum, kind.maximum)
