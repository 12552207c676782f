"""Reads the build parameters that a person can say, and their values as they are spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters import parse_document
from sagebuild.parameters.store import read_document
from sagebuild.parameters.typed_text import read_typed
from sagebuild.service import Service

# The parameters that voice may read and set. Names of data, code and images are easier to type.
NUMBERS = ("hostinstancecount", "traininstancecount", "trainvolumesize", "trainmaxrun", "maxtrainingjobs")
INSTANCE_TYPES = ("hostinstancetype", "traininstancetype")
SPOKEN = NUMBERS + INSTANCE_TYPES


def read_parameter(service: Service, name: str) -> str:
    """Return the value that the next build will have.

    Raises
    ------
    ParameterError
        The document is invalid, or voice may not read the parameter.
    """
    _refuse_unspoken(name)
    parameters = parse_document(read_document(service), default_framework=service.settings.framework)
    return write_spoken(getattr(parameters, name))


def read_said(said: Mapping[str, str]) -> dict[str, Any]:
    """Return parameters as they were spoken, in the form that `plan_change` takes.

    Raises
    ------
    ParameterError
        Voice may not set one of them.
    """
    for name in said:
        _refuse_unspoken(name)
    return {name: read_typed(name, value) for name, value in said.items()}


def write_spoken(value: object) -> str:
    """Write a parameter's value for speech."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _refuse_unspoken(name: str) -> None:
    if name not in SPOKEN:
        raise ParameterError(
            f"{name} cannot be read or set by voice; edit the parameter document. "
            f"Voice can read and set {', '.join(SPOKEN)}."
        )
